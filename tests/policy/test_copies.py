"""What a create says of volumes into which nothing is copied."""

import json

from hypothesis import given
from hypothesis import strategies as st
from policy.policies import request_of

from dockerproxy.policy.claim import Claim, Known
from dockerproxy.policy.claims.names import named
from dockerproxy.policy.claims.reader import read_request
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.copies import list_copies, list_served, write_without_copies
from dockerproxy.policy.objects import Kind, ResolvedObject
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
    claims = [Claim((word,), ((named(name), None),), "", None, "") for word, name in (("volumes", "a"), ("names", "b"))]
    assert list_copies([*claims, *claims], "volumes") == ("a",)
    assert list_copies(claims, "") == ()


def test_a_volume_of_a_service_is_one_that_it_mounts_or_did() -> None:
    def spec(*sources: str) -> dict[str, object]:
        return {"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Type": "volume", "Source": each} for each in sources]}}}

    services = [{"Spec": spec("a", "b"), "PreviousSpec": spec("c")}, {"Spec": {"TaskTemplate": None}}, {}]
    assert list_served(json.dumps(services).encode()) == frozenset("abc")
    assert [list_served(content) for content in (b"[]", b"null", b"[")] == [frozenset(), None, None]


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
