"""What differs between two policies is what is allowed, however it is written."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import condition, environments, policy_of

from dockerproxy.advice.denials import Adviser
from dockerproxy.api.bodies.tables import CONTAINED, SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.differences import Change, describe, digest, find_changes, find_ways
from dockerproxy.policy.model import Denial, Grant, Mode, Policy, Source
from dockerproxy.policy.objects import BUILD, TAGGING
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.tenancy.own import Own
from dockerproxy.tenancy.quota import Quota

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
                    Source(source),
                    tuple(condition(word, value) for word, value in values.items()),
                )
                for name, values in lines
            ),
            denials=(Denial(frozenset(deny), Source("deny")),) if deny else (),
            advice=Adviser(lambda *_: "nothing"),
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


def test_a_quota_is_a_difference_and_the_name_of_its_socket_is_none() -> None:
    def granting_with(quota: Quota) -> CompiledPolicy:
        return compile_policy(granting(LIST).policy._replace(tenancy=Own("ci", quota)))

    free, tight, same = map(
        granting_with, (Quota({}, ""), Quota({"containers": 3}, "a"), Quota({"containers": 3}, "b"))
    )
    changes = find_changes(free, tight)
    assert changes
    assert list(changes.lines()) == ["quota containers 3, was none"]
    assert not find_changes(tight, same)
    assert digest(free) != digest(tight) == digest(same)


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
    before, contained = set(describe(granting(LIST))), set(describe(granting(LIST, (name, {}))))
    assert contained - before == {name} - {"ContainerList", BUILD, TAGGING} - SEALED.keys()  # Two need tags.
    if name in CONTAINED:
        assert set(describe(granting(LIST, (name, OPEN)))) - before == {f"{name}: unrestricted"}


# Bodies

OPEN: Mapping[str, Value] = {"unrestricted": True}
CREATE: Line = ("ContainerCreate", {})
CREATE_OPEN: Line = ("ContainerCreate", OPEN)
CREATE_WITH_BINDS: Line = ("ContainerCreate", {"binds": ("/srv",)})
CREATE_WITHIN: Line = ("ContainerCreate", {"memory": "1GiB", "user": "not-root"})


def ways(*lines: Line) -> tuple[str, ...]:
    return find_ways(granting(*lines), lines[0][0])


def test_what_a_grant_says_of_bodies_may_be_more_than_one_that_says_nothing() -> None:
    assert ways(CREATE, CREATE_WITH_BINDS) == ("ContainerCreate: {binds: [/srv]}",)
    assert ways(CREATE, CREATE_WITHIN) == ("ContainerCreate", 'ContainerCreate: {memory: "1GiB", user: not-root}')
    connect: Line = ("NetworkConnect", {"networks": ("front",)})
    assert ways(("NetworkConnect", {}), connect) == ("NetworkConnect", "NetworkConnect: {networks: [front]}")
    run: Line = ("ContainerExec", {"containers": ("web",), "commands": (("sh",),)})
    assert ways(("ContainerExec", {}), run) == ("ContainerExec",)


def test_a_grant_that_admits_what_another_one_does_not_is_said_beside_it() -> None:
    publish: Line = ("ContainerCreate", {"publish": Pairs((("ports", ("80",)),))})
    assert ways(CREATE, publish) == ('ContainerCreate: {publish: {ports: ["80"]}}',)
    rename: Line = ("ContainerRename", {"containers": ("a",)})
    to_b: Line = ("ContainerRename", {"containers": ("a",), "names": ("b",)})
    assert len(ways(rename, to_b)) == len((rename, to_b)), "the one lets a name be given that the other does not"
    joins: Line = ("ContainerCreate", {"networks": ("default", "front")})
    assert len(ways(CREATE, joins)) == len((CREATE, joins)), "Podman has another name for the default network"


def test_one_grant_that_is_unrestricted_says_all() -> None:
    assert ways(CREATE, CREATE_WITH_BINDS, CREATE_OPEN, CREATE_WITHIN) == ("ContainerCreate: unrestricted",)
    web: Line = ("ContainerExec", {"containers": ("web",), **OPEN})
    assert ways(("ContainerExec", {}), web) == (
        "ContainerExec",
        "ContainerExec: {containers: [web], unrestricted: true}",
    )
    assert ways(("ContainerExec", OPEN), web) == ("ContainerExec: unrestricted",)


def test_to_be_opened_is_a_gain() -> None:
    changes = find_changes(granting(CREATE), granting(CREATE_OPEN))
    assert changes.changed == (Change(("ContainerCreate",), ("ContainerCreate: unrestricted",)),)
    assert list(changes.lines()) == ["gained ContainerCreate: unrestricted; lost ContainerCreate"]
    assert find_changes(granting(), granting(("SwarmInit", OPEN))).gained == ("SwarmInit: unrestricted",)
    assert not find_changes(granting(), granting(("SwarmInit", {})))


def test_the_order_of_a_command_and_nothing_else_in_what_is_said_of_bodies_is_a_difference() -> None:
    def made(*ports: str, labels: tuple[str, str], commands: tuple[tuple[str, ...], ...]) -> CompiledPolicy:
        publish = Pairs((("ports", ports), ("addresses", ("::1",))))
        pairs = Pairs(tuple((name, "x") for name in labels))
        return granting(
            ("ContainerCreate", {"publish": publish, "labels": pairs}), ("ContainerExec", {"commands": commands})
        )

    one = made("80", "90", labels=("a", "b"), commands=(("ls", "-l"), ("sh",)))
    assert not find_changes(one, made("90", "80", "80", labels=("b", "a"), commands=(("sh",), ("ls", "-l"))))
    assert find_changes(one, made("80", "90", labels=("a", "b"), commands=(("-l", "ls"), ("sh",))))
    assert "ContainerExec: {commands: [[ls, -l], [sh]]}" in "\n".join(describe(one)).replace('"-l"', "-l")


def test_a_setting_that_changes_what_is_allowed_is_a_difference() -> None:
    text = "sockets: {ci: {path: /ci.sock, allow: [own, ContainerCreate], MORE}}"
    plain, *others = (
        read_policy(text.replace("MORE", more), "p").sockets[0].policy
        for more in (
            "own_as: ci",
            "own_as: team",
            "own_socket: /h/ci.sock",
            "paths: {/w: /srv/w, /a: /b}",
            "hide: [labels, arguments]",
        )
    )
    said = ["own_as team, was ci", "own_socket /h/ci.sock, was none", "paths /a is /b, /w is /srv/w, was none"]
    said += ["hide arguments, labels, was none"]
    for other, line in zip(others, said, strict=True):
        assert next(find_changes(plain, other).lines()) == line
        assert digest(plain) != digest(other)
