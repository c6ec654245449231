"""A bind below a directory that clients can write to goes on as a part of a volume that is that directory."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from policy.judging import finish, nobody
from policy.policies import WEB
from rows import for_each
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.plans.showing import edit
from dockerproxy.plans.table import PLANS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge, judge_again
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import Act, Outcome, Verdict
from dockerproxy.policy.places import Places
from dockerproxy.policy.steps import Ask, Fills, Open, Read, Says, Scene, Stream, UnknownObjectError, Whole, Work
from dockerproxy.policy.subtrees import LABEL, name_volume, uses_parts, write_parts

FILE = """
sockets:
  ci:
    path: /proxied/ci.sock
    mode: MODE
    paths: {/workspace: /srv/work}
    allow:
      - ContainerCreate: {binds: ["/workspace/**", /data, /data/cache:ro], volumes: ["*"]}
      - ServiceCreate: {binds: ["/workspace/**"]}
      - ContainerDelete
      - ContainerPrune
      - SystemEvents
      - VolumeCreate
      - VolumeInspect
      - VolumeDelete
      - VolumeList
"""
DOCKER = {"ApiVersion": "1.45", "Components": [{"Name": "Engine"}, {"Name": "containerd"}]}
PODMAN = {"ApiVersion": "1.45", "Components": [{"Name": "Podman Engine"}]}
OURS = name_volume("/srv/work/a", "/srv/work")
OPTIONS = {"type": "none", "o": "rbind,rslave", "device": "/srv/work"}
CREATED = 201, json.dumps({"Name": OURS, "Driver": "local", "Options": OPTIONS}).encode()
Engine = Callable[[str, str, bytes | None], tuple[int, bytes]]


def policy_in(mode: Mode = Mode.ENFORCE, text: str = FILE) -> CompiledPolicy:
    return read_policy(text.replace("MODE", mode), "policy.yaml").sockets[0].policy


POLICY = policy_in()


def send(
    method: str, target: str, body: object = None, policy: CompiledPolicy = POLICY, found: ResolvedObject | None = None
) -> Verdict:
    """Judge a request to its end."""
    content = json.dumps(body).encode() if body is not None else b""
    fields = ("content-type: application/json", f"content-length: {len(content)}") if content else ()
    judged = judge(policy, head_of(*fields, line=f"{method} {target} HTTP/1.1"))
    verdict = finish(judged, content, (lambda _: found) if found else nobody)
    assert isinstance(verdict, Verdict)
    return verdict


def create(host: dict[str, Any], policy: CompiledPolicy = POLICY, version: str = "/v1.45") -> Verdict:
    return send("POST", f"{version}/containers/create", {"Image": "busybox", "HostConfig": host}, policy)


def docker(said: object = DOCKER, made: tuple[int, bytes] = CREATED, unused: tuple[str, ...] = ()) -> Engine:
    """Return what answers the proxy's own requests."""

    def answer(method: str, target: str, _: bytes | None) -> tuple[int, bytes]:
        if target == "/version":
            return 200, json.dumps(said).encode()
        if method == "POST":
            return made
        return 200, json.dumps({"Volumes": [{"Name": name} for name in ("data", *unused)]}).encode()

    return answer


def carry_out(verdict: Verdict, engine: Engine, status: int = 201) -> tuple[Outcome, list[str]]:
    """Take the steps of a plan; return what came of it, and what the engine was sent."""
    assert verdict.plan is not None
    plan, sent, result = PLANS[verdict.plan](verdict, Scene(Fills(), {}, 0.0)), list[str](), None
    while True:
        try:
            step = plan.send(result)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome, sent
        result = None
        if isinstance(step, Work):
            result = step.do()
        elif isinstance(step, Ask):
            sent.append(f"{step.method} {step.target} {(step.content or b'').decode()}")
            result = engine(step.method, step.target, step.content)
        else:
            assert isinstance(step, Act | Read)
            data = step.verdict.to_engine if isinstance(step, Act) else step.request
            head, _, content = data.partition(b"\r\n\r\n")
            sent.append(f"{head.split(b' HTTP')[0].decode()} {content.decode()}")
            result = Whole(b"HTTP/1.1 %d A\r\nContent-Length: 2\r\n\r\n{}" % status, status, b"{}")


