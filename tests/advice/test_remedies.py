"""The line that a denial proposes admits the request, with all that the grant says already."""

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from policy.ordinary import Named, ordinary
from policy.policies import condition, policy_with, request_for, request_of
from policy.stamping import MINE, POLICY, THEIRS, engine, send
from rows import for_each

from dockerproxy.advice.denials import widen
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy import globs
from dockerproxy.policy.claim import Fault, Known
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision, Grant, Mode, Source
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.values import MOST_LISTED, Pairs, Value
from dockerproxy.policy.vocabulary import LONGEST
from dockerproxy.wire.document import Json


def fault(word: str, value: Value) -> Fault:
    return Fault("X", "x", "is wrong", word, value)


@for_each(
    ("values", "faults", "needed"),
    [
        ({}, [fault("binds", ("/a",))], {"binds": ("/a",)}),
        ({"binds": ("/b",)}, [fault("binds", ("/a",))], {"binds": ("/b", "/a")}),
        ({"images": ("a",)}, [fault("binds", ("/a",))], {"images": ("a",), "binds": ("/a",)}),
        ({}, [fault("binds", ("/a",)), fault("binds", ("/b",))], {"binds": ("/a", "/b")}),
        ({"user": "not-root"}, [fault("user", "any")], {"user": "any"}),
        ({"memory": "1GiB"}, [fault("memory", "2GiB")], {"memory": "2GiB"}),
        ({"memory": "1GiB"}, [fault("memory", "3GiB"), fault("memory", "2GiB")], {"memory": "3GiB"}),
        ({"follow": False}, [fault("follow", value=True)], {"follow": True}),
        (
            {"publish": Pairs((("ports", ("80",)),))},
            [fault("publish", Pairs((("addresses", ("::",)),)))],
            {"publish": Pairs((("ports", ("80",)), ("addresses", ("::",))))},
        ),
    ],
)
def test_a_grant_says_what_it_said_and_what_is_needed(
    values: dict[str, Value], faults: list[Fault], needed: dict[str, Value]
) -> None:
    assert widen(values, faults) == needed


def test_what_no_value_admits_is_demanded_by_the_grant() -> None:
    assert widen({"memory": "1GiB"}, [fault("memory", "")]) == 'only a grant without condition "memory" allows it'
    assert widen({}, [fault("follow", value=False)]) == {"follow": False}


def test_no_line_is_proposed_that_lists_more_than_a_person_reads() -> None:
    faults = [fault("binds", (f"/srv/{number}",)) for number in range(MOST_LISTED + 1)]
    assert widen({}, faults[1:]) == {"binds": tuple(f"/srv/{number}" for number in range(1, MOST_LISTED + 1))}
    assert widen({}, faults) == "it needs more than 100 items, so allow them by patterns or ranges"


def test_no_line_is_proposed_that_is_longer_than_a_person_reads() -> None:
    """What it gives away depends on each character, and patterns stay in memory."""
    assert widen({}, [fault("binds", (f"/{'a' * LONGEST}",))]) == 'condition "binds" cannot list it'
    long = [fault("binds", (f"/srv/{number}{'a' * 200}",)) for number in range(20)]
    assert widen({}, long) == "it needs a line of more than 4096 characters, so allow them by patterns or ranges"
    labels = fault("labels", Pairs((("a", ("x" * 5000,)),)))
    assert widen({}, [labels]) == widen({}, long)


def test_a_long_path_is_in_no_pattern_that_is_remembered() -> None:
    globs._compile.cache_clear()
    policy = policy_with(Grant(frozenset({"ContainerCreate"}), Source("ContainerCreate")))
    request = request_of("POST", "/containers/create")
    for length in (10, LONGEST, 100_000):
        known = ordinary("ContainerCreate", None)._replace(body=({"HostConfig": {"Binds": [f"/{'a' * length}:/b"]}},))
        decided = decide(policy, request, known)
        assert isinstance(decided, Decision)
        assert len(decided.message) < 2000
    assert globs._compile.cache_info().currsize < 20


@pytest.mark.parametrize("value", [("/srv/*",), (("ls", "a?"),)])
def test_what_a_client_wrote_becomes_no_pattern(value: Value) -> None:
    assert widen({}, [fault("binds", value)]) == 'condition "binds" cannot list it: * and ? are wildcards there'


