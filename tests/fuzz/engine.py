"""An engine that knows a few objects, each by its names and ids, and says of them the same whoever asks."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.errors import Refusal
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge_body, judge_object
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.phases import Judged, NeedsBody, Verdict
from dockerproxy.policy.references import parse_reference, with_default_tag

_MOST_LOOKUPS: Final = 100
"""More than a request can raise; that there are no more is one of the things that are checked."""

Document = Mapping[str, object]


def _whole(beginning: str) -> str:
    return beginning.ljust(64, "0")


def _container(beginning: str, name: str, **modes: str) -> Document:
    host_config = {"NetworkMode": "default", "PidMode": "", "IpcMode": "private", **modes}
    mounts = [{"Type": "tmpfs", "RW": name != "db", "Destination": "/data"}]
    return {"Id": _whole(beginning), "Name": f"/{name}", "HostConfig": host_config, "Mounts": mounts}


def _image(beginning: str, *tags: str) -> Document:
    return {"Id": f"sha256:{_whole(beginning)}", "RepoTags": tags}


def _exec(beginning: str, container: str, user: str) -> Document:
    process = {"entrypoint": "sh", "arguments": [], "privileged": False, "user": user}
    return {"ID": _whole(beginning), "ContainerID": _whole(container), "ProcessConfig": process}


def _of_swarm(key: str, name: str, **fields: object) -> Document:
    return {"ID": key, "Spec": {"Name": name}, **fields}


_OBJECTS: Final[Mapping[Kind, tuple[Document, ...]]] = {
    Kind.CONTAINER: (
        _container("4f5e", "web"),
        _container("db", "db"),
        _container("4057", "hosted", NetworkMode="host"),
        _container("9e57", "guest", NetworkMode="container:hosted", PidMode="host"),
    ),
    Kind.IMAGE: (
        _image("1a6e", "nginx:1.27", "nginx:latest"),
        _image("0dd", "odd:latest"),
        _image("5a", "localhost/ci/app:1", "docker.io/library/busybox:latest"),
    ),
    Kind.NETWORK: (
        {"Id": _whole("0057"), "Name": "host", "Driver": "host"},
        {"Id": _whole("b51d"), "Name": "bridge", "Driver": "bridge"},
        {"Id": _whole("c1de"), "Name": "ci_default", "Driver": "bridge"},
        {"Id": "kf7gt99mjnffxzgwv17lhx50b", "Name": "pile_front", "Driver": "overlay"},
    ),
    Kind.VOLUME: (
        {"Name": "ci_data", "Driver": "local", "Options": None},
        {"Name": "ci_etc", "Driver": "local", "Options": {"type": "none", "o": "bind", "device": "/etc"}},
        {"Name": "ci_plugin", "Driver": "nfs"},
    ),
    Kind.POD: (
        {"Id": _whole("b0"), "Name": "ci", "InfraContainerID": _whole("b1"), "SharedNamespaces": ["net"]},
        {"Id": _whole("b2"), "Name": "ci-host", "InfraContainerID": _whole("4057"), "SharedNamespaces": ["net"]},
    ),
    Kind.EXEC: (_exec("e1", "4f5e", "1000:1000"), _exec("e2", "db", "")),
    Kind.SERVICE: (_of_swarm("svc1", "pile_web"),),
    Kind.TASK: ({"ID": "task1", "ServiceID": "svc1"},),
    Kind.SECRET: (_of_swarm("kxch127gm40ekib869tjwcof0", "pile_word"), _of_swarm("rootkey1", "root_key")),
    Kind.CONFIG: (_of_swarm("vimssv8km1isvjpe7277a24hk", "pile_plain"),),
}


def _names_of(kind: Kind, document: Document) -> Iterator[str]:
    key = str(document.get("Id") or document.get("ID") or document["Name"])
    yield from (key, key.removeprefix("sha256:"), key[:4], key[:12])
    spec = document.get("Spec")
    yield str(document.get("Name") or (spec["Name"] if isinstance(spec, dict) else key)).removeprefix("/")
    tags = document.get("RepoTags") if kind is Kind.IMAGE else ()
    yield from map(_spell_whole, tags if isinstance(tags, tuple) else ())


def _spell_whole(name: str) -> str:
    reference = parse_reference(name)
    return str(with_default_tag(reference)) if reference is not None else name


_KNOWN: Final = {
    (kind, name): json.dumps(document).encode()
    for kind, documents in _OBJECTS.items()
    for document in documents
    for name in _names_of(kind, document)
}


def find(lookup: Lookup) -> ResolvedObject | None:
    """Answer a lookup; None if there is no such object."""
    answer: ResolvedObject | Lookup | None = lookup
    while isinstance(answer, Lookup):
        name = _spell_whole(answer.name) if answer.kind is Kind.IMAGE else answer.name
        content = _KNOWN.get((answer.kind, answer.name)) or _KNOWN.get((answer.kind, name))
        if content is None:
            return None
        answer = read_object(answer, content, "")
        assert answer is not None
    return answer


def settle(judged: Judged | Refusal, content: bytes) -> Verdict | Refusal:
    """Judge a request to its end: with its body, and with answers to whatever is asked of the engine."""
    for _ in range(_MOST_LOOKUPS):
        if isinstance(judged, Verdict | Refusal):
            return judged
        if isinstance(judged, NeedsBody):
            judged = judge_body(judged, content)
        else:
            judged = judge_object(judged, find(judged.lookup))
    raise AssertionError("there is no end of lookups")