def body_of(sent: str) -> Any:
    return json.loads(sent[sent.index("{") :])


def part(rest: str, **more: object) -> dict[str, Any]:
    """Return what the engine gets of a bind."""
    path = f"/srv/work/{rest}"
    config = {"Name": "local", "Options": OPTIONS}
    options = {"NoCopy": True, "Subpath": rest, "Labels": {LABEL: path}, "DriverConfig": config}
    return {"Type": "volume", "Source": name_volume(path, "/srv/work"), **more, "VolumeOptions": options}


def test_a_bind_below_a_granted_directory_is_a_part_of_a_volume() -> None:
    bind = {"Type": "bind", "Source": "/workspace/a", "Target": "/y", "BindOptions": {"CreateMountpoint": True}}
    tmpfs = {"Type": "tmpfs", "Target": "/t"}
    host = {"Binds": ["/workspace/a/b:/x:ro", "/workspace:/w", "/workspace/a", "data:/d"], "Mounts": [bind, tmpfs]}
    outcome, (version, first, second, made, listed) = carry_out(create(host), docker())
    assert isinstance(outcome, Whole)
    assert version.startswith("GET /version")
    assert {body_of(each)["Labels"][LABEL] for each in (first, second)} == {"/srv/work/a", "/srv/work/a/b"}
    assert body_of(first) | {"Labels": {}} == {"Name": OURS, "Driver": "local", "DriverOpts": OPTIONS, "Labels": {}}
    assert made.startswith("POST /v1.45/containers/create")
    sent = body_of(made)["HostConfig"]
    assert sent["Binds"] == ["/srv/work:/w", "/workspace/a"]
    data = {"Type": "volume", "Source": "data", "Target": "/d", "ReadOnly": False, "VolumeOptions": {"NoCopy": True}}
    assert sent["Mounts"] == [part("a", Target="/y"), tmpfs, data, part("a/b", Target="/x", ReadOnly=True)]
    assert listed.startswith("GET /volumes?filters=")


def test_what_lies_below_no_root_goes_on_as_it_is() -> None:
    _, sent = carry_out(create({"Binds": ["/workspace:/w", "/data:/d"]}), docker())
    assert [each.split()[0] for each in sent] == ["POST", "GET"]
    assert body_of(sent[0])["HostConfig"]["Binds"] == ["/srv/work:/w", "/data:/d"]
    _, (_, made, *_) = carry_out(
        create({"Binds": ["/data/cache:/d:ro"]}),
        docker(made=(201, json.dumps({"Driver": "local", "Options": {**OPTIONS, "device": "/data"}}).encode())),
    )
    assert body_of(made)["DriverOpts"]["device"] == "/data"
    own = Places(own_socket="/srv/work/docker.sock", roots=frozenset({"/srv/work"}))
    content = json.dumps({"HostConfig": {"Binds": ["/srv/work/docker.sock:/s"]}}).encode()
    assert write_parts(content, own)[1] == {}


def test_a_body_that_no_grant_judged_goes_on_with_its_binds() -> None:
    """Docker leaves `Subpath` out under an older version of the API: all of the directory would be mounted."""
    lines = 'own, ServiceCreate: {binds: ["/srv/work/**"]}, ContainerCreate: unrestricted'
    text = f"sockets: {{ci: {{path: /proxied/ci.sock, allow: [{lines}]}}}}"
    binds = ["/srv/work/a:/x:rshared"]
    _, sent = carry_out(create({"Binds": binds}, policy_in(text=text), version="/v1.40"), docker())
    assert body_of(sent[0])["HostConfig"] == {"Binds": binds}


