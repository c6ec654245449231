"""What is proven of two sockets no request shows otherwise, and what has no rule is not proven."""

import json
from dataclasses import replace
from typing import TypeVar, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rows import for_each
from workbench.pairs import WORLDS, pairs, read
from workbench.requests import ANY, NOTHING, Asked, record, send, take_for_name

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.differences import find_changes
from dockerproxy.policy.model import Decision, Mode, Policy
from dockerproxy.policy.phases import Verdict
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.inclusion import find_doubts

T = TypeVar("T", SocketSettings, CompiledPolicy, Policy, Case, Decision)


def socket(*lines: str, deny: tuple[str, ...] = (), **said: object) -> SocketSettings:
    found = read(list(lines), list(deny), said)
    assert found is not None, lines
    return found


def doubted(old: SocketSettings, new: SocketSettings) -> list[str]:
    return [doubt.what for doubt in find_doubts(old, new)]


@given(ANY, st.data())
def test_what_is_proven_is_shown_otherwise_by_no_request(asked: Asked, data: st.DataObject) -> None:
    learned = send(NOTHING, asked, take_for_name)
    assume(isinstance(learned, Verdict))
    assert isinstance(learned, Verdict)
    old, new = data.draw(pairs(record(learned)))
    assume(not doubted(old, new))
    answer = data.draw(WORLDS)
    was, now = (send(each.policy, asked, answer) for each in (old, new))
    if isinstance(now, Verdict) and now.passes and now.decision.allowed:
        assert isinstance(was, Verdict)
        assert was.passes
        assert was.decision.allowed or old.policy.mode is not Mode.ENFORCE


PROVEN: tuple[tuple[list[str], list[str]], ...] = (
    (["ContainerList"], []),
    (["containers:read"], ["ContainerInspect", "ContainerLogs: {follow: false}"]),
    (["ContainerStart: {containers: [web, 'db-*']}"], ["ContainerStart: {containers: ['db-?', 'db-1*', web]}"]),
    (["ContainerKill: {signal: [TERM, INT]}"], ["ContainerKill: {signal: [INT]}"]),
    (["ContainerList: {labelled: {a: [b, c]}}"], ["ContainerList: {labelled: {a: b, d: e}, containers: [web]}"]),
    (["ContainerList: {containers: [web]}", "ContainerList: {own: true}"], ["ContainerList: {own: true}"]),
    (["ContainerCreate: {binds: ['/srv/*', '/x/**:ro']}"], ["ContainerCreate: {binds: [/srv/a, '/x/b/*:ro']}"]),
    (["ContainerCreate: {binds: ['/w/**']}"], ["ContainerCreate: {binds: ['/w/a/**', /w, /w/a/b, '/w/x:ro']}"]),
    (["ContainerCreate: {binds: ['/srv/*']}"], ["ContainerCreate"]),
    (["ContainerCreate: {memory: 2GiB}"], ["ContainerCreate: {memory: 1GiB, cpus: 1, user: not-root}"]),
    (["ContainerCreate: {publish: {ports: [8000-8999]}}"], ["ContainerCreate: {publish: {ports: [8080]}}"]),
    (["ContainerCreate: unrestricted"], ["ContainerCreate: {networks: [front], add_capabilities: [SYS_ADMIN]}"]),
    (["NetworkCreate: {subnets: [10.0.0.0/8]}"], ["NetworkCreate: {subnets: [10.9.0.0/16, 10.8.0.0/24]}"]),
    (["ImageCreate: {images: ['ghcr.io/acme/*']}"], ["ImageCreate: {images: ['ghcr.io/acme/app:*']}"]),
    (["ImageCreate: {images: ['**', 'localhost:5000/**']}"], ["ImageCreate: {images: ['**', 'localhost:5000/a:1']}"]),
    (["ImageCreate: {images: ['**', 'localhost:5000/a:1']}"], ["ImageCreate: {images: ['**']}"]),
    (["ImageCreate: unrestricted"], ["ImageCreate: {images: ['**', 'localhost:5000/**']}"]),
    (["ContainerExec: {commands: [[sh, '**']]}"], ["ContainerExec: {commands: [[sh, -c, id]]}"]),
    (["own", "ContainerCreate: {memory: 2GiB}"], ["own", "ContainerCreate: {memory: 1GiB}"]),
    *(
        (["own", f"{name}: {{own: true, running: true}}"], ["own"])
        for name in ("ContainerArchive", "ContainerExport", "PutContainerArchive")
    ),
)


