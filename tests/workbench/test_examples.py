"""Requests that are made up are of the operation that they are for, and no two of them are alike for long."""

from itertools import islice

import pytest

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import read_json
from dockerproxy.workbench.examples import list_examples


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_example_is_a_request_of_its_operation(name: str) -> None:
    for example in islice(list_examples(OPERATIONS[name], {}, ()), 50):
        request = canonicalise(example.method, example.target)
        assert isinstance(request, CanonicalRequest)
        assert request.operation.name == name
        assert example.body is None or isinstance(read_json(example.body), dict)


def test_the_plainest_come_first_and_all_that_conditions_say_is_tried() -> None:
    said: dict[str, Value] = {"containers": ("web-*",), "labelled": Pairs((("a", ("b", "c")),))}
    made = list(list_examples(OPERATIONS["ContainerLogs"], said, ({"follow": False, "containers": ("db",)},)))
    assert [(each.target, dict(each.labels)) for each in made[:3]] == [
        ("/containers/web-x/logs", {"a": "b"}),
        ("/containers/web-/logs", {"a": "b"}),
        ("/containers/web-other-1/logs", {"a": "b"}),
    ]
    assert any(each.target.endswith("?follow=1") and each.labels == {"a": "c"} for each in made)
