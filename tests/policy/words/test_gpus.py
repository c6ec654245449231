"""A container gets no more GPUs than are granted, and nothing else by a request for devices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.words.looking import faults
from rows import for_each

from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.wire.document import Json

CONSTRAINT = CONSTRAINTS["gpus"]
SAMPLES = (1, 2, 3, "all", None)
VALUES = ("1", "2", "all")

ONE = "GPU-0b0c1d2e-aaaa-bbbb-cccc-0123456789ab"


def request(**said: Json) -> dict[str, Json]:
    return {"Driver": "", "Count": 0, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}, **said}


def wrong(*requests: Json, granted: str = "all") -> list[str]:
    body: Json = {"Image": "a", "HostConfig": {"DeviceRequests": list(requests)}}
    return [each for each in faults("ContainerCreate", "", body, gpus=granted) if "DeviceRequests" in each]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        *(({"Count": 1}, 1), ({"Count": 2, "Driver": "nvidia"}, 2), ({"Count": 9}, 9), ({"Count": -1}, 99)),
        *(({"DeviceIDs": ["0"]}, 1), ({"DeviceIDs": ["0", ONE, "2"]}, 3), ({"DeviceIDs": ["0"], "Count": None}, 1)),
    ],
)
def test_no_more_gpus_are_used_than_are_granted(said: dict[str, Json], wanted: int) -> None:
    assert wrong(request(**said)) == []
    for granted in (1, 2, 3, 9):
        assert bool(wrong(request(**said), granted=str(granted))) is (wanted > granted)


def test_all_are_as_many_as_several_requests_can_have() -> None:
    several = (request(Count=2**63 - 1), request(Count=1))
    assert wrong(*several) == []
    assert wrong(*several, granted="9") == ['HostConfig.DeviceRequests is "all", more GPUs than a rule allows']


def test_without_the_word_there_are_none() -> None:
    body: Json = {"Image": "a", "HostConfig": {"DeviceRequests": [request(Count=1)]}}
    assert faults("ContainerCreate", "", body, images=("**",)) == [
        "HostConfig.DeviceRequests is 1, more GPUs than a rule allows"
    ]
    nothing: list[Json] = [None, []]
    for value in nothing:
        body = {"Image": "a", "HostConfig": {"DeviceRequests": value}}
        assert faults("ContainerCreate", "", body, images=("**",)) == []


@given(st.lists(st.one_of(st.just(-1), st.integers(1, 4)), min_size=1, max_size=4), st.integers(1, 8))
def test_gpus_are_counted_over_all_requests(counts: list[int], granted: int) -> None:
    passes = -1 not in counts and sum(counts) <= granted
    assert (wrong(*(request(Count=each) for each in counts), granted=str(granted)) == []) is passes


@for_each("identity", ["all", "none", "void", "0,1", "0:0", "", " 0", "GPU-0", f"{ONE},0", "a.b/gpu=0"])
def test_an_id_is_one_gpu(identity: str) -> None:
    assert "not numbers or whole UUIDs of GPUs" in wrong(request(DeviceIDs=["1", identity]))[0]


@pytest.mark.parametrize("said", [{"Count": None}, {"DeviceIDs": []}, {"Count": -2}, {"Count": 1, "DeviceIDs": ["0"]}])
def test_a_request_says_how_many(said: dict[str, Json]) -> None:
    assert ".Count" in wrong(request(**said))[0]


@for_each(
    ("said", "field"),
    [
        *(({"Driver": each}, "Driver") for each in ("cdi", "NVIDIA", "nvidia ", "amd.com/gpu", "habana")),
        ({"Capabilities": None}, "Capabilities"),
        ({"Capabilities": []}, "Capabilities"),
        ({"Capabilities": [["cdi"]]}, "Capabilities"),
        ({"Capabilities": [["GPU"]]}, "Capabilities"),
        ({"Capabilities": [["gpu", "utility"]]}, "Capabilities"),
        ({"Capabilities": [["gpu"], ["cdi"]]}, "Capabilities"),
        ({"Options": {"mode": "x"}}, "Options"),
    ],
)
def test_only_the_driver_of_gpus_is_asked(said: dict[str, Json], field: str) -> None:
    assert wrong(request(Count=1, **said))[0].startswith(f"HostConfig.DeviceRequests[0].{field}")


def test_an_amount_of_gpus_is_a_number_or_all() -> None:
    assert [CONSTRAINT.fault(item) == "" for item in ("all", "1", "64", "0", "-1", "ALL", "1.5", "")] == [
        *(True, True, True, False, False, False, False, False)
    ]


def test_an_update_adds_no_gpu() -> None:
    assert [each for each in faults("ContainerUpdate", "", {"DeviceRequests": [request(Count=1)]}) if "Request" in each]