def settle(body: Json, granted: dict[str, Value]) -> Decision:
    """Decide about a container under a grant, for an engine that knows every name."""
    conditions = tuple(condition(word, value) for word, value in granted.items())
    policy = policy_with(Grant(frozenset({"ContainerCreate"}), Source("here"), conditions))
    known = Known(body=(json.loads(json.dumps(body)),), answers=Named())
    decision = decide(policy, request_for(OPERATIONS["ContainerCreate"]), known)
    assert isinstance(decision, Decision)
    return decision


def read(value: object) -> Value:
    """Return what a line says as a condition has it."""
    if isinstance(value, dict):
        return Pairs(tuple((name, tuple(texts) if isinstance(texts, list) else texts) for name, texts in value.items()))
    if isinstance(value, list):
        return tuple(tuple(item) if isinstance(item, list) else item for item in value)
    assert isinstance(value, bool | str)
    return value


@pytest.mark.parametrize(
    ("granted", "field", "amount", "line"),
    [
        ({"memory": "1GiB"}, "Memory", 2**31, '{memory: "2GiB"}'),
        ({"memory": "1GiB", "pids": "100"}, "MemorySwap", 3 * 2**30, '{memory: "1536MiB", pids: '),
        ({"cpus": "1"}, "NanoCpus", 1_500_000_000, "{cpus: "),
        ({"cpus": "1"}, "CpuQuota", 250_000, "{cpus: "),
        ({"pids": "100", "images": ("app",)}, "PidsLimit", 101, "{pids: "),
    ],
)
def test_the_line_for_an_amount_over_its_limit_has_the_higher_amount(
    granted: dict[str, Value], field: str, amount: int, line: str
) -> None:
    body: Json = {"Image": "app", "HostConfig": {field: amount}}
    denial = settle(body, granted)
    found = re.search('; to allow it, add "(ContainerCreate: .*)" to "allow"$', denial.message)
    assert found, denial.message
    assert line in found[1]
    proposed = {word: read(value) for word, value in yaml.safe_load(found[1])["ContainerCreate"].items()}
    assert settle(body, proposed).allowed
    assert granted.keys() == proposed.keys()


def test_an_amount_without_a_bound_is_demanded_by_the_grant() -> None:
    denial = settle({"Image": "app", "HostConfig": {"Memory": -1}}, {"memory": "1GiB"})
    assert denial.message.endswith('; only a grant without condition "memory" allows it')


HOST_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "Binds": st.lists(st.sampled_from(["/srv/a:/a", "/srv/b:/b:ro", "data:/d", "/srv:/x"]), max_size=3),
        "NetworkMode": st.sampled_from(["", "bridge", "ci", "back", "none"]),
        "Memory": st.sampled_from([0, 2**30, 2**31, 2**31 + 1]),
        "MemorySwap": st.sampled_from([0, 2**31, 2**33]),
        "PidsLimit": st.sampled_from([10, 1000]),
        "CapAdd": st.lists(st.sampled_from(["NET_RAW", "cap_sys_time"]), max_size=2),
        "PortBindings": st.dictionaries(
            st.just("80/tcp"),
            st.lists(st.fixed_dictionaries({"HostPort": st.sampled_from(["80", "81-82"])}), max_size=2),
            max_size=1,
        ),
    },
)
GRANTED = st.fixed_dictionaries(
    {},
    optional={
        "images": st.sampled_from([("app",), ("other:*",)]),
        "binds": st.sampled_from([("/srv/**:ro",), ("/srv/a",)]),
        "networks": st.sampled_from([("ci",), ("default",)]),
        "volumes": st.just(("x*",)),
        "add_capabilities": st.just(("CHOWN",)),
        "user": st.sampled_from(["any", "not-root"]),
        "publish": st.sampled_from([Pairs((("ports", ("80",)),)), Pairs((("addresses", ("::1",)),))]),
        "memory": st.just("1GiB"),
        "pids": st.just("100"),
    },
)


@given(HOST_CONFIGS, GRANTED, st.sampled_from(["", "1000:1000"]))
def test_the_line_that_a_denial_proposes_admits_the_request(
    host: dict[str, Json], granted: dict[str, Value], user: str
) -> None:
    body: Json = {"Image": "app", "User": user, "HostConfig": host}
    denial = settle(body, granted)
    found = re.search('; to allow it.*?, add "(ContainerCreate: .*)" to "allow"$', denial.message)
    if denial.allowed or found is None:
        assert denial.allowed or not found
        return
    line = yaml.safe_load(found[1])["ContainerCreate"]
    proposed = {word: read(value) for word, value in line.items()}
    assert settle(body, proposed).allowed
    assert granted.keys() <= proposed.keys()


