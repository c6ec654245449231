"""A prune is a list and removals; filters only narrow it, and what is not certain of them is denied."""

import json
from typing import Any

import pytest
from policy.policies import PLAIN, request_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.compile import own_policy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.descriptions import find_time
from dockerproxy.policy.judge import judge
from dockerproxy.policy.list_filters import PRUNED, Filters
from dockerproxy.policy.objects import KINDS, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.steps import Ask, PlanKind
from dockerproxy.tenancy.own import Own
from dockerproxy.tenancy.prunes import prune

NOW = 1_700_000_000.0
POLICY = own_policy(Own("ci"))
REMOVING = sorted(name for name, (kind, _) in PRUNED.items() if kind is not None)


def test_every_prune_has_its_way_and_no_engine_gets_it() -> None:
    for name in PRUNED:
        request = PLAIN[name]
        verdict = judge(POLICY, f"POST {request.target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(verdict, Verdict)
        assert verdict.plan is PlanKind.PRUNE_OWN
        assert verdict.to_engine.startswith(b"GET /")
        assert b"prune" not in verdict.to_engine


def test_a_grant_without_own_goes_to_the_engine_as_it_came() -> None:
    text = "sockets: {ci: {path: /ci.sock, allow: [own, VolumePrune]}}"
    policy = read_policy(text, "policy.yaml").sockets[0].policy
    verdict = judge(policy, b"POST /volumes/prune?filters=x HTTP/1.1\r\nhost: x\r\n\r\n")
    assert isinstance(verdict, Verdict)
    assert (verdict.plan, verdict.to_engine.split(b" ")[0]) == (PlanKind.REMOVE, b"POST")


@pytest.mark.parametrize(
    ("document", "when"),
    [
        ({"created": 1_600_000_000}, 1_600_000_000),
        ({"created": "2020-09-13T12:26:40.123456789Z"}, 1_600_000_000.123456),
        ({"createdat": "2020-09-13T12:26:40Z"}, 1_600_000_000),
        ({"createdat": "once"}, 0),
        ({}, 0),
    ],
)
def test_when_something_was_created_is_read(document: dict[str, object], when: float) -> None:
    found = ResolvedObject("1f", (), document=document)
    assert find_time(found) == pytest.approx(when)
    assert Filters(latest=1_600_000_001).admits(found)
    assert not Filters(latest=-1).admits(found)
    assert Filters().admits(found)


def run(target: str, listed: object, status: int = 204) -> tuple[list[Ask], int, Any]:
    """Run a prune to its end; return what it asked for, and its answer."""
    steps, asked = prune(request_of("POST", target), NOW, "ci"), list[Ask]()
    ask = next(steps)
    while True:
        asked.append(ask)
        answer = (200, json.dumps(listed).encode()) if ask.method == "GET" else (status, b"")
        try:
            ask = steps.send(answer)
        except StopIteration as end:
            return asked, end.value[0], json.loads(end.value[1])


MINE = {OWNER: "ci", NONCE: "1"}
IDS = [f"{number:x}" * 64 for number in range(1, 6)]


def test_a_prune_asks_for_each_newest_first_and_forces_nothing() -> None:
    listed = [{"Id": each, "State": "exited", "Labels": MINE, "Created": at} for at, each in enumerate(IDS[:3])]
    listed.append({"Id": IDS[3], "State": "exited", "Labels": {**MINE, OWNER: "other"}})
    asked, status, answer = run("/v1.45/containers/prune", listed)
    assert asked == [
        Ask("GET", "/v1.45/containers/json?all=1"),
        *(Ask("DELETE", f"/v1.45/containers/{each}") for each in reversed(IDS[:3])),
    ]
    assert (status, answer) == (200, {"ContainersDeleted": IDS[2::-1], "SpaceReclaimed": 0})
    assert run("/containers/prune", listed, status=409)[2] == {"ContainersDeleted": [], "SpaceReclaimed": 0}


def test_of_volumes_only_plain_local_ones_go() -> None:
    volumes = [
        {"Name": "a", "Driver": "local", "Labels": MINE, "Options": None},
        {"Name": "b", "Driver": "nfs", "Labels": MINE},
        {"Name": "c", "Driver": "local", "Labels": MINE, "Options": {"type": "nfs"}},
        {"Name": "d", "Driver": "local", "Labels": {**MINE, "com.docker.volume.anonymous": ""}},
    ]
    assert run("/v1.41/volumes/prune", {"Volumes": volumes})[2]["VolumesDeleted"] == ["d", "a"]
    assert run("/v1.45/volumes/prune", {"Volumes": volumes})[2]["VolumesDeleted"] == ["d"]


def test_a_network_without_a_name_is_told_by_its_id() -> None:
    assert run("/networks/prune", [{"Id": "1f", "Labels": MINE}])[2] == {"NetworksDeleted": ["1f"]}


def test_prunes_of_images_and_build_cache_ask_nothing_and_answer_that_nothing_was_removed() -> None:
    for name, key in (("ImagePrune", "ImagesDeleted"), ("BuildPrune", "CachesDeleted")):
        for query in ("", "?filters={%22dangling%22:[%22false%22]}", "?filters=x&dryrun=true", "?all=1&keep-storage=0"):
            request = request_of("POST", f"{PLAIN[name].target}{query}")
            assert is_allowed(decide(POLICY, request))
            with pytest.raises(StopIteration) as end:
                next(prune(request, NOW, "ci"))
            assert (end.value.value[0], json.loads(end.value.value[1])) == (200, {key: [], "SpaceReclaimed": 0})


def test_what_is_no_list_ends_a_prune() -> None:
    assert run("/networks/prune", "text")[1:] == (502, {"message": "the engine's list is not as expected"})
    steps = prune(request_of("POST", "/networks/prune"), NOW, "ci")
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send((500, b"x"))
    assert end.value.value == (500, b"x")


def test_prunes_name_no_object() -> None:
    assert KINDS.keys().isdisjoint(PRUNED)
