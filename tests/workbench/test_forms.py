"""What a request asks for stands where the table of its operation has it."""

import json

import pytest

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.vocabulary import find_words, is_about_object
from dockerproxy.workbench.forms import PLACES, make_example


@pytest.mark.parametrize("name", PLACES)
def test_each_place_is_one_of_the_operation_and_each_word_one_that_it_bears(name: str) -> None:
    table = BODIES[name]
    known = {field.path.partition(".")[0].removesuffix("[]") for field in table.fields}
    operation = OPERATIONS[name]
    words = {word for word in find_words(operation) if not is_about_object(operation, word)}
    for word, (path, _) in PLACES[name].items():
        first = path.partition(".")[0].removesuffix("[]")
        assert word not in words or not path or first in known | {f"{first}[]" for first in known}, (word, path)


def test_things_that_stand_in_one_list_stand_there_together() -> None:
    example = make_example(OPERATIONS["ContainerCreate"], {"binds": "/srv:ro", "volumes": "data", "publish": "80/::1"})
    assert json.loads(example.body or b"") == {
        "HostConfig": {
            "Binds": ["/srv:/mnt:ro", "data:/data"],
            "PortBindings": {"80/tcp": [{"HostPort": "80", "HostIp": "::1"}]},
        }
    }
