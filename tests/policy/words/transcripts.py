"""Transcripts of bodies and what becomes of them, and an engine that knows a few objects."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from policy.inspecting import Inspected, inspect
from policy.policies import request_for

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Known
from dockerproxy.policy.objects import Kind, ResolvedObject, missing
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import Json, read_json

CORPUS = Path(__file__).parent.parent.parent / "corpus" / "bodies" / "containers"


def _whole(beginning: str) -> str:
    return beginning.ljust(64, "0")


def _container(beginning: str, name: str, **host_config: str) -> ResolvedObject:
    modes = {"NetworkMode": "default", "PidMode": "", "IpcMode": "private", **host_config}
    return ResolvedObject(_whole(beginning), (name,), document={"hostconfig": modes})


def _image(beginning: str, *names: str) -> ResolvedObject:
    return ResolvedObject(f"sha256:{_whole(beginning)}", names, document={"id": beginning})


def _volume(name: str, driver: str = "local", options: Mapping[str, str] | None = None) -> ResolvedObject:
    return ResolvedObject(name, (name,), document={"driver": driver, "options": options})


WEB = _container("4f5e", "web")
ENGINE = {
    (Kind.CONTAINER, "web"): WEB,
    (Kind.CONTAINER, "4f5e"): WEB,
    (Kind.CONTAINER, "db"): _container("db", "db"),
    (Kind.CONTAINER, "hosted"): _container("4057", "hosted", NetworkMode="host"),
    (Kind.CONTAINER, "guest"): _container("9e57", "guest", NetworkMode="container:hosted"),
    (Kind.NETWORK, "0057"): ResolvedObject(_whole("0057"), ("host",), document={"driver": "host"}),
    (Kind.NETWORK, "c1de"): ResolvedObject(_whole("c1de"), ("ci_default",), document={"driver": "bridge"}),
    (Kind.NETWORK, "c1de0"): ResolvedObject(_whole("c1de"), ("ci_default",), document={"driver": "bridge"}),
    (Kind.NETWORK, "d0d0"): ResolvedObject(_whole("d0d0"), ("other",), document={"driver": "bridge"}),
    (Kind.VOLUME, "ci_data"): _volume("ci_data"),
    (Kind.VOLUME, "ci_etc"): _volume("ci_etc", options={"type": "none", "o": "bind", "device": "/etc"}),
    (Kind.VOLUME, "ci_plugin"): _volume("ci_plugin", driver="nfs"),
    (Kind.IMAGE, "1a6e"): _image("1a6e", "docker.io/library/nginx:1.27"),
    (Kind.IMAGE, "sha256:0dd"): _image("0dd", "docker.io/library/odd:latest"),
}
ENGINE.update({(kind, found.id): found for (kind, _), found in list(ENGINE.items())})


@dataclass(frozen=True)
class Told:
    """A block of a transcript."""

    place: str
    operation: str
    query: str
    bounds: Mapping[str, Value]
    body: str
    then: str
    what: str


def read_bounds(text: str) -> dict[str, Value]:
    """Read what a grant says, as JSON."""
    return {word: _read_value(value) for word, value in json.loads(text or "{}").items()}


def _read_value(value: Json) -> Value:
    if isinstance(value, dict):
        return Pairs(tuple((name, _read_value(item)) for name, item in value.items()))  # type: ignore[misc]
    if isinstance(value, list):
        return tuple(map(_read_value, value))  # type: ignore[return-value] # words, or lists of them
    assert isinstance(value, str | bool)
    return value


def read_transcripts() -> Iterator[Told]:
    """Read every block of every transcript."""
    for path in sorted(CORPUS.glob("*.txt")):
        line = 1
        for block in path.read_text(encoding="utf-8").rstrip("\n").split("\n\n"):
            request, body, outcome = (text for text in block.split("\n") if not text.startswith("#"))
            head, brace, bounds = request.partition("{")
            operation, _, query = head.strip().partition(" ")
            then, _, what = outcome.partition(" ")
            yield Told(f"{path.name}:{line}", operation, query, read_bounds(brace + bounds), body, then, what)
            line += block.count("\n") + 2


def look_at(operation: str, body: Json, bounds: Mapping[str, Value] | None = None, query: str = "") -> Inspected:
    """Inspect a request, and answer what it asks until it asks no more."""
    answers: dict[tuple[Kind, str], ResolvedObject] = {}
    request = request_for(OPERATIONS[operation], query)
    found = PREPARED if BODIES[operation].asks else None
    while True:
        known = Known(found=found, body=(body,), answers=answers)
        inspected = inspect(BODIES[operation], bounds or {}, request, known)
        if inspected.faults or not inspected.lookups:
            return inspected
        for lookup in inspected.lookups:
            answers[lookup.kind, lookup.name] = ENGINE.get((lookup.kind, lookup.name)) or missing(lookup)


PREPARED = ResolvedObject(
    "e" * 64,
    ("web",),
    document={"processconfig": {"entrypoint": "sh", "arguments": [], "privileged": False, "user": "1000:1000"}},
)
"""A command that waits to be started."""


def look_at_bytes(told: Told) -> Inspected | Refusal:
    """Inspect what a transcript tells of."""
    document = read_json(told.body.encode())
    return document if isinstance(document, Refusal) else look_at(told.operation, document, told.bounds, told.query)