@for_each(("old", "new"), PROVEN)
def test_what_is_within_is_proven_and_is_not_the_other_way_round(old: list[str], new: list[str]) -> None:
    assert not doubted(socket(*old), socket(*new))
    assert doubted(socket(*new), socket(*old))


def test_a_name_that_another_socket_builds_is_more_to_pull_and_one_that_it_no_longer_builds() -> None:
    def pulling(*images: str, tags: tuple[str, ...] = ("ghcr.io/acme/app:*",)) -> SocketSettings:
        theirs = f"theirs: {{path: /theirs.sock, allow: [ImageBuild: {{tags: {json.dumps(tags)}}}]}}"
        mine = f"mine: {{path: /mine.sock, allow: [ImageCreate: {{images: {json.dumps(images)}}}]}}"
        return read_policy(f"sockets: {{{theirs}, {mine}}}", "policy.yaml").sockets[1]

    every, both = pulling("**"), pulling("**", "ghcr.io/acme/app:1")
    assert doubted(every, both)
    assert not doubted(both, every)
    assert doubted(every, pulling("**", tags=("ghcr.io/acme/other:*",)))
    assert not doubted(every, pulling("**", tags=("ghcr.io/acme/app:*", "ghcr.io/b/c:1")))


def test_a_denial_takes_away_and_gives_back() -> None:
    free, denied = socket("containers:read"), socket("containers:read", deny=("ContainerArchive",))
    assert not doubted(free, denied)
    assert doubted(denied, free) == ["deny", "ContainerArchive"]


@for_each(
    ("old", "new", "what"),
    [
        ({}, {"mode": "report"}, "mode"),
        ({"hide": ["environment", "labels"]}, {"hide": ["labels"]}, "hide"),
        ({"quota": {"volumes": 3}}, {}, "quota"),
        ({"quota": {"volumes": 3}}, {"quota": {"volumes": 4}}, "quota"),
        ({}, {"quota": {"starts": 17}}, "quota"),
        ({"quota": {"builds": 3}}, {"quota": {"ports": 64}}, "quota"),
        ({}, {"limits": {"body": "2MiB"}}, "limits"),
        ({"permissions": "0600"}, {"permissions": "0660"}, "permissions"),
        ({"owner": 1000}, {"owner": 1001}, "owner"),
        ({"group": 1000}, {}, "group"),
    ],
)
def test_a_setting_that_is_widened_is_not_proven_and_one_that_is_narrowed_is(
    old: dict[str, object], new: dict[str, object], what: str
) -> None:
    before, after = (socket("own", "ContainerList", **said) for said in (old, new))  # type: ignore[arg-type] # none is deny
    assert what in doubted(before, after)
    assert bool(doubted(after, before)) is (what in {"limits", "permissions", "owner", "group"})


def test_settings_by_which_mounts_lead_elsewhere_must_be_the_same() -> None:
    before = socket("ContainerCreate")
    for said in ({"paths": {"/srv": "/host"}}, {"own_socket": "/host/a.sock"}):
        after = socket("ContainerCreate", **said)
        assert doubted(before, after) == doubted(after, before) == ["paths"]


@pytest.mark.parametrize("own_socket", ["", "/host/a.sock"])
def test_another_socket_of_the_policy_matters_only_to_a_client_that_gets_its_own(own_socket: str) -> None:
    before = socket("ContainerCreate", own_socket=own_socket) if own_socket else socket("ContainerCreate")
    policy = before.policy.policy
    moved = policy._replace(places=replace(policy.places, sockets=frozenset({"/elsewhere.sock"})))
    after = before._replace(policy=before.policy._replace(policy=moved))
    assert doubted(before, after) == (["paths"] if own_socket else [])


