"""A look at what is asked of Podman in its own words, with an engine that has some of everything."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policy.inspecting import Inspected, inspect
from policy.policies import ID, request_for, request_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject, missing
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import Json

CORPUS = Path(__file__).parents[2] / "corpus/bodies/podman"
BUSYBOX = "5a" * 32
POD, HOLDER = "b0" * 32, "b1" * 32


def container(name: str, **document: object) -> dict[str, object]:
    """Return what Podman says of a container."""
    return {
        "Id": ID,
        "Name": name,
        "HostConfig": {"NetworkMode": "bridge", "IpcMode": "shareable", "PidMode": "private"},
        **document,
    }


def pod(name: str, holder: str = HOLDER, shared: tuple[str, ...] = ("net",)) -> dict[str, object]:
    """Return what Podman says of a pod."""
    return {"Id": POD, "Name": name, "InfraContainerID": holder, "SharedNamespaces": list(shared)}


IMAGE: dict[str, object] = {"Id": BUSYBOX, "RepoTags": ["localhost/ci/app:1", "docker.io/library/busybox:latest"]}

ENGINE: Mapping[Kind, Mapping[str, dict[str, object]]] = {
    Kind.CONTAINER: {
        "web": container("web"),
        "by-path": container("by-path", HostConfig={"NetworkMode": "ns:/proc/1/ns/net"}),
        HOLDER: container(
            "holder",
            Mounts=[
                {"Type": "bind", "Source": "/srv/ci", "Destination": "/d", "RW": False},
                {"Type": "volume", "Name": "ci_data", "Destination": "/v", "RW": True},
            ],
        ),
        "on-host": container("on-host", HostConfig={"PidMode": "host"}),
        "named-by-path": container("named-by-path", HostConfig={"UTSMode": "ns:/proc/1/ns/uts"}),
        "loose": container("loose", HostConfig={"SecurityOpt": ["seccomp=unconfined"]}, Mounts=None),
    },
    Kind.IMAGE: dict.fromkeys(("busybox", "ci/app:1", BUSYBOX[:8]), IMAGE),
    Kind.POD: {
        "ci": pod("ci"),
        "apart": pod("apart", holder="", shared=()),
        "hostly": pod("hostly", holder="on-host"),
        "named": pod("named", holder="named-by-path"),
        "open": pod("open", holder="loose"),
        "gone": pod("gone", holder="gone"),
    },
    Kind.VOLUME: {"disguise": {"Name": "disguise", "Driver": "local", "Options": {"device": "/etc", "o": "bind"}}},
}
"""What the engine has, by what it can be asked for."""


def answer(lookup: Lookup) -> ResolvedObject:
    """Answer as the engine would."""
    known = ENGINE.get(lookup.kind, {}).get(lookup.name)
    found = read_object(lookup, json.dumps(known).encode(), "") if known else missing(lookup)
    assert isinstance(found, ResolvedObject)
    return found


def look(
    name: str, query: str = "", content: Json = None, *, target: str = "", bounds: Mapping[str, Value] | None = None
) -> Inspected:
    """Look at a request until nothing more is to be asked."""
    operation = OPERATIONS[name]
    request = request_of(operation.method, target) if target else request_for(operation, query)
    answers: dict[tuple[Kind, str], ResolvedObject] = {}
    while True:
        inspected = inspect(BODIES[name], bounds or {}, request, Known(body=(content,), answers=answers))
        if not inspected.lookups:
            return inspected
        answers.update({(lookup.kind, lookup.name): answer(lookup) for lookup in inspected.lookups})


def create(bounds: Mapping[str, Value] | None = None, /, **fields: Json) -> Inspected:
    """Look at what makes a container that has an image, and these fields."""
    return look("ContainerCreateLibpod", content={"image": "busybox", **fields}, bounds=bounds)


def faults(bounds: Mapping[str, Value] | None = None, /, **fields: Json) -> list[str]:
    """Return what is wrong with it."""
    return list(map(str, create(bounds, **fields).faults))


def content(inspected: Inspected) -> dict[str, Any]:
    """Return what goes to the engine of what has nothing wrong with it."""
    assert inspected.faults == ()
    assert isinstance(inspected.content, dict)
    return inspected.content


def publish(*ports: str, addresses: tuple[str, ...] = ()) -> Pairs:
    """Return what `publish` says."""
    return Pairs((("ports", ports), *((("addresses", addresses),) if addresses else ())))
