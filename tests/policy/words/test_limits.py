"""A container has no more than its limits, however they are spelled."""

from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json

BILLION = 10**9


AMOUNTS = st.integers(-3, 12) | st.sampled_from([2**62, -(2**63), 2**63 - 1])


def faults(body: Json, operation: str = "ContainerCreate", query: str = "", **bounds: Value) -> list[str]:
    return list(map(str, look_at(operation, body, bounds, query).faults))


def host_config(body: Json, **bounds: Value) -> dict[str, Json] | None:
    """Return what a container would get; None if it is refused."""
    seen = look_at("ContainerCreate", body, bounds)
    if seen.faults:
        return None
    assert isinstance(seen.content, dict)
    sent = seen.content.get("HostConfig", {})
    assert isinstance(sent, dict)
    return sent


@given(st.fixed_dictionaries({}, optional={"Memory": AMOUNTS, "MemorySwap": AMOUNTS}))
def test_memory_and_swap_are_bounded_together(limits: dict[str, Json]) -> None:
    sent = host_config({"HostConfig": limits}, memory="5B")
    if sent is not None:
        memory, swap = sent.get("Memory"), sent.get("MemorySwap", 0)
        assert isinstance(memory, int)
        assert isinstance(swap, int)
        assert 0 < memory <= 5
        assert 0 <= swap <= 10  # 0 is twice the memory for Docker, and for Podman.


def cpus_of(limits: Mapping[str, Json]) -> float | None:
    """Return the processors that an engine would give at most; None for any number."""
    nano, quota, period = (_number(limits.get(name, 0)) for name in ("NanoCpus", "CpuQuota", "CpuPeriod"))
    if nano > 0 and quota == 0:  # A quota takes its place, -1 too.
        microseconds = nano * 100_000 // BILLION  # Of a period: none is no bound.
        return microseconds / 100_000 or None
    return quota / (period or 100_000) if quota > 0 and period >= 0 else None


def _number(value: Json) -> int:
    assert isinstance(value, int)
    return value


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "NanoCpus": st.sampled_from([0, 1, 9_999, 10_000, BILLION, 2 * BILLION, 2 * BILLION + 1, -1]),
        "CpuQuota": st.sampled_from([0, -1, 1, 2000, 2001, 200_000, 200_001, 2**62]),
        "CpuPeriod": st.sampled_from([0, -1, 1, 1000, 100_000, 2**62]),
    },
)


@given(LIMITS)
def test_processors_are_bounded_in_either_way_to_say_it(limits: dict[str, int]) -> None:
    sent = host_config({"HostConfig": dict(limits)}, cpus="2")
    if sent is not None:
        cpus = cpus_of(sent)
        assert cpus is not None
        assert cpus <= 2


@given(LIMITS, LIMITS)
def test_a_change_leaves_processors_bounded(before: dict[str, int], change: dict[str, int]) -> None:
    sent = host_config({"HostConfig": dict(before)}, cpus="2")
    if sent is None or faults(dict(change), "ContainerUpdate", cpus="2"):
        return
    after = sent | {name: value for name, value in change.items() if value}
    if after.get("NanoCpus", 0) and (after.get("CpuQuota", 0) or after.get("CpuPeriod", 0)):
        return  # Engines refuse that.
    cpus = cpus_of(after)
    assert cpus is not None
    assert cpus <= 2


@given(st.fixed_dictionaries({}, optional={"Memory": AMOUNTS, "MemorySwap": AMOUNTS, "PidsLimit": AMOUNTS}))
def test_a_change_leaves_memory_and_processes_bounded(change: dict[str, Json]) -> None:
    if faults(dict(change), "ContainerUpdate", memory="5B", pids="5") == []:
        memory, swap, pids = (change.get(name, 0) for name in ("Memory", "MemorySwap", "PidsLimit"))
        assert isinstance(memory, int)
        assert isinstance(swap, int)
        assert 0 <= memory <= 5
        assert 0 <= swap <= 10
        assert "PidsLimit" not in change or pids in range(1, 6)


HARMLESS = (
    "as core cpu data fsize locks memlock msgqueue nofile nproc rss sigpending stack NOFILE RLIMIT_NOFILE Rlimit_Core"
)