@for_each(
    "said",
    [
        PODMAN,
        {**DOCKER, "ApiVersion": "1.44"},
        {**DOCKER, "ApiVersion": None},
        {"ApiVersion": "1.45"},
        {"ApiVersion": "1.45", "Components": 5},
        [],
    ],
)
@for_each("mode", [Mode.ENFORCE, Mode.REPORT])
def test_a_bind_below_a_granted_directory_needs_docker_26(said: object, mode: Mode) -> None:
    """Where nothing is refused, it passes as a bind."""
    policy = policy_in(mode)
    outcome, sent = carry_out(create({"Binds": ["/workspace/a:/x"]}, policy), docker(said))
    if mode is Mode.ENFORCE:
        assert isinstance(outcome, Verdict)
        assert not outcome.passes
        assert "only Docker 26 and newer" in outcome.decision.message
        assert len(sent) == 1
    else:
        assert body_of(sent[1])["HostConfig"]["Binds"] == ["/srv/work/a:/x"]


@pytest.mark.parametrize("said", ["1.45", "1.46", "2.0", "1.100"])
def test_newer_versions_will_do(said: str) -> None:
    outcome, _ = carry_out(create({"Binds": ["/workspace/a:/x"]}), docker({**DOCKER, "ApiVersion": said}))
    assert isinstance(outcome, Whole)


@for_each(
    ("host", "version", "says"),
    [
        ({"Binds": ["/workspace/a:/x"]}, "/v1.44", "which needs API 1.45, not v1.44"),
        ({"Binds": ["/workspace/a:/x:z"]}, "/v1.45", 'cannot have the option "z"'),
        ({"Binds": ["/workspace/a:/x:ro,nosuid"]}, "/v1.45", 'cannot have the option "nosuid"'),
        ({"Binds": ["/workspace/a:/x:rslave"]}, "/v1.45", 'with the option "rslave"'),
        ({"Binds": [f"/workspace/{'a' * 300}:/x"]}, "/v1.45", "too long for the name of a volume"),
        ({"Binds": ["/workspace/../etc:/x"]}, "/v1.45", "not a clean absolute path"),
        ({"Binds": ["/workspace//a:/x"]}, "/v1.45", "not a clean absolute path"),
        ({"Binds": ["/srv/work/a:/x"]}, "/v1.45", "a host path that no rule allows"),
        ({"Binds": ["/data/a:/x"]}, "/v1.45", "a host path that no rule allows"),
        ({"Binds": [f"{OURS}:/x"]}, "/v1.45", "the proxy keeps such names for itself"),
        ({"Mounts": [{"Type": "volume", "Source": OURS, "Target": "/x"}]}, "/v1.45", "keeps such names"),
    ],
)
def test_what_a_part_of_a_volume_cannot_be_is_denied(host: dict[str, Any], version: str, says: str) -> None:
    denied = create(host, version=version)
    assert not denied.passes
    assert says in denied.decision.message
    assert "/srv/work/a " not in denied.decision.message
    assert "without condition" not in denied.decision.message  # By which no bind is allowed at all.


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({"Propagation": "rprivate", "NonRecursive": True}, True),
        ({"ReadOnlyForceRecursive": True}, False),
        ({"Propagation": "rslave"}, False),
    ],
)
def test_options_of_a_bind_go_on_or_are_denied(options: dict[str, Any], *, allowed: bool) -> None:
    mount = {"Type": "bind", "Source": "/workspace/a", "Target": "/x", "ReadOnly": True, "BindOptions": options}
    verdict = create({"Mounts": [mount]})
    assert verdict.passes == allowed
    if allowed:
        _, sent = carry_out(verdict, docker())
        assert body_of(sent[2])["HostConfig"]["Mounts"] == [part("a", Target="/x", ReadOnly=True)]


def test_a_service_mounts_nothing_below() -> None:
    for source, passes in (("/workspace", True), ("/workspace/a", False)):
        spec = {"Image": "busybox", "Mounts": [{"Type": "bind", "Source": source, "Target": "/x"}]}
        body = {"Name": "a", "TaskTemplate": {"ContainerSpec": spec, "Networks": []}}
        assert ("services cannot mount" in send("POST", "/v1.45/services/create", body).decision.message) != passes


