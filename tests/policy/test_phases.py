"""A request that is decided says what becomes of it: whether it passes, and by which way."""

from dataclasses import replace

import pytest
from policy.judging import judged

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Verdict, deny

LIST = judged(OPERATIONS["ContainerList"])
REMOVAL = judged(OPERATIONS["VolumeDelete"])


def test_what_goes_to_the_engine_as_it_is_shares_its_clients_connection() -> None:
    assert LIST.passes
    assert LIST.is_whole
    assert not LIST.goes_alone


@pytest.mark.parametrize(
    "verdict",
    [
        REMOVAL,
        replace(LIST, hides=frozenset({"labels"})),
        replace(LIST, decision=replace(LIST.decision, shows=({},))),
        replace(LIST, decision=replace(LIST.decision, counts_for="ci")),
    ],
)
def test_what_is_more_than_passed_on_has_a_connection_of_its_own(verdict: Verdict) -> None:
    assert verdict.goes_alone
    assert not replace(verdict, to_engine=b"").goes_alone


@pytest.mark.parametrize("mode", Mode)
def test_a_denial_passes_only_where_nothing_is_refused(mode: Mode) -> None:
    denied = deny(replace(LIST, mode=mode), "there is no room")
    assert not denied.decision.allowed
    assert denied.decision.message == "ContainerList denied: there is no room"
    assert denied.passes == (mode is not Mode.ENFORCE)