URGENT = "rtprio RTPRIO rttime nice Nice RLIMIT_RTPRIO rlimit_nice RLIMIT_RLIMIT_NICE x"


@for_each("name", [*HARMLESS.split(), *URGENT.split(), ""])
def test_no_limit_lets_a_process_go_before_all_others(name: str) -> None:
    service: Json = {"TaskTemplate": {"ContainerSpec": {"Ulimits": [{"Name": name, "Soft": 9, "Hard": 9}]}}}
    limits: Json = [{"Name": name, "Soft": 9, "Hard": 9}]
    passes = name in HARMLESS.split()
    assert (faults({"HostConfig": {"Ulimits": limits}}) == []) is passes
    assert (faults({"Ulimits": limits}, "ContainerUpdate") == []) is passes
    assert (faults(service, "ServiceCreate") == []) is passes


@given(st.integers(-1000, 1000))
def test_nothing_is_killed_later_than_by_default(score: int) -> None:
    assert (faults({"HostConfig": {"OomScoreAdj": score}}) == []) is (score >= 0)


@for_each(
    ("word", "granted", "name", "amount"),
    [
        ("memory", "2GiB", "Memory", 2**31),
        ("cpus", "1.5", "NanoCpus", 1_500_000_000),
        ("pids", "100", "PidsLimit", 100),
    ],
)
@for_each("missing", [{}, {"HostConfig": None}, {"HostConfig": {}}, None, 0])
def test_what_has_no_limit_gets_the_granted_one(
    word: str, granted: str, name: str, amount: int, missing: dict[str, Json] | int | None
) -> None:
    body: Json = missing if isinstance(missing, dict) else {"HostConfig": {name: missing}}
    assert host_config(body, **{word: granted}) == {name: amount}


@pytest.mark.parametrize(("word", "granted"), [("memory", "2GiB"), ("cpus", "1.5"), ("pids", "100")])
def test_a_limit_below_nothing_is_refused(word: str, granted: str) -> None:
    name = {"memory": "Memory", "cpus": "NanoCpus", "pids": "PidsLimit"}[word]
    (fault,) = look_at("ContainerCreate", {"HostConfig": {name: -1}}, {word: granted}).faults
    assert (fault.path, fault.word) == (f"HostConfig.{name}", word)


def test_no_limit_is_put_where_a_grant_has_none_or_where_a_container_is_changed() -> None:
    assert host_config({}) == {}
    seen = look_at("ContainerUpdate", {"Memory": 5}, {"memory": "5B", "cpus": "2"})
    assert (seen.faults, seen.content) == ((), {"Memory": 5})


@for_each("time", ["0", "10", "3600", "0003600", "3601", "-1", "+5", "1_0", " 5", "0x5", "\u0665", "9" * 19, ""])
@for_each("operation", ["ContainerStop", "ContainerRestart", "ContainerStopLibpod", "ContainerRestartLibpod"])
def test_no_engine_waits_for_longer_than_an_hour(time: str, operation: str) -> None:
    name = "timeout" if operation.endswith("Libpod") else "t"
    is_short = time in {"0", "10", "3600", "0003600", ""}
    assert (faults(None, operation, f"?{name}={quote(time)}") == []) is is_short
    assert len(faults(None, operation, f"?{name}=0&{name}={quote(time)}")) == 1
    if is_short and time:
        create: Json = {"StopTimeout": int(time)}
        service: Json = {"TaskTemplate": {"ContainerSpec": {"StopGracePeriod": int(time) * BILLION}}}
        assert faults(create) == faults(service, "ServiceCreate") == []


@for_each("time", [-1, 3601, 2**63 - 1, -(2**63)])
def test_no_container_is_made_that_an_engine_waits_for_longer(time: int) -> None:
    service: Json = {"TaskTemplate": {"ContainerSpec": {"StopGracePeriod": time * BILLION}}}
    assert faults({"StopTimeout": time}) == [f"StopTimeout is {time}, but must be from 0 to 3600"]
    assert len(faults(service, "ServiceCreate")) == 1