def test_no_client_names_a_volume_of_ours() -> None:
    for mode in Mode:
        for method in ("GET", "DELETE"):
            for name in (OURS, OURS.replace("_", "%5f"), f"{OURS}?force=1"):
                verdict = send(method, f"/v1.45/volumes/{name}", policy=policy_in(mode))
                assert (verdict.passes, verdict.decision.status) == (False, 404)
    assert not send("POST", "/v1.45/volumes/create", {"Name": OURS}).passes
    assert send("POST", "/v1.45/volumes/create", {"Name": OURS[:6]}).passes


@pytest.mark.parametrize(
    "made",
    [
        (201, json.dumps({"Driver": "local", "Options": {**OPTIONS, "device": "/etc"}}).encode()),
        (201, json.dumps({"Driver": "local", "Options": None}).encode()),
        (201, json.dumps({"Driver": "other", "Options": OPTIONS}).encode()),
        (500, CREATED[1]),
        (201, b"["),
    ],
)
def test_what_the_engine_says_of_the_volume_must_be_right(made: tuple[int, bytes]) -> None:
    with pytest.raises(UnknownObjectError, match="the engine did not make the volume"):
        carry_out(create({"Binds": ["/workspace/a:/x"]}), docker(made=made))


def test_what_no_container_uses_is_removed() -> None:
    found = ResolvedObject(WEB.id, ("web",), document={"mounts": [{"Type": "volume", "Name": OURS}]})
    assert uses_parts(found)
    assert not uses_parts(WEB)
    for verdict in (send("DELETE", "/v1.45/containers/web"), send("POST", "/v1.45/containers/prune")):
        _, sent = carry_out(verdict, docker(unused=(OURS,)))
        assert [each.split("?")[0] for each in sent[1:]] == ["GET /volumes", f"DELETE /volumes/{OURS} "]
    elsewhere = policy_in(text=FILE.replace('"/workspace/**", /data', "/data:ro").replace("/workspace/**", "/x"))
    assert send("DELETE", "/v1.45/containers/web", policy=elsewhere).plan is None


@pytest.mark.parametrize("end", ["/../../containers/web", "?force=1", " HTTP/1.1\r\nhost: a\r\n\r\nGET /info"])
def test_a_removal_of_what_is_unused_is_about_a_volume_whatever_that_is_called(end: str) -> None:
    """A plugin for volumes may take any name."""
    _, sent = carry_out(send("DELETE", "/v1.45/containers/web"), docker(unused=(OURS + end,)))
    assert sent[-1] == f"DELETE /volumes/{quote(OURS + end, safe='')} "


def test_a_stop_that_removes_a_container_removes_what_is_unused() -> None:
    policy = policy_in(text=FILE.replace("- ContainerPrune", '- ContainerStop: {containers: ["*"]}'))
    document = {"mounts": [{"Name": OURS}], "hostconfig": {"AutoRemove": True}}
    found = ResolvedObject(WEB.id, ("web",), document=document)
    verdict = send("POST", "/v1.45/containers/web/stop?t=0", policy=policy, found=found)
    _, (_, waited, _, removed) = carry_out(verdict, docker(unused=(OURS,)), status=204)
    assert waited.startswith(f"POST /containers/{WEB.id}/wait?condition=removed")
    assert removed.startswith(f"DELETE /volumes/{OURS}")
    stays = ResolvedObject(WEB.id, ("web",), document={**document, "hostconfig": {}})
    assert send("POST", "/v1.45/containers/web/stop", policy=policy, found=stays).plan is None


@pytest.mark.parametrize("status", [304, 404, 500])
def test_a_stop_of_what_does_not_run_is_answered_at_once(status: int) -> None:
    """As of a container that was created and never started: it stays."""
    policy = policy_in(text=FILE.replace("- ContainerPrune", '- ContainerStop: {containers: ["*"]}'))
    document = {"mounts": [{"Name": OURS}], "hostconfig": {"AutoRemove": True}}
    found = ResolvedObject(WEB.id, ("web",), document=document)
    verdict = send("POST", "/v1.45/containers/web/stop", policy=policy, found=found)
    _, sent = carry_out(verdict, docker(unused=(OURS,)), status=status)
    assert [each.split()[0] for each in sent] == ["POST"]


