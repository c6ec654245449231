"""What is said of all things together is said of those that lists show."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import request_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.prunes import Ask
from dockerproxy.policy.summaries import COUNTING, blank_counts, sum_up

CONTAINERS: list[dict[str, Any]] = [
    {"Id": "1", "State": "running", "SizeRw": 5},
    {"Id": "2", "State": "exited", "SizeRw": 9007199254740993},
    {"Id": "3", "State": "paused"},
]
VOLUMES: list[dict[str, Any]] = [
    {"Name": "a", "UsageData": {"Size": 7, "RefCount": 1}},
    {"Name": "b", "UsageData": {"Size": 8, "RefCount": 0}},
    {"Name": "c", "UsageData": {"Size": -1, "RefCount": -1}},
    {"Name": "d"},
]
SUMS = {"ActiveCount": 99, "TotalCount": 99, "TotalSize": 99, "Reclaimable": 99, "New": 99}
WHOLE: dict[str, Any] = {
    "LayersSize": 9,
    "BuilderSize": 9,
    "Images": [{"Id": "9"}],
    "BuildCache": [{"ID": "9"}],
    "Containers": CONTAINERS,
    "Volumes": VOLUMES,
    "ImageUsage": {**SUMS, "Items": [{"Id": "9"}]},
    "BuildCacheUsage": SUMS,
    "ContainerUsage": {**SUMS, "Items": CONTAINERS},
    "VolumeUsage": {**SUMS, "Items": VOLUMES},
    "New": [{"Id": "9"}],
}


def read(whole: object, containers: object, volumes: object, target: str = "/system/df") -> tuple[Any, list[Ask]]:
    """Return what is shown, and what was asked for."""
    steps, asked = sum_up(request_of("GET", target)), list[Ask]()
    asked.append(next(steps))
    try:
        for answer in (whole, containers, {"Volumes": volumes}):
            asked.append(steps.send((200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())))
    except StopIteration as end:
        return end.value, asked
    raise AssertionError(asked)


def sums(active: int, total: int, free: int, size: int, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ActiveCount": active, "TotalCount": total, "Reclaimable": free, "TotalSize": size, "Items": items}


def shown(containers: str, volumes: str, whole: object = WHOLE) -> dict[str, Any]:
    listed = [{"Id": each} for each in containers], [{"Name": each} for each in volumes]
    (status, content), _ = read(whole, *listed)
    assert status == 200
    return dict(json.loads(content))


def test_of_disk_usage_only_what_the_lists_have_is_left() -> None:
    found = shown("2", "b")
    assert found == {
        **dict.fromkeys(("LayersSize", "BuilderSize"), 0),
        **{key: [] for key in ("Images", "BuildCache")},
        **{key: {} for key in ("ImageUsage", "BuildCacheUsage")},
        "Containers": [CONTAINERS[1]],
        "ContainerUsage": sums(0, 1, 9007199254740993, 9007199254740993, [CONTAINERS[1]]),
        "Volumes": [VOLUMES[1]],
        "VolumeUsage": sums(0, 1, 8, 8, [VOLUMES[1]]),
    }
    assert "9" not in json.dumps(shown("", ""))


def test_sums_are_those_of_the_engine() -> None:
    """As Docker has them of all (moby daemon/disk_usage.go); one whose size is not known is in use."""
    found = shown("123", "abcd")
    large = 9007199254740993
    assert found["ContainerUsage"] == sums(2, 3, large, large + 5, CONTAINERS)
    assert found["VolumeUsage"] == sums(3, 4, 8, 15, VOLUMES)


@given(st.sets(st.sampled_from("1234")), st.sets(st.sampled_from("abcde")))
def test_disk_usage_is_judged_by_lists(containers: set[str], volumes: set[str]) -> None:
    found = shown("".join(containers), "".join(volumes))
    for key, listed, items in (("Id", containers, CONTAINERS), ("Name", volumes, VOLUMES)):
        name = "Containers" if key == "Id" else "Volumes"
        assert found[name] == [each for each in items if each[key] in listed] == found[f"{name[:-1]}Usage"]["Items"]


def test_the_lists_are_asked_for_under_the_version_of_the_client() -> None:
    _, asked = read({}, [], None, "/v1.45/system/df?type=volume")
    assert [each.target for each in asked] == [
        *("/v1.45/system/df?type=volume", "/v1.45/containers/json?all=1", "/v1.45/volumes")
    ]
    found = shown("1", "a", {"Volumes": None, "Containers": {}, "VolumeUsage": None})
    assert found == {"Volumes": [], "Containers": [], "VolumeUsage": sums(0, 0, 0, 0, [])}


def test_what_cannot_be_read_is_not_shown() -> None:
    for whole in (b"", b"[]", b"null", b'{"Containers"'):
        assert shown("1", "a", whole) == {}
    assert read(WHOLE, b"x", [])[0][0] == read(WHOLE, [], "x")[0][0] == 502
    steps = sum_up(request_of("GET", "/system/df"))
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send((500, b"no"))
    assert end.value.value == (500, b"no")
    steps = sum_up(request_of("GET", "/system/df"))
    next(steps)
    steps.send((200, b"{}"))
    with pytest.raises(StopIteration) as end:
        steps.send((403, b"no"))
    assert end.value.value == (403, b"no")


INFO = {
    "/info": b'{"ID":"x","Containers":3,"ContainersRunning":1,"Images":12,"NCPU":2,"Labels":["Images=1"]}',
    "/v5.0.0/libpod/info": b'{"host":{"cpus":2,"freeLocks":9},"store":{"containerStore":{"number":3},"root":"/x"}}',
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/info", b'{"ID":"x","Containers":0,"ContainersRunning":0,"Images":0,"NCPU":2,"Labels":["Images=1"]}'),
        (
            "/v5.0.0/libpod/info",
            b'{"host":{"cpus":2,"freeLocks":0},"store":{"containerStore":{"number":0},"root":"/x"}}',
        ),
    ],
)
def test_counts_are_0_and_all_else_stays_as_it_came(target: str, expected: bytes) -> None:
    name = request_of("GET", target).operation.name
    assert name in COUNTING
    assert blank_counts(name, INFO[target]) == expected
    assert blank_counts(name, b"[") is None


@pytest.mark.parametrize(
    ("lines", "mode", "blank"),
    [
        ("own", "enforce", True),
        ("ContainerList: {containers: [web]}", "enforce", True),
        ("ContainerListLibpod: {labelled: {a: b}}", "enforce", True),
        ("ContainerList: {containers: [web]}", "report", False),
        ("ContainerList", "enforce", False),
        ("ContainerList, NetworkList: {networks: [web]}", "enforce", False),
        ("SystemPing", "enforce", False),
    ],
)
def test_nothing_is_counted_where_a_list_shows_only_some(lines: str, mode: str, *, blank: bool) -> None:
    text = f"sockets: {{ci: {{path: /ci.sock, mode: {mode}, allow: [SystemInfo, SystemInfoLibpod, {lines}]}}}}"
    policy = read_policy(text, "policy.yaml").sockets[0].policy
    for target in INFO:
        verdict = judge(policy, f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(verdict, Verdict)
        assert verdict.passes
        assert verdict.goes_alone is blank
        assert verdict.to_engine.startswith(f"GET {target} HTTP/1.1\r\n".encode())
