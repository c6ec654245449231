"""What is used of a quota, and what a request would add to it."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import ID, request_for, request_of
from policy.test_quota import policy

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Known
from dockerproxy.policy.constraints.amounts import PERIOD
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.quota import Quota
from dockerproxy.policy.stamps import NONCE, OWNER
from dockerproxy.policy.uses import UNBOUNDED, Item, add_up, count_object, find_asked, find_excess, is_counted
from dockerproxy.wire.document import read_json

GIB = 2**30
RAISE = 'raise quota of socket "ci"'
STAMP = {OWNER: "ci", NONCE: "n1"}
OWN = ResolvedObject(ID, ("web",), subject=ID, belongs_to="ci", labels=STAMP)
ALLOWED = Decision(allowed=True, source="", counts_for="ci")
BOUND = "memory: 4GiB, cpus: 2, pids: 100"
POLICY = policy(
    "{containers: 9, running: 9, memory: 9GiB, cpus: 9, pids: 900}",
    f'ContainerCreate: {{images: ["**"], {BOUND}}}',
)


def asked(operation: str, content: object = None, query: str = "", **documents: Any) -> Counter[str]:
    """What a request adds, to an engine on which there is what it names, and these documents besides."""
    decision = ALLOWED if content is None else replace(ALLOWED, content=json.dumps(content).encode())
    items = find_asked(request_for(OPERATIONS[operation], query), decision, Known(found=OWN, nonce="n2"), documents)
    return +add_up((), items)


AMOUNTS = st.none() | st.integers(-1, 5 * GIB)
POLICIES = st.sampled_from([None, "", "no", "always", "on-failure", "unless-stopped"])


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.none() | st.integers(-1, 10**6), AMOUNTS, POLICIES)
def test_what_is_counted_of_a_create_is_what_goes_to_the_engine(  # noqa: PLR0913, PLR0917 (they are what a body has)
    memory: int | None,
    nano: int | None,
    quota: int | None,
    period: int | None,
    pids: int | None,
    restart: str | None,
) -> None:
    """A second reader sees in the body what is counted: the least that bounds the container, as an engine reads it."""
    host = {"Memory": memory, "NanoCpus": nano, "CpuQuota": quota, "CpuPeriod": period, "PidsLimit": pids}
    body = {"Image": "x", "HostConfig": {**host, "RestartPolicy": {"Name": restart or ""}}}
    request, known = request_of("POST", "/containers/create"), Known(body=(body,), nonce="n1")  # type: ignore[arg-type]
    decision = decide(POLICY, request, known)
    if not isinstance(decision, Decision) or not decision.allowed:
        return
    assert decision.content is not None
    counted = add_up((), find_asked(request, decision, known, {}))
    sent = json.loads(decision.content)["HostConfig"]
    share = (sent.get("CpuQuota") or 0) * 10**9 / (sent.get("CpuPeriod") or PERIOD)
    seen = sent["Memory"], max(share, sent.get("NanoCpus") or 0), sent["PidsLimit"]
    policy_name = sent["RestartPolicy"]["Name"]
    assert (counted["containers"], counted["memory"], counted["pids"]) == (1, seen[0], seen[2])
    assert 0 <= counted["cpus"] - seen[1] < 1
    assert counted["running"] == (policy_name in {"always", "on-failure", "unless-stopped"})


@pytest.mark.parametrize(
    ("body", "memory"),
    [
        (b'{"image":"x","HOSTCONFIG":{"memory":5,"RestartPolicy":{"NAME":"always"}}}', 5),
        (b'{"image":"x.io/x"}', 4 * GIB),
    ],
)
def test_a_field_counts_in_any_capitals_and_one_that_is_filled_in_counts(body: bytes, memory: int) -> None:
    document = read_json(body)
    assert not isinstance(document, Refusal)
    request, known = request_of("POST", "/containers/create"), Known(body=(document,), nonce="n1")
    decision = decide(POLICY, request, known)
    assert isinstance(decision, Decision)
    counted = add_up((), find_asked(request, decision, known, {}))
    assert (counted["memory"], counted["running"]) == (memory, b"always" in body)


def test_an_update_adds_what_it_adds() -> None:
    for content, expected in (
        ({}, {}),
        ({"Memory": GIB}, {"memory": GIB}),
        ({"Memory": 0, "CpuQuota": 0, "NanoCpus": 0}, {}),
        ({"Memory": -1}, {"memory": UNBOUNDED}),
        ({"PidsLimit": 0}, {"pids": UNBOUNDED}),
        ({"PidsLimit": 5}, {"pids": 5}),
        ({"NanoCpus": 7}, {"cpus": 7}),
        ({"CpuQuota": 5, "CpuPeriod": 10}, {"cpus": 500_000_000}),
        ({"CpuQuota": 5}, {"cpus": UNBOUNDED}),
        ({"CpuPeriod": 10}, {"cpus": UNBOUNDED}),
        ({"RestartPolicy": {"Name": "always"}}, {"running": 1}),
        ({"RestartPolicy": {"Name": "no"}}, {}),
    ):
        assert asked("ContainerUpdate", content) == expected, content


def test_an_update_replaces_what_the_container_had() -> None:
    quota = Quota({"memory": 4 * GIB}, "ci")
    listed = tuple(Item((("containers", "id", name),), {"memory": GIB}) for name in ("a", "b"))
    for size, fits in ((3 * GIB, True), (3 * GIB + 1, False), (1, True)):
        assert (find_excess(quota, listed, (), (Item((("containers", "id", "a"),), {"memory": size}),)) == "") is fits


@pytest.mark.parametrize("name", ["ContainerStart", "ContainerRestart", "ContainerRestartLibpod"])
def test_what_a_container_joins_starts_with_it(name: str) -> None:
    documents = {
        ID: {"HostConfig": {"NetworkMode": "container:b", "PidMode": f"container:{ID}"}},
        "b": {"HostConfig": {"IpcMode": "container:c", "Memory": 5}},
        "c": {"HostConfig": {"NetworkMode": "container:other"}},
        "d": {},
    }
    assert asked(name, None, "", **documents) == {"running": 3}
    assert asked("ContainerRestart", None, "?all=1", **documents) == {"running": 4}
    assert asked("ContainerRestart", None, "?all=x", **documents) == {"running": 4}


def test_an_object_counts_once_by_any_of_its_marks() -> None:
    listed = (count_object("volumes", ResolvedObject("v", ("v",), labels=STAMP), {}),)
    assert add_up(listed, (Item((("volumes", "id", "v"),), {"volumes": 1}),)) == {"volumes": 1}
    assert add_up(listed, (Item((("volumes", "nonce", "n1"),), {"volumes": 1}),)) == {"volumes": 1}
    assert add_up(listed, (Item((("volumes", "id", "n1"),), {"volumes": 1}),)) == {"volumes": 2}
    assert add_up(listed * 2, ()) == {"volumes": 2}


def test_anonymous_volumes_count() -> None:
    mounts = [
        {"Type": "volume", "Target": "/a", "VolumeOptions": {"Labels": {**STAMP, NONCE: f"n2.{n}"}}} for n in "012"
    ]
    content = {
        "HostConfig": {"Mounts": [*mounts, {"Type": "volume", "Source": "v", "Target": "/v"}, {"Type": "tmpfs"}]}
    }
    assert asked("ContainerCreate", content)["volumes"] == 3
    listed = tuple(
        count_object("volumes", ResolvedObject(n, (), labels={**STAMP, NONCE: f"n2.{n}"}), {}) for n in "012"
    )
    decision = replace(ALLOWED, content=json.dumps(content).encode())
    pending = find_asked(request_for(OPERATIONS["ContainerCreate"]), decision, Known(nonce="n2"), {})
    assert add_up(listed, pending)["volumes"] == 3


def test_a_volume_is_known_by_its_name_if_it_has_one() -> None:
    def made(content: object, *mounts: str) -> tuple[Item, ...]:
        decision = replace(ALLOWED, content=json.dumps(content).encode(), mounts=mounts)
        return find_asked(request_for(OPERATIONS["VolumeCreate"]), decision, Known(nonce="n2"), {})

    assert made({"Name": "v"}) == (Item((("volumes", "id", "v"),), {"volumes": 1}),)
    assert made({"Name": ""}) == (Item((("volumes", "nonce", "n2"),), {"volumes": 1}),)
    mounting = replace(ALLOWED, mounts=("a", "b"))
    service = find_asked(request_for(OPERATIONS["ServiceCreate"]), mounting, Known(nonce="n"), {})
    assert add_up((), service) == {"volumes": 2, "services": 1}


@pytest.mark.parametrize(
    ("state", "policy_name", "runs"),
    [
        *((state, "no", 0) for state in ("created", "exited", "dead", "removing", "configured", "stopped")),
        *((state, "", 1) for state in ("running", "paused", "restarting", "something new", None)),
        ("exited", "always", 1),
    ],
)
def test_what_runs_or_may_run_by_itself_counts_as_running(state: object, policy_name: str, runs: int) -> None:
    host = {"RestartPolicy": {"Name": policy_name}, "Memory": 5, "CpuQuota": 1, "CpuPeriod": 2, "PidsLimit": None}
    item = count_object("containers", OWN, {"HostConfig": host, "State": {"Status": state}})
    assert item.uses == {"containers": 1, "running": runs, "memory": 5, "cpus": 500_000_000, "pids": UNBOUNDED}


def test_a_forged_stamp_does_not_count_and_one_that_cannot_be_proven_does() -> None:
    lookup = Lookup(Kind.CONTAINER, "i", "/images/i/json", OPERATIONS["ContainerList"], of=OWN)
    for inherited, expected in (({}, True), (None, True), ({NONCE: "n0"}, True), ({NONCE: "n1"}, False)):
        assert is_counted(lookup, "ci", {"/images/i/json": inherited}) is expected
    assert is_counted(lookup, "ci", {})
    assert is_counted(OWN, "ci", {})
    assert not is_counted(OWN, "other", {})
    assert not is_counted(replace(OWN, labels={OWNER: "ci"}), "ci", {})


def test_what_is_not_own_is_no_matter_of_a_quota() -> None:
    for labels in ({}, {OWNER: "other", NONCE: "n"}):
        known = Known(found=replace(OWN, labels=labels))
        for name in ("ContainerStart", "ContainerUpdate"):
            assert find_asked(request_for(OPERATIONS[name]), ALLOWED, known, {}) == ()


def test_what_has_no_bound_is_more_than_any_quota() -> None:
    quota = Quota({"memory": 2**62}, "ci")
    bounded, unbounded = (Item((("containers", "nonce", str(size)),), {"memory": size}) for size in (5, UNBOUNDED))
    assert find_excess(quota, (), (), (unbounded,)) == "it bounds no memory, of which there is a quota; set a bound"
    says = "a container has no bound of memory, of which there is a quota; remove or update it"
    assert find_excess(quota, (unbounded,), (), (bounded,)) == says
    assert find_excess(quota, (unbounded,), (), ()) == ""


def test_a_denial_says_what_is_used_and_what_to_do() -> None:
    listed = (Item((("containers", "id", "a"),), {"containers": 2, "running": 1, "memory": 6 * GIB}),)
    one = Item((("containers", "nonce", "n"),), {"containers": 1, "running": 1, "memory": 4 * GIB})
    for word, most, says in (
        ("containers", 2, f"2 of 2 containers are there; remove one, or {RAISE}"),
        ("running", 1, f"1 of 1 containers run, or have a restart policy; stop or remove one, or {RAISE}"),
        (
            "memory",
            8 * GIB,
            f"6GiB of 8GiB memory are used, and it asks for 4GiB more; ask for less, remove a container, or {RAISE}",
        ),
    ):
        assert find_excess(Quota({word: most}, "ci"), listed, (), (one,)) == says
        assert find_excess(Quota({word: most}, "ci"), listed, (), ()) == ""
    assert find_excess(Quota({"memory": GIB}, "ci"), (), (), (one,)).startswith("0 of 1GiB memory are used, and it")
