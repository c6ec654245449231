"""A signal is the same by its name and its number."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.signal import CONSTRAINT


@pytest.mark.parametrize(
    ("granted", "signal", "passes"),
    [
        (("hup", "x"), "HUP", True),
        (("SIGHUP",), "HUP", True),
        (("9",), "KILL", True),
        (("HUP",), "KILL", False),
        (("*",), "HUP", False),
        (("HUP",), None, False),
    ],
)
def test_a_signal_is_known_in_all_its_spellings(granted: tuple[str, ...], signal: str | None, *, passes: bool) -> None:
    assert admits("signal", granted, signal) is passes


def test_one_list_is_within_another_by_the_names_of_its_signals() -> None:
    assert CONSTRAINT.within(("1", "SIGKILL"), ("hup", "kill", "TERM"))
    assert not CONSTRAINT.within(("HUP", "TERM"), ("HUP",))


@pytest.mark.parametrize("item", ["HUP", "sighup", "9", "SIGRTMIN+3"])
def test_a_signal_has_no_fault(item: str) -> None:
    assert CONSTRAINT.fault(item) == ""


@pytest.mark.parametrize("item", ["", "H U P", "[1]"])
def test_what_is_no_signal_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item) == "not a signal, like HUP"


def test_signals_are_named() -> None:
    assert str(Condition(CONSTRAINT, ("HUP", "TERM"))) == "signal is HUP or TERM"
