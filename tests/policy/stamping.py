"""Requests on a socket whose clients own what they create, and an engine on which all has the same labels."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from policy.policies import ID
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict

SOCKET = read_policy(
    """
sockets:
  ci:
    path: /ci.sock
    own_as: team
    allow:
      - own
      - ContainerCreate: {images: [busybox], labels: {stage: test}}
      - NetworkCreate
      - VolumeCreate
""",
    "policy.yaml",
).sockets[0]
POLICY = SOCKET.policy

IMAGE = f"sha256:{ID}"
MINE = {OWNER: "team", NONCE: "n1"}
THEIRS = {OWNER: "others", NONCE: "n2"}


def described(kind: Kind, name: str, labels: Mapping[str, str]) -> dict[str, object]:
    """Return what an engine says of an object."""
    if kind is Kind.CONTAINER:
        mode = {"NetworkMode": "default", "PidMode": "", "IpcMode": "private"}
        return {"Id": ID, "Name": f"/{name}", "Config": {"Labels": labels}, "Image": IMAGE, "HostConfig": mode}
    if kind in {Kind.SERVICE, Kind.SECRET, Kind.CONFIG}:
        return {"ID": ID, "Spec": {"Name": name, "Labels": labels}}
    return {"Id": ID, "Name": name, "Labels": labels, "Driver": "local", "Options": None}


def engine(labels: Mapping[str, str] | None, inherited: Mapping[str, str] | None = None) -> Callable[[Lookup], Any]:
    """Return an engine on which everything there is has labels, and its image some of them; or nothing exists."""

    def find(lookup: Lookup) -> ResolvedObject | None:
        if labels is None:
            return None
        found = read_object(lookup, json.dumps(described(lookup.kind, "web", labels)).encode(), "")
        if isinstance(found, Lookup):
            assert found.target.endswith(f"/images/{IMAGE}/json")
            found = read_object(found, json.dumps({"Config": {"Labels": inherited}}).encode(), "")
        assert isinstance(found, ResolvedObject)
        return found

    return find


def send(
    line: str, body: object, find: Callable[[Lookup], Any], nonce: str = "n9", policy: CompiledPolicy = POLICY
) -> Verdict:
    """Judge a request to its end."""
    content = json.dumps(body).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}") if body is not None else ()
    found = judge(policy, head_of(*fields, line=f"{line} HTTP/1.1"))
    if isinstance(found, NeedsBody):
        found = judge_body(found, content, nonce)
    while isinstance(found, NeedsLookup):
        found = judge_object(found, find(found.lookup))
    assert isinstance(found, Verdict), found
    return found


def sent(verdict: Verdict) -> Any:
    assert verdict.passes, verdict.decision
    return json.loads(verdict.to_engine.partition(b"\r\n\r\n")[2])