@pytest.mark.parametrize("labels", [None, MINE, THEIRS])
def test_whether_a_name_is_free_takes_no_word_in_the_line(labels: dict[str, str] | None) -> None:
    """A create has no condition `own`, though it is judged by whether what has its name is own."""
    body = {"Image": "busybox", "Labels": {"stage": "test"}, "HostConfig": {"Binds": ["/etc:/e"]}}
    message = send("POST /v1.45/containers/create?name=web", body, engine(labels)).decision.message
    assert 'add "ContainerCreate: {images: [busybox], labels: {stage: test}, binds: [/etc]}"' in message
    taken = send("POST /v1.45/containers/create?name=web", {**body, "HostConfig": {}}, engine(THEIRS))
    assert "own: [" not in taken.decision.message


@for_each(
    ("line", "proposed"),
    [
        ("GET /v1.45/volumes/web", "VolumeInspect: {volumes: [web]}"),
        ("DELETE /v1.45/volumes/web", "VolumeDelete: {volumes: [web]}"),
        ("GET /v1.45/networks/3f9a", "NetworkInspect: {networks: [web]}"),
        ("POST /v1.45/containers/3f9a/kill", "ContainerKill: {containers: [web]}"),
        ("POST /v1.45/containers/web/start", "ContainerStart: {containers: [web]}"),
    ],
)
def test_the_line_for_an_object_of_others_beside_own_has_its_name(line: str, proposed: str) -> None:
    """Only the log has the reason: the client gets what it gets for a name of nothing."""
    allow = f"[own, {proposed}, ContainerCreate]"
    wider = read_policy(f"sockets: {{ci: {{path: /ci.sock, own_as: team, allow: {allow}}}}}", "p").sockets[0].policy
    for policy in (POLICY, compile_policy(POLICY.policy._replace(mode=Mode.REPORT))):
        decision = send(line, None, engine(THEIRS), policy=policy).decision
        assert f', add "{proposed}" to "allow" of socket "ci"' in (decision.reason or decision.message)
    assert send(line, None, engine(THEIRS), policy=wider).passes


def test_the_line_for_an_own_object_does_not_have_its_name() -> None:
    text = "sockets: {ci: {path: /ci.sock, own_as: team, allow: [ContainerLogs: {own: true, follow: false}]}}"
    narrow = read_policy(text, "p").sockets[0].policy
    for labels, has_name in ((MINE, False), (THEIRS, True)):
        decision = send("GET /v1.45/containers/web/logs?follow=1", None, engine(labels), policy=narrow).decision
        assert ("{containers: [web]}" in (decision.reason or decision.message)) == has_name


@pytest.mark.parametrize("name", ["*", "we?", 'a"]}', "a; to allow it, add b"])
def test_a_name_that_no_list_can_have_is_in_no_line_for_an_object_of_others(name: str) -> None:
    def find(lookup: Lookup) -> ResolvedObject:
        return ResolvedObject(lookup.name, (name,), belongs_to="others")

    reason = send("DELETE /v1.45/networks/3f9a", None, find).decision.reason
    wrong, _, advice = reason.partition("; ")
    assert wrong == "NetworkDelete denied: only allowed if it was created through this socket"
    assert advice.partition(":")[0] == 'condition "networks" cannot list it'


def test_the_line_for_an_object_of_others_can_be_read_where_only_all_can_be_granted() -> None:
    name = "ContainerCheckpointLibpod"

    def policy_of(line: str) -> CompiledPolicy:
        text = f"sockets: {{ci: {{path: /ci.sock, own_as: team, allow: [{line}]}}}}"
        return read_policy(text, "policy.yaml").sockets[0].policy

    own, line = f"{name}: {{own: true, unrestricted: true}}", "POST /v5.4.2/libpod/containers/web/checkpoint"
    decision = send(line, None, engine(THEIRS), policy=policy_of(own)).decision
    found = re.search(f'add "({name}: .*)" to "allow"', decision.reason or decision.message)
    assert found
    assert send(line, None, engine(THEIRS), policy=policy_of(f"{own}, {found[1]}")).passes