def test_a_mode_may_only_become_enforce() -> None:
    for mode in ("report", "learn"):
        before = socket("ContainerList", mode=mode)
        assert not doubted(before, before)
        assert not doubted(before, socket("ContainerList"))
        assert doubted(socket("ContainerList"), before) == ["mode"]
    assert doubted(socket(mode="report"), socket(mode="learn")) == ["mode"]


def test_a_new_socket_is_as_much_as_it_allows() -> None:
    for new in (socket("ContainerList"), socket(mode="report"), socket(mode="ask")):
        assert [doubt.what for doubt in find_doubts(None, new)] == ["socket"]
    assert not list(find_doubts(None, socket()))


def test_what_is_own_to_others_is_more() -> None:
    lines = ("own", "ContainerCreate")
    before, after = socket(*lines, own_as="ci"), socket(*lines, own_as="other")
    assert {"ContainerStart", "ContainerCreate"} <= set(doubted(before, after))
    assert "own_as" in doubted(socket("ContainerCreate"), before)
    assert "own_as" in doubted(before, socket("ContainerCreate"))


@pytest.mark.parametrize("name", ["SystemInfo", "SystemInfoLibpod"])
def test_counts_that_were_hidden_must_still_be(name: str) -> None:
    some = "ContainerList: {containers: [web]}"
    assert doubted(socket(some, name), socket(name)) == [name]
    assert not doubted(socket(name), socket(name))
    assert not doubted(socket("ContainerList", name), socket(some, name))


def test_images_that_a_grant_lists_are_shown_elsewhere() -> None:
    few, more, own = "ContainerCreate: {images: [nginx]}", "ContainerCreate: {images: [nginx, redis]}", "own"
    before, after = socket(own, few), socket(own, more)
    assert {"ContainerCreate", "ImageList", "ImageInspect", "ImageExistsLibpod"} <= set(doubted(before, after))
    assert "ImageInspect" in doubted(before, socket(own, few, "ImageCreate: {images: [app]}"))


@pytest.mark.parametrize("name", ["ImageDelete", "ImageTag", "ImageBuild"])
def test_more_names_of_images_are_more_to_give_or_remove_and_to_see(name: str) -> None:
    few, more = f"{name}: {{tags: ['ci/a*']}}", f"{name}: {{tags: ['ci/*']}}"
    assert {name, "ImageList"} <= set(doubted(socket("own", few), socket("own", more)))
    assert not doubted(socket("own", more), socket("own", few))
    assert "ImageTag" in doubted(socket("own", "ImageTag: {tags: [a]}"), socket("own", "ImageTag: unrestricted"))


@pytest.mark.parametrize("name", ["NetworkConnect", "NetworkDisconnect"])
@pytest.mark.parametrize("lead", ["own: true, ", "networks: [front], "])
def test_containers_of_others_are_more_than_own_ones(name: str, lead: str) -> None:
    free, listed = f"{name}: {{{lead}}}", f"{name}: {{{lead}containers: [db]}}"
    start = ("own", "ContainerCreate", "NetworkCreate")  # Without a create, there is nothing own to change.
    own = socket(*start, free)
    for lines in ((*start, listed), (*start, free, listed)):
        assert name in doubted(own, socket(*lines))
        assert find_changes(own.policy, socket(*lines).policy)
    assert not doubted(socket("ContainerList", "NetworkConnect"), socket("NetworkConnect: {containers: [db]}"))


@pytest.mark.parametrize("name", ["ImageDelete", "ImageDeleteLibpod"])
def test_a_list_for_all_names_of_an_image_is_not_two_lists(name: str) -> None:
    nginx, redis = f"{name}: {{images: [nginx]}}", f"{name}: {{images: [redis]}}"
    assert doubted(socket(nginx, redis), socket(f"{name}: {{images: [nginx, redis]}}")) == [name]
    assert not doubted(socket(nginx, redis), socket(redis))


