"""What a client may change of its own is bounded by what it may create."""

import json

import pytest
from policy.judging import finish
from policy.policies import ID
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import make_stamp
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.phases import Verdict

TOOLS = "{images: [tools], memory: 1GiB}"
JOBS = "{images: [jobs], memory: 8GiB, user: not-root}"
GIB = 2**30
CHANGES: dict[str, tuple[str, object]] = {
    "root": ("POST /containers/web/exec", {"Cmd": ["sh"]}),
    "not root": ("POST /containers/web/exec", {"Cmd": ["sh"], "User": "1000:1000"}),
    **{f"{size} GiB": ("POST /containers/web/update", {"Memory": size * GIB}) for size in (1, 2, 8, 16)},
    "any name": ("POST /containers/web/rename?name=other", None),
    "b-1": ("POST /containers/web/rename?name=b-1", None),
}


def policy_of(create: str, service: str = "") -> CompiledPolicy:
    lines = {"ContainerCreate": create, "ServiceCreate": service}
    allow = ", ".join(["own", *(f"{name}: {said}" for name, said in lines.items() if said)])
    return read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{allow}]}}}}", "p").sockets[0].policy


def send(policy: CompiledPolicy, line: str, body: object, labels: object = None) -> Verdict:
    """Judge a request on an engine where everything has these labels, or of which nothing is known."""

    def find(lookup: Lookup) -> ResolvedObject | None:
        if labels is None:
            return None
        said = {"Id": ID, "Name": "/web", "Config": {"Labels": labels}, "Image": f"sha256:{ID}"}
        found = read_object(lookup, json.dumps(said).encode(), "")
        if isinstance(found, Lookup):
            found = read_object(found, b'{"Config": {"Labels": {}}}', "")
        assert isinstance(found, ResolvedObject)
        return found

    content = b"" if body is None else json.dumps(body).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}") if content else ()
    verdict = finish(judge(policy, head_of(*fields, line=f"{line} HTTP/1.1")), content, find)
    assert isinstance(verdict, Verdict)
    return verdict


def changes_of(policy: CompiledPolicy, labels: object) -> set[str]:
    """Return which changes pass of a container with these labels."""
    return {name for name, (line, body) in CHANGES.items() if send(policy, line, body, labels).passes}


STAMP = make_stamp("ci", "n1")
TASK = {**STAMP, "com.docker.swarm.task.id": "x"}
OLD = {**STAMP, "io.dockerproxy.grants": "0123456789ab"}
ALL = frozenset(CHANGES)


@pytest.mark.parametrize("labels", [STAMP, TASK, OLD])
def test_changes_keep_to_the_profile(labels: object) -> None:
    """Those of containers that were made under another profile, too, of which a stamp of earlier versions tells."""
    assert changes_of(policy_of(TOOLS), labels) == {"root", "not root", "1 GiB", "any name", "b-1"}
    assert changes_of(policy_of(JOBS), labels) == ALL - {"root", "16 GiB"}
    assert changes_of(policy_of("{names: [b-*]}"), labels) == ALL - {"any name"}
    assert changes_of(policy_of("unrestricted"), labels) == ALL


def test_nothing_is_changed_without_a_profile() -> None:
    for labels in (STAMP, TASK, OLD):
        assert changes_of(policy_of(""), labels) == set()


SERVICE = "{images: [jobs], memory: 2GiB, user: not-root}"


@pytest.mark.parametrize(
    ("creates", "services", "changes"),
    [
        ("", SERVICE, {"not root", "1 GiB", "2 GiB"}),
        ("{images: [jobs]}", SERVICE, {"not root", "1 GiB", "2 GiB"}),
        (SERVICE, "{images: [jobs]}", {"not root", "1 GiB", "2 GiB"}),
        (SERVICE, SERVICE, {"not root", "1 GiB", "2 GiB"}),
        ("unrestricted", SERVICE, {"not root", "1 GiB", "2 GiB"}),
        # Of each change, the narrower one holds.
        (TOOLS, SERVICE, {"not root", "1 GiB"}),
        ("{memory: 1GiB, user: not-root}", "{memory: 2GiB}", {"not root", "1 GiB"}),
    ],
)
def test_containers_of_services_keep_to_both_profiles(creates: str, services: str, changes: set[str]) -> None:
    policy = policy_of(creates, services)
    assert changes_of(policy, TASK) - {"any name", "b-1"} == changes
    assert changes_of(policy, STAMP) == changes_of(policy_of(creates), STAMP)


def test_a_create_that_is_denied_is_no_profile() -> None:
    """Sockets of one owner must create alike, but what is denied is not compared."""
    narrow, wide = (f"{{path: /{name}.sock, own_as: ci, allow: [preset:{name}]" for name in ("ai-agent", "ci"))
    denied = "ContainerCreate, NetworkCreate, VolumeCreate, ImageCreate"
    text = f"sockets: {{a: {narrow}}}, b: {wide}, deny: [{denied}]}}}}"
    first, second = (each.policy for each in read_policy(text, "p").sockets)
    assert "16 GiB" not in changes_of(first, STAMP)
    assert changes_of(second, STAMP) == set()


def test_the_stamp_of_a_create_tells_of_no_grant() -> None:
    body = {"Image": "tools", "Labels": {"io.dockerproxy.grants": "0123456789ab"}}
    verdict = send(policy_of("{images: [tools]}"), "POST /containers/create?name=b-0", body)
    assert verdict.passes, verdict.decision
    labels = json.loads(verdict.to_engine.partition(b"\r\n\r\n")[2])["Labels"]
    assert labels.keys() == {"io.dockerproxy.owner", "io.dockerproxy.nonce"}


@pytest.mark.parametrize("which", ["{containers: [web]}", "{labelled: {a: b}}", ""])
def test_a_change_by_name_keeps_to_the_profile(which: str) -> None:
    """Clients call their containers and label them as they like."""
    lines = ", ".join(f"{name}: {which}" if which else name for name in ("ContainerExec", "ContainerUpdate"))
    texts = (f"own, ContainerCreate: {JOBS}, {lines}", f"own, {lines}", lines)
    policies = [read_policy(f"sockets: {{ci: {{path: /a, allow: [{text}]}}}}", "p").sockets[0].policy for text in texts]
    for labels in ({"a": "b"}, {"a": "b", **make_stamp("ci", "n")}):
        bounded, *others = (changes_of(each, labels) for each in policies)
        assert bounded & {"root", "not root", "1 GiB", "8 GiB", "16 GiB"} == {"not root", "1 GiB", "8 GiB"}
        assert all("root" in each for each in others)
