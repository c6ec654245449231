"""What a record keeps for words that restrict: enough to judge by, and no secret."""

from collections.abc import Mapping

import pytest
from advice.test_needs import CREATE, CREATES, NAMES, Engine, bounds, covers, record
from hypothesis import given
from policy.inspecting import conditions_of, inspect
from policy.policies import request_of

from dockerproxy.advice.needs import claims_of, find_needs, restricts
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.objects import Lookup
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.wire.document import Json


def test_of_labels_a_record_has_names_and_no_values_of_a_client() -> None:
    body: Json = {"Image": "app", "Labels": {"owner": "ci", "password": "hunter22"}}
    granted: Mapping[str, Value] = {"labels": Pairs((("owner", "ci"),))}
    kept = record("POST /containers/create", body, granted=granted)["labels"]
    assert kept == Pairs((("owner", "ci"), ("password", ())))
    other: Mapping[str, Value] = {"labels": Pairs((("password", "x"),))}
    (fault,) = judge_claims(conditions_of(other), claims_of(CREATE, {"labels": kept})).faults
    assert str(fault) == 'labels has "password", but the rule sets "x"'


@pytest.mark.parametrize("labels", [{f"l{number}": "" for number in range(101)}, {"x" * 301: ""}, {"a\nb": ""}])
def test_of_labels_that_are_too_many_a_record_says_only_that_they_may_be_any(labels: dict[str, Json]) -> None:
    kept = record("POST /containers/create", {"Image": "app", "Labels": labels})
    assert kept["labels"] == ""
    assert not covers({"labels": Pairs((("team", "ci"),))}, kept)


def test_limits_that_are_filled_in_are_kept_to() -> None:
    sent: Json = {"Memory": 0, "MemorySwap": 0, "NanoCpus": 0, "CpuQuota": 0, "CpuPeriod": 0, "PidsLimit": None}
    kept = record("POST /containers/create", {"Image": "app", "HostConfig": sent})
    assert not {"memory", "cpus", "pids"} & kept.keys()


@given(NAMES, CREATES, bounds())
def test_what_a_grant_denies_is_denied_by_a_record_of_it_made_without_an_answer_of_the_engine(
    query: str, body: Json, granted: dict[str, Value]
) -> None:
    request = request_of("POST", f"/containers/create{query}")
    demands = {word: value for word, value in granted.items() if restricts(CREATE, CONSTRAINTS[word])}
    inspected = inspect(BODIES["ContainerCreate"], demands, request, Known(body=(body,), answers=Engine()))
    kept = find_needs(read_request(BODIES["ContainerCreate"], request, Known(body=(body,))), asks=False)
    assert not isinstance(kept, Lookup)
    if "unrestricted" not in kept:
        broken = {fault.word for fault in judge_claims(conditions_of(demands), claims_of(CREATE, kept)).faults}
        assert {fault.word for fault in inspected.faults if fault.word in demands} <= broken
