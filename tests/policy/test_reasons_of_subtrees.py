"""Docker's reason why a part of a volume cannot be mounted tells nothing of the host."""

import json

import pytest
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.plans.table import PLANS
from dockerproxy.policy.judge import judge, judge_object
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import Act, NeedsLookup, Verdict
from dockerproxy.policy.steps import Enter, Fills, Says, Scene, Whole
from dockerproxy.policy.subtrees import NO_PART, conceal_path, mounts_part, reveals_path

ESCAPES = "path concatenation escapes the base directory, base: /x, subpath: a"
ABSENT = 'cannot access path "/x/a": lstat /etc/none: no such file or directory'
LOOPS = 'error while resolving symlinks in combined path "/x/a": EvalSymlinks: too many links'


@pytest.mark.parametrize("reason", [ESCAPES, ABSENT, LOOPS, f"Cannot restart container 1: {ESCAPES}"])
def test_the_reason_why_a_part_is_not_mounted_is_one_for_all(reason: str) -> None:
    assert reveals_path(json.dumps({"message": reason}))
    told = conceal_path(json.dumps({"State": {"Error": reason, "Name": reason}, "Error": reason}).encode())
    assert json.loads(told or b"") == {"State": {"Error": NO_PART, "Name": reason}, "Error": reason}


def test_a_long_error_is_read_once() -> None:
    """A container's command, which an error repeats, may be of quotation marks."""
    said = json.dumps({"State": {"Error": '"' * 1_000_000}})
    assert not reveals_path(said)
    assert conceal_path(said.encode()) == said.encode()


def test_other_reasons_stay() -> None:
    said = json.dumps({"State": {"Error": 'port is "already" allocated'}})
    assert not reveals_path(said)
    assert conceal_path(said.encode()) == said.encode()


@pytest.mark.parametrize(
    ("options", "is_part"), [({"Subpath": "a"}, True), ({"Subpath": ""}, False), (None, False), ("", False)]
)
def test_a_container_mounts_a_part_by_its_subpath(options: object, *, is_part: bool) -> None:
    host = {"Mounts": [{"Type": "bind"}, {"Type": "volume", "VolumeOptions": options}]}
    assert mounts_part(ResolvedObject("1", (), document={"hostconfig": host})) is is_part
    assert not mounts_part(None)


@pytest.mark.parametrize(
    ("reason", "is_told"), [(ESCAPES, False), (ABSENT, False), ("port is already allocated", True)]
)
def test_a_start_tells_no_reason_of_a_path(reason: str, *, is_told: bool) -> None:
    text = "sockets: {a: {path: /a.sock, allow: [own, ContainerCreate]}}"
    judged = judge(read_policy(text, "p.yaml").sockets[0].policy, head_of(line="POST /containers/c/start HTTP/1.1"))
    assert isinstance(judged, NeedsLookup)
    host = {"Mounts": [{"Type": "volume", "VolumeOptions": {"Subpath": "a"}}]}
    found = ResolvedObject("1" * 64, ("c",), belongs_to="a", document={"id": "1" * 64, "hostconfig": host})
    verdict = judge_object(judged, found)
    assert isinstance(verdict, Verdict)
    assert verdict.plan is not None
    plan = PLANS[verdict.plan](verdict, Scene(Fills(), {}, 0.0))
    assert isinstance(next(plan), Enter)
    assert isinstance(next(plan), Act)
    answer = Whole(b"HTTP/1.1 404 Not Found\r\n\r\n", 404, json.dumps({"message": reason}).encode())
    with pytest.raises(StopIteration) as end:
        plan.send(answer)
    assert end.value.value == (answer if is_told else Says(400, NO_PART))
