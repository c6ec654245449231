"""A look at what is asked of a swarm, with an engine that has some networks, secrets and configs."""

import json
from collections.abc import Mapping
from pathlib import Path

from policy.inspecting import Inspected, inspect
from policy.policies import ID, request_of

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.claim import Known
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json

CORPUS = Path(__file__).parents[2] / "corpus/bodies/services"
HOST = "ossi77e0zmnysctcvhh1s1mvo"
FRONT = "kf7gt99mjnffxzgwv17lhx50b"
WORD = "kxch127gm40ekib869tjwcof0"
PLAIN = "vimssv8km1isvjpe7277a24hk"
NETWORKS: Mapping[str, object] = {
    HOST: {"Name": "host", "Id": HOST, "Driver": "host"},
    HOST[:6]: {"Name": "host", "Id": HOST, "Driver": "host"},
    "host": {"Name": "host", "Id": ID, "Driver": "host"},
    "disguised": {"Name": "disguised", "Id": "4q17ya3n23ab51nk9afx8prbj", "Driver": "host"},
    "bridge": {"Name": "bridge", "Id": ID, "Driver": "bridge"},
    **{name: {"Name": "front", "Id": FRONT, "Driver": "overlay"} for name in (FRONT, FRONT[:5], "front")},
    "pile_front": {"Name": "pile_front", "Id": FRONT, "Driver": "overlay"},
}
ENGINE: Mapping[Kind, Mapping[str, object]] = {
    Kind.NETWORK: NETWORKS,
    Kind.SECRET: {
        WORD: {"ID": WORD, "Spec": {"Name": "pile_word"}},
        WORD[:4]: {"ID": WORD, "Spec": {"Name": "pile_word"}},
        "pile_word": {"ID": WORD, "Spec": {"Name": "pile_word"}},
        "rootkey1": {"ID": "rootkey1", "Spec": {"Name": "root_key"}},
    },
    Kind.CONFIG: {PLAIN: {"ID": PLAIN, "Spec": {"Name": "pile_plain"}}},
    Kind.VOLUME: {
        "disguise": {"Name": "disguise", "Driver": "local", "Options": {"device": "/etc"}},
    },
}
"""What the engine has, by what it can be asked for."""

Document = dict[str, Json]


def answer(lookup: Lookup) -> ResolvedObject:
    """Answer as the engine would."""
    known = ENGINE[lookup.kind].get(lookup.name)
    found = (
        read_object(lookup, json.dumps(known).encode(), "") if known else ResolvedObject(lookup.name, (lookup.name,))
    )
    assert isinstance(found, ResolvedObject)
    return found


def judge(target: str, content: Json, **bounds: Value) -> Inspected:
    """Look at a request until nothing more is to be asked."""
    request = request_of("POST", target)
    answers: dict[tuple[Kind, str], ResolvedObject] = {}
    while True:
        inspected = inspect(BODIES[request.operation.name], bounds, request, Known(body=(content,), answers=answers))
        if not inspected.lookups:
            return inspected
        answers |= {(lookup.kind, lookup.name): answer(lookup) for lookup in inspected.lookups}


def faults(content: Json, /, target: str = "/v1.45/services/create", **bounds: Value) -> list[str]:
    """Return what is wrong with a request."""
    return [str(fault) for fault in judge(target, content, **bounds).faults]


def service(task: Document | None = None, **container: Json) -> Document:
    """Return a service of an ordinary container."""
    return {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox", **container}, **(task or {})}}


def mount(**mount: Json) -> Document:
    """Return a service with one mount."""
    return service(Mounts=[{"Target": "/m", **mount}])
