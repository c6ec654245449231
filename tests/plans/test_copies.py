"""What a create says of volumes into which nothing is copied."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import request_of

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.plans.creating import is_outside_swarm, list_mounted, write_without_copies
from dockerproxy.policy.claim import Claim, Known
from dockerproxy.policy.decide import list_copies
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.words.names import named
from dockerproxy.wire.document import write_json

MOUNTS: list[dict[str, object]] = [
    {"Type": "volume", "Source": "old", "Target": "/a", "VolumeOptions": {"Subpath": "b"}},
    {"Type": "volume", "Source": "new", "Target": "/b"},
    {"Type": "bind", "Source": "old", "Target": "/c"},
]


def test_nothing_is_copied_into_some_volumes() -> None:
    host = {"Binds": ["old:/x", "old:/y:ro,nocopy", "new:/z:ro", "/old:/w"], "Mounts": MOUNTS}
    content = json.dumps({"Image": "x", "HostConfig": host}).encode()
    written = json.loads(write_without_copies(content, ["old"]))
    nothing = {"NoCopy": True}
    assert written == {
        "Image": "x",
        "HostConfig": {
            "Binds": ["new:/z:ro", "/old:/w"],
            "Mounts": [
                {**MOUNTS[0], "VolumeOptions": {"Subpath": "b", **nothing}},
                *MOUNTS[1:],
                {"Type": "volume", "Source": "old", "Target": "/x", "ReadOnly": False, "VolumeOptions": nothing},
                {"Type": "volume", "Source": "old", "Target": "/y", "ReadOnly": True, "VolumeOptions": nothing},
            ],
        },
    }
    assert json.loads(write_without_copies(b"{}", ["old"])) == {}


def test_each_volume_is_listed_once() -> None:
    claims = [Claim(word, ((named(name), None),), "", None, "") for word, name in (("volumes", "a"), ("names", "b"))]
    assert list_copies([*claims, *claims], "volumes") == ("a",)
    assert list_copies(claims, "") == ()


def test_an_unjudged_body_has_its_volumes_listed_whatever_else_it_says() -> None:
    odd = {f"X{number}": number for number in range(100)}
    mounts = [*({"Type": "tmpfs", "Target": f"/{number}"} for number in range(300)), *MOUNTS]
    body = {**odd, "HostConfig": {"Privileged": True, "Binds": ["a:/a", "/b:/b"], "Mounts": mounts}}
    assert {"a", "old", "new"} <= set(list_mounted(json.dumps(body).encode()))
    service = {"TaskTemplate": {"ContainerSpec": {"Mounts": MOUNTS}}}
    assert list_mounted(json.dumps(service).encode()) == ("old", "new")
    assert [list_mounted(content) for content in (b"", b"{", b"[]", b"null")] == [(), (), (), ()]


STATES = st.sampled_from(["inactive", "active", "pending", "error", "locked", "Inactive", "", None, 0, ["inactive"]])
INFO = st.fixed_dictionaries({}, optional={"Swarm": st.fixed_dictionaries({}, optional={"LocalNodeState": STATES})})


def says(status: int, content: bytes) -> bool:
    """Answer the question of a plan about the swarm."""
    steps = is_outside_swarm()
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send((status, content))
    return end.value.value is True


@given(INFO)
def test_only_the_state_inactive_means_outside_a_swarm(info: dict[str, dict[str, object]]) -> None:
    assert says(200, json.dumps(info).encode()) is (info == {"Swarm": {"LocalNodeState": "inactive"}})


@given(
    st.binary(max_size=20) | st.sampled_from([b"null", b"[", b'"inactive"', b'{"Swarm":"inactive"}', b'{"swarm":{}}'])
)
def test_an_invalid_answer_does_not_mean_outside_a_swarm(content: bytes) -> None:
    assert not says(200, content)


def test_an_error_does_not_mean_outside_a_swarm() -> None:
    assert not says(500, b'{"Swarm":{"LocalNodeState":"inactive"}}')


NAMES = st.sampled_from(["a", "A", "a.b", "a_b-c", "0", "/a", "/a/b"])
BINDS = st.builds(
    "{}:/{}{}".format, NAMES, st.sampled_from("xyz"), st.sampled_from(["", ":ro", ":rw", ":nocopy", ":ro,z"])
)
SOURCES = st.fixed_dictionaries(
    {"Type": st.just("volume"), "Source": NAMES.filter(lambda name: name[0] != "/"), "Target": st.just("/m")},
    optional={"VolumeOptions": st.sampled_from([{}, None, {"NoCopy": False}, {"Subpath": "s"}])},
)


@given(st.lists(BINDS, max_size=4), st.lists(SOURCES, max_size=3))
def test_what_is_claimed_as_a_volume_is_what_nothing_is_copied_into(
    binds: list[str], mounts: list[dict[str, object]]
) -> None:
    """Both read what a bind says: none of its volumes may be one for the claims alone."""
    answers = {
        (Kind.VOLUME, name): ResolvedObject(name, (name,), document={"name": name}) for name in ("a", "A", "a.b")
    }
    body = json.loads(json.dumps({"Image": "x", "HostConfig": {"Binds": binds, "Mounts": mounts}}))
    read = read_request(
        BODIES["ContainerCreate"], request_of("POST", "/containers/create"), Known(body=(body,), answers=answers)
    )
    names = list_copies(read.claims, "volumes")
    written = json.loads(write_without_copies(write_json(read.content), names))["HostConfig"]
    left = [bind for bind in written.get("Binds") or () if bind.partition(":")[0] in {"a", "A", "a.b"}]
    copying = [
        each
        for each in written.get("Mounts") or ()
        if each["Source"] in {"a", "A", "a.b"} and not each["VolumeOptions"].get("NoCopy")
    ]
    assert (left, copying) == ([], [])
    assert {bind.partition(":")[0] for bind in binds if bind[0] != "/"} & {"a", "A", "a.b"} <= set(names)
