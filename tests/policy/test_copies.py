"""What a create says of volumes into which nothing is copied."""

import json

from dockerproxy.policy.claim import Claim
from dockerproxy.policy.claims.names import named
from dockerproxy.policy.copies import list_copies, write_without_copies

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
