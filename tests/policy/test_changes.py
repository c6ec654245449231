"""What differs between two policies is what is allowed, however it is written."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import environments, policy_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.changes import Change, describe, digest, find_changes, find_ways
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.model import Denial, Grant, Mode, Policy, Value
from dockerproxy.policy.vocabulary import find_words

Line = tuple[str, Mapping[str, Value]]


def granting(
    *lines: Line, deny: tuple[str, ...] = (), mode: Mode = Mode.ENFORCE, source: str = "here"
) -> CompiledPolicy:
    """Return a policy of grants: operations with the values of their conditions."""
    return compile_policy(
        Policy(
            grants=tuple(
                Grant(
                    frozenset({name}),
                    source,
                    tuple(find_words(OPERATIONS[name])[word].make(value) for word, value in values.items()),
                )
                for name, values in lines
            ),
            denials=(Denial(frozenset(deny), "deny"),) if deny else (),
            hints=dict.fromkeys(OPERATIONS, "nothing"),
            mode=mode,
        )
    )


LIST: Line = ("ContainerList", {})
LOGS: Line = ("ContainerLogs", {})
LOGS_OF_WEB: Line = ("ContainerLogs", {"containers": ("web",)})
LOGS_OF_DB: Line = ("ContainerLogs", {"containers": ("db", "a-*"), "follow": False})


def test_operations_are_gained_and_lost_in_the_order_of_the_catalog() -> None:
    changes = find_changes(granting(LIST, LOGS_OF_DB), granting(LOGS_OF_WEB, LOGS_OF_DB, ("SystemPing", {})))
    assert changes.gained == ("SystemPing",)
    assert changes.lost == ("ContainerList",)
    assert changes.changed == (Change((), ("ContainerLogs: {containers: [web]}",)),)
    assert list(changes.lines()) == [
        "gained SystemPing",
        "lost ContainerList",
        "gained ContainerLogs: {containers: [web]}",
    ]


def test_other_conditions_are_said_with_those_that_were() -> None:
    changes = find_changes(granting(LOGS), granting(LOGS_OF_WEB))
    assert (changes.gained, changes.lost) == ((), ())
    assert changes.changed == (Change(("ContainerLogs",), ("ContainerLogs: {containers: [web]}",)),)
    assert list(changes.lines()) == ["gained ContainerLogs: {containers: [web]}; lost ContainerLogs"]


def test_the_mode_is_a_difference() -> None:
    changes = find_changes(granting(LIST), granting(LIST, mode=Mode.REPORT))
    assert changes
    assert list(changes.lines()) == ["mode report, was enforce"]
    assert digest(granting(LIST)) != digest(granting(LIST, mode=Mode.REPORT))


@pytest.mark.parametrize(
    "same",
    [
        granting(LOGS, LIST, source="elsewhere"),
        granting(LIST, LOGS, LOGS),
        granting(LIST, LOGS, LOGS_OF_WEB),
        granting(LIST, LOGS, ("SystemPing", {}), deny=("SystemPing", "ImageList")),
    ],
)
def test_another_spelling_is_no_difference(same: CompiledPolicy) -> None:
    policy = granting(LIST, LOGS)
    assert not find_changes(policy, same)
    assert describe(policy) == describe(same) == ("mode: enforce", "ContainerList", "ContainerLogs")
    assert digest(policy) == digest(same)


def test_the_order_of_items_and_conditions_is_no_difference() -> None:
    policy = granting(("ContainerLogs", {"follow": False, "containers": ("a-*", "db", "db")}))
    assert not find_changes(policy, granting(LOGS_OF_DB))
    assert find_ways(policy, "ContainerLogs") == ('ContainerLogs: {containers: ["a-*", db], follow: false}',)


def test_what_is_not_allowed_is_allowed_in_no_way() -> None:
    assert find_ways(granting(LIST), "ContainerLogs") == ()
    assert find_ways(granting(LOGS, deny=("ContainerLogs",)), "ContainerLogs") == ()


@given(environments())
def test_a_policy_does_not_differ_from_itself(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    changes = find_changes(policy, policy)
    assert not changes
    assert not list(changes.lines())
    assert re.fullmatch("[0-9a-f]{12}", digest(policy))


@given(environments(), environments())
def test_what_is_gained_one_way_is_lost_the_other_way(one: dict[str, str], other: dict[str, str]) -> None:
    old, new = policy_of(**one), policy_of(**other)
    there, back = find_changes(old, new), find_changes(new, old)
    assert there.gained == back.lost
    assert there.lost == back.gained
    assert there.changed == tuple(Change(change.after, change.before) for change in back.changed)
    assert bool(there) is (digest(old) != digest(new))


@given(st.sampled_from(sorted(OPERATIONS)))
def test_one_operation_more_is_one_line_more(name: str) -> None:
    assert set(describe(granting(LIST, (name, {})))) - set(describe(granting(LIST))) == {name} - {"ContainerList"}
