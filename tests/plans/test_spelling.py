"""What the engine says of mounts is told in the client's names, and everything else as it came."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.api.answers import SPELLED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.plans.spelling import respell
from dockerproxy.policy.places import Places
from dockerproxy.policy.subtrees import name_volume

PLACES = Places({"/workspace": "/srv/project", "/etc": "/srv/etc"})
LABELS = {"Source": "/srv/project", "Binds": "/srv/project:/w", "Mounts": "/srv/project"}
MOUNTS = [{"Type": "bind", "Source": "/srv/project/a", "Target": "/srv/project"}, {"Type": "tmpfs", "Source": ""}]
BINDS = ["/srv/project/a:/srv/project:ro", "/srv/other:/x", "data:/srv/project", "/etc:/e"]
CONTAINER = {
    "Id": "1f",
    "HostConfig": {"Binds": BINDS, "Mounts": MOUNTS, "Memory": 9007199254740993, "Sysctls": None},
    "Mounts": MOUNTS,
    "Config": {"Labels": LABELS, "Env": ["A=/srv/project"]},
}
SPEC = {"ContainerSpec": {"Mounts": MOUNTS, "Labels": LABELS}}


def spelled(name: str, document: object) -> Any:
    left = respell(name, PLACES, json.dumps(document).encode())
    assert left is not None
    return json.loads(left)


@pytest.mark.parametrize("name", ["ContainerInspect", "ContainerInspectLibpod"])
def test_a_container_is_told_in_the_names_of_its_client(name: str) -> None:
    told = spelled(name, CONTAINER)
    assert [each["Source"] for each in told["Mounts"]] == ["/workspace/a", ""]
    assert told["HostConfig"]["Binds"] == ["/workspace/a:/srv/project:ro", *BINDS[1:]]
    assert told["HostConfig"]["Mounts"] == told["Mounts"]
    assert spelled("ContainerList", [CONTAINER, CONTAINER]) == [told, told]


def test_what_the_client_calls_something_else_stays_as_it_is() -> None:
    """By `/w/x` the client has `/data`, so it has no name for `/srv/x`."""
    document = {"Mounts": [{"Type": "bind", "Source": source} for source in ("/srv/x", "/srv/y", "/data")]}
    told = respell("ContainerInspect", Places({"/w": "/srv", "/w/x": "/data"}), json.dumps(document).encode())
    assert [each["Source"] for each in json.loads(told or b"")["Mounts"]] == ["/srv/x", "/w/y", "/w/x"]


def test_a_directory_with_any_name_is_told_likewise() -> None:
    places = Places({"/arbeit": "/srv/gr\u00f6\u00dfe"})
    content = '{"Mounts":[{"Source":"/srv/gr\u00f6\u00dfe/\N{GRINNING FACE}"},{"Source":"\u00e9\u20ac"}]}'.encode()
    told = respell("ContainerInspect", places, content + b" ") or b""
    assert json.loads(told) == {"Mounts": [{"Source": "/arbeit/\N{GRINNING FACE}"}, {"Source": "\u00e9\u20ac"}]}
    assert respell("ContainerInspect", PLACES, content) == content


def test_a_pod_is_told_likewise() -> None:
    told = spelled("PodInspectLibpod", {"mounts": MOUNTS, "Labels": LABELS})
    assert told == {"mounts": [{**MOUNTS[0], "Source": "/workspace/a"}, MOUNTS[1]], "Labels": LABELS}


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("ServiceInspect", {"Spec": {"TaskTemplate": SPEC}, "PreviousSpec": {"TaskTemplate": SPEC}}),
        ("ServiceList", [{"Spec": {"TaskTemplate": SPEC}}]),
        ("SystemDataUsage", {"Containers": [{"Mounts": MOUNTS}], "Volumes": None}),
        ("SystemDataUsage", {"ContainerUsage": {"TotalCount": 1, "Items": [{"Mounts": MOUNTS}]}}),
        ("TaskInspect", {"Spec": SPEC}),
        ("TaskList", [{"Spec": SPEC}, {"Spec": SPEC}]),
    ],
)
def test_services_tasks_and_disk_usage_are_told_likewise(name: str, document: object) -> None:
    expected = json.dumps(document).replace('"Source": "/srv/project/a"', '"Source": "/workspace/a"')
    assert spelled(name, document) == json.loads(expected)


def test_only_places_of_mounts_are_spelled_anew() -> None:
    told = spelled("ContainerInspect", CONTAINER)
    assert told["Config"] == CONTAINER["Config"]
    assert all(OPERATIONS[name].access == "read" for name in SPELLED)


DEEP = b'{"Mounts": %b%b}' % (b"[" * 100, b"]" * 100)


@pytest.mark.parametrize("content", [b"", b"[", b'{"Mounts": [}', b'{"a": 1} 2', b"\x1f\x8b", b"[" * 100_000, DEEP])
def test_what_cannot_be_read_is_not_told(content: bytes) -> None:
    assert respell("ContainerInspect", PLACES, content) is None


@pytest.mark.parametrize("value", [5, None, {}, [1], ["/srv/project:/w", 1], [["/srv/project"]]])
def test_what_is_no_path_is_told_as_it_came(value: object) -> None:
    container = {"HostConfig": {"Binds": value}, "Mounts": [{"Source": value}]}
    assert spelled("ContainerInspect", container) == container


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["Mounts", "HostConfig", "Binds", "Source", "x"]), JSON, max_size=5))
def test_what_has_no_path_of_the_client_stays_byte_for_byte(document: dict[str, object]) -> None:
    content = json.dumps(document, separators=(",", ":")).encode()
    assert respell("ContainerInspect", PLACES, content) == content


OURS = name_volume("/srv/project/a", "/srv/project")


def test_clients_see_binds_and_no_volumes_of_ours() -> None:
    data = {"Type": "volume", "Name": "data", "Source": "/var/lib", "Destination": "/d"}
    mount = {
        "Type": "volume",
        "Name": OURS,
        "Source": "/var/lib/x",
        "Destination": "/x",
        "Driver": "local",
        "RW": False,
    }
    told = spelled(
        "ContainerInspect",
        {
            "HostConfig": {
                "Binds": None,
                "Mounts": [{"Type": "volume", "Source": OURS, "Target": "/x", "VolumeOptions": {"Subpath": "a"}}],
            },
            "Mounts": [mount, data],
        },
    )
    assert told["HostConfig"]["Mounts"] == [{"Type": "bind", "Source": "/workspace/a", "Target": "/x"}]
    place = {
        "Type": "bind",
        "Source": "/workspace/a",
        "Destination": "/x",
        "Mode": "",
        "RW": False,
        "Propagation": "rprivate",
    }
    assert told["Mounts"] == [place, data]
    assert spelled("ContainerList", [{"Mounts": [mount]}]) == [{"Mounts": [place]}]
    volumes = [{"Name": OURS}, {"Name": "data"}]
    assert spelled("VolumeList", {"Volumes": volumes, "Warnings": None}) == {"Volumes": volumes[1:], "Warnings": None}
    old = {"Volumes": volumes, "Containers": [{"Mounts": [mount]}]}
    assert spelled("SystemDataUsage", old) == {"Volumes": volumes[1:], "Containers": [{"Mounts": [place]}]}
    assert spelled("SystemDataUsage", {"VolumeUsage": {"Items": volumes}}) == {"VolumeUsage": {"Items": volumes[1:]}}


def test_what_cannot_be_written_is_not_told() -> None:
    """Such as half a pair of surrogates, beside a volume of ours."""
    for name, key in (("ContainerInspect", "Mounts"), ("VolumeList", "Volumes")):
        content = json.dumps({key: [{"Name": OURS}, {"Name": "\ud800"}]}).encode()
        assert respell(name, PLACES, content) is None


@pytest.mark.parametrize("value", [None, 5, OURS, [OURS], [[OURS]], {"Name": OURS}, [{"Name": [OURS]}]])
def test_what_is_no_mount_or_volume_stays(value: object) -> None:
    for document in ({"Mounts": value, "HostConfig": {"Mounts": value}}, {"Volumes": value}):
        name = "ContainerInspect" if "Mounts" in document else "VolumeList"
        assert spelled(name, document) == document