def test_a_removal_succeeds_although_the_engine_does_not_list_volumes() -> None:
    verdict = send("DELETE", "/v1.45/containers/web")
    assert verdict.plan is not None
    plan = PLANS[verdict.plan](verdict, Scene(Fills(), {}, 0.0))
    assert isinstance(next(plan), Act)
    answer = Whole(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"")
    assert isinstance(plan.send(answer), Ask)
    with pytest.raises(StopIteration) as ended:
        plan.throw(UnknownObjectError("silent"))
    assert ended.value.value == answer


@pytest.mark.parametrize("before", [b"", b"\x1e"])
def test_events_of_volumes_of_ours_are_left_out(before: bytes) -> None:
    """In lines, and in a sequence (RFC 7464)."""
    verdict = send("GET", "/v1.45/events")
    assert verdict.plan is not None
    plan = PLANS[verdict.plan](verdict, Scene(Fills(), {}, 0.0))
    assert isinstance(next(plan), Open)
    with pytest.raises(StopIteration) as ended:
        plan.send(None)
    stream = ended.value.value
    assert isinstance(stream, Stream)

    def show(kind: str, identity: str) -> bytes:
        line = json.dumps({"Type": kind, "Action": "create", "Actor": {"ID": identity, "Attributes": {LABEL: "a"}}})
        steps = stream.show(before + line.encode())
        work = next(steps)
        assert isinstance(work, Work)
        with pytest.raises(StopIteration) as end:
            steps.send(work.do())
        shown: bytes = end.value.value
        return shown

    assert show("volume", OURS) == b""
    assert show("volume", "data")
    assert show("container", OURS)


def test_a_policy_with_more_grants_has_the_roots_of_all() -> None:
    """As when a person has allowed a request, which is then judged again."""
    narrow = policy_in(text=FILE.replace('"/workspace/**", /data, ', "").replace("/workspace/**", "/x"))
    denied = create({"Binds": ["/workspace/a:/x"]}, narrow)
    assert not denied.passes
    again = judge_again(POLICY, denied, denied.known, "0" * 32)
    assert isinstance(again, Verdict)
    assert not denied.known.places.roots
    assert again.known.places.roots == {"/srv/work", "/data"}
    _, sent = carry_out(again, docker())
    assert body_of(sent[2])["HostConfig"]["Mounts"] == [part("a", Target="/x", ReadOnly=False)]


def test_what_is_hidden_of_a_bind_is_hidden_of_a_part_of_a_volume() -> None:
    hidden = FILE.replace("    mode:", "    hide: [mounts]\n    mode:").replace(
        "- ContainerPrune", "- ContainerInspect"
    )
    verdict = send("GET", "/v1.45/containers/web/json", policy=policy_in(text=hidden))
    mounts = [{"Type": "volume", "Name": OURS, "Source": "/var/lib/x", "Destination": "/x", "RW": True}]
    content = json.dumps({"Id": WEB.id, "Mounts": mounts, "HostConfig": {"Mounts": [part("a", Target="/y")]}}).encode()
    steps = edit(verdict, Whole(b"HTTP/1.1 200 OK\r\n\r\n", 200, content))
    step = next(steps)
    assert isinstance(step, Work)
    left = step.do()
    assert isinstance(left, bytes)
    assert b'"/y"' in left
    assert all(word not in left for word in (b"/srv/work", b"/workspace", b"io.dockerproxy", b"Subpath", b"__srv"))


def test_lists_of_volumes_are_read_where_some_may_be_ours() -> None:
    """On each socket of a proxy that makes such volumes for one of them."""
    beside = f"{FILE}  other: {{path: /proxied/other.sock, allow: [VolumeList, SystemEvents]}}\n"
    other = read_policy(beside.replace("MODE", "enforce"), "policy.yaml").sockets[1].policy
    for policy in (POLICY, other):
        outcome, _ = carry_out(send("GET", "/v1.45/volumes", policy=policy), docker())
        assert not isinstance(outcome, Says)
        assert send("GET", "/v1.45/events", policy=policy).plan is not None
    bare = policy_in(text=FILE.replace("/workspace/**", "/x").replace(", /data/cache:ro", "").replace("paths:", "#"))
    assert send("GET", "/v1.45/volumes", policy=bare).plan is None
