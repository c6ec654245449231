"""A parameter of the query is as a grant demands: a flag, a choice, or one of a list."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import admits

from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.parameters import Flag

PATH: Final = CONSTRAINTS["path"]
SIGNAL: Final = CONSTRAINTS["signal"]


FLAGS = [each for each in CONSTRAINTS.values() if isinstance(each, Flag)]


@pytest.mark.parametrize("constraint", FLAGS, ids=lambda each: each.name)
def test_a_flag_is_admitted_only_as_it_is_demanded(constraint: Flag) -> None:
    for granted in (False, True):
        assert admits(constraint.name, granted, granted)
        assert not any(admits(constraint.name, granted, value) for value in (not granted, None, 1, 0, "", "true"))
        assert constraint.least(granted) is granted
    assert constraint.least("true") is None


@pytest.mark.parametrize(
    ("path", "passes"), [("/data", True), ("/data/x/y", True), ("/database", False), ("/etc", False), (None, False)]
)
def test_a_path_is_one_of_the_granted(path: str | None, *, passes: bool) -> None:
    assert admits("path", ("/srv", "/data/**"), path) is passes


@pytest.mark.parametrize("item", ["/data/**", "/", "/etc/passwd", "/a*/b?", "/..data"])
def test_a_clean_path_has_no_fault(item: str) -> None:
    assert PATH.fault(item) == ""


@pytest.mark.parametrize("item", ["", "data", "/data/", "/data/../etc", "/./a", "//a", "/a/."])
def test_a_path_that_never_matches_is_told(item: str) -> None:
    assert PATH.fault(item) == "not a clean absolute path, like /data/**"


@given(st.text("/.*?a", max_size=8))
def test_a_path_that_is_listed_admits_itself(item: str) -> None:
    if not PATH.fault(item):
        assert admits("path", (item,), item.replace("*", "x").replace("?", "x"))


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
    assert SIGNAL.within(("1", "SIGKILL"), ("hup", "kill", "TERM"))
    assert not SIGNAL.within(("HUP", "TERM"), ("HUP",))


@pytest.mark.parametrize("item", ["HUP", "sighup", "9", "SIGRTMIN+3"])
def test_a_signal_has_no_fault(item: str) -> None:
    assert SIGNAL.fault(item) == ""


@pytest.mark.parametrize("item", ["", "H U P", "[1]"])
def test_what_is_no_signal_is_told(item: str) -> None:
    assert SIGNAL.fault(item) == "not a signal, like HUP"


def test_signals_are_named() -> None:
    assert str(Condition(SIGNAL, ("HUP", "TERM"))) == "signal is HUP or TERM"


DEMANDS = {
    "registries": ("default", "no registry host is named"),
    "buildx_builders": ("none", "name is not one of a privileged builder, buildx_buildkit_..."),
}


@pytest.mark.parametrize("word", DEMANDS)
def test_only_what_certainly_keeps_to_a_demand_is_admitted(word: str) -> None:
    constraint, (value, says) = CONSTRAINTS[word], DEMANDS[word]
    assert constraint.choices == (value,)
    assert [admits(word, value, each) for each in (True, False, None, 1, value)] == [True] + [False] * 4
    assert [constraint.least(each) for each in (True, False)] == [value, None]
    assert constraint.by_default(False)  # noqa: FBT003 (the value of a claim)
    assert str(Condition(constraint, value)) == says
