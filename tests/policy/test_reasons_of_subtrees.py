"""Docker's reason why a part of a volume cannot be mounted tells nothing of the host."""

import json

import pytest

from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.subtrees import NO_PART, conceal_path, mounts_part, reveals_path

ESCAPES = "path concatenation escapes the base directory, base: /x, subpath: a"
ABSENT = 'cannot access path "/x/a": lstat /etc/none: no such file or directory'
LOOPS = 'error while resolving symlinks in combined path "/x/a": EvalSymlinks: too many links'


@pytest.mark.parametrize("reason", [ESCAPES, ABSENT, LOOPS, f"Cannot restart container 1: {ESCAPES}"])
def test_the_reason_why_a_part_is_not_mounted_is_one_for_all(reason: str) -> None:
    assert reveals_path(json.dumps({"message": reason}).encode())
    told = conceal_path(json.dumps({"State": {"Error": reason, "Name": reason}}).encode())
    assert json.loads(told)["State"] == {"Error": NO_PART, "Name": reason}


def test_other_reasons_stay() -> None:
    said = json.dumps({"message": "port is already allocated", "Error": 'a "b"'}).encode()
    assert not reveals_path(said)
    assert conceal_path(said) == said


@pytest.mark.parametrize(
    ("options", "is_part"), [({"Subpath": "a"}, True), ({"Subpath": ""}, False), (None, False), ("", False)]
)
def test_a_container_mounts_a_part_by_its_subpath(options: object, *, is_part: bool) -> None:
    host = {"Mounts": [{"Type": "bind"}, {"Type": "volume", "VolumeOptions": options}]}
    assert mounts_part(ResolvedObject("1", (), document={"hostconfig": host})) is is_part
    assert not mounts_part(None)