def test_a_larger_create_is_more_to_change() -> None:
    own = ("own", "ContainerUpdate: {own: true}")
    small, large = "ContainerCreate: {memory: 1GiB, cpus: 2}", "ContainerCreate: {memory: 2GiB, cpus: 2}"
    assert not doubted(socket(large, *own), socket(small, *own))
    assert not doubted(socket(large, *own), socket(*own))
    assert "ContainerUpdate" in doubted(socket(small, *own), socket(large, *own))
    assert "ContainerUpdate" in doubted(socket(*own), socket(small, *own))


def test_fewer_grants_of_new_volumes_may_be_more() -> None:
    few = ("own", "ContainerCreate", "VolumeCreate: {names: ['ci-*']}")
    assert doubted(socket(*few), socket(*few[:2])) == ["VolumeCreate"]
    assert not doubted(socket(*few[:2]), socket(*few[:2], deny=("VolumeCreate",)))
    assert not doubted(socket(*few), socket(*few[:2], "VolumeCreate: {names: [ci-1]}"))


def test_a_body_that_was_held_must_still_be_held() -> None:
    some = "ContainerExec: {containers: [web], unrestricted: true}"
    assert doubted(socket("ContainerExec", some), socket(some)) == ["ContainerExec"]
    assert not doubted(socket(some), socket(some))
    assert not doubted(socket("ContainerExec", some), socket("ContainerExec", some))


# What comes later


def later(value: T, said: int) -> T:
    """Return a value with one field more, as if there were a new setting."""
    names: tuple[str, ...] = value.__match_args__
    kind = type("Later", (type(value),), {"__match_args__": (*names, "later"), "later": said})
    return cast("T", kind(*(getattr(value, name) for name in names)))


def with_later(place: str, said: int) -> SocketSettings:
    """Return a socket with something new at a place."""
    plain, name = socket("ContainerList"), "ContainerList"
    policy = plain.policy
    (case,) = policy.cases[name]

    def with_case(case: Case) -> SocketSettings:
        return plain._replace(policy=policy._replace(cases={**policy.cases, name: (case,)}))

    return {
        "socket": lambda: later(plain, said),
        "compiled": lambda: plain._replace(policy=later(policy, said)),
        "policy": lambda: plain._replace(policy=policy._replace(policy=later(policy.policy, said))),
        "case": lambda: with_case(later(case, said)),
        "decision": lambda: with_case(replace(case, decision=later(case.decision, said))),
    }[place]()


@pytest.mark.parametrize("place", ["socket", "compiled", "policy", "case", "decision"])
def test_a_setting_without_a_rule_is_never_passed_over(place: str) -> None:
    assert doubted(with_later(place, 1), with_later(place, 2)) == [
        {"case": "ContainerList", "decision": "ContainerList"}.get(place, "later")
    ]
    assert not doubted(with_later(place, 1), with_later(place, 1))


@given(st.sampled_from(sorted(OPERATIONS)))
def test_a_policy_allows_no_more_than_itself(name: str) -> None:
    found = read([f"{name}: unrestricted"], [], {}) or socket(name)
    assert not doubted(found, found)


def test_who_may_be_asked_is_never_proven_to_be_as_little() -> None:
    asks = socket("ContainerList", mode="ask")
    assert doubted(socket("ContainerList"), asks) == ["mode"]
    assert doubted(asks, asks) == []
    assert doubted(asks, socket("ContainerList")) == []
    assert doubted(socket(mode="report"), asks) != []
    assert doubted(asks, socket("ContainerList", mode="report")) == ["mode"]


def test_who_asks_and_denies_less_may_allow_more() -> None:
    old, new = socket(mode="ask", deny=("SwarmLeave",)), socket(mode="ask")
    assert doubted(old, new) == ["deny"]
    assert doubted(new, old) == []
    assert doubted(old, socket(deny=("SwarmLeave",))) == []
