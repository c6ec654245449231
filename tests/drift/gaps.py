"""What engines have and the tables here lack, and what is missing from them on purpose.

An operation that no table has is refused, and so is a parameter or field that the table of its operation lacks. What
has no table (the query of a read, a header field) passes with its operation: there, what was not looked at before is
a gap until it is kept.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from drift.facts import Name, Route, find

from dockerproxy.api.answers import ALL, ANSWERS, list_fields
from dockerproxy.api.bodies.tables import BODIES, Node, Type
from dockerproxy.api.catalog import UNKNOWN
from dockerproxy.text import fold

_AT_THE_TOP: Final = "engines up to 26.1 read it where the host config should be; what is there is refused"
_BYTES: Final = "one description has a list of bytes, which is text in base64"
_SLIP: Final = "a slip of one description, which leaves out a level or shows a word of JSON Schema as a field"
_OWN_API: Final = "Podman's own client says it in Podman's own API, and Docker's clients do not know it"
_FOR_PODMAN: Final = """
addcaps additionalbuildcontexts allplatforms annotations apparmor cacheto cachettl compatvolumes compression
compressionFormat compressionLevel cppflags createdannotation devices dnsoptions dnssearch dnsservers dropcaps excludes
forceCompressionFormat from groupadd httpproxy identitylabel idmappingoptions ignore inheritannotations inheritlabels
jobs labelopts layerLabel layers manifest nohosts nsoptions omithistory osfeature osversion outputformat pullpolicy
registry retry retry-delay rewritetimestamp rusage rusagelogfile save-stages stage-labels
sbom-image-output sbom-image-purl-output sbom-merge-strategy sbom-output
sbom-purl-output sbom-scanner-command sbom-scanner-image seccomp secrets setenv skipunusedstages sourcePolicy
sourcedateepoch timestamp tlsVerify transientRunMounts unsetannotation unsetenv unsetlabel volume
"""

_DEBUG: Final = ("pprof/", "pprof/cmdline", "pprof/profile", "pprof/symbol", "pprof/trace", "pprof/{name}", "vars")

EXCUSED_ROUTES: Final[dict[str, str]] = {
    **{
        f"docker GET /debug/{name}": "it shows the engine's own memory, and is there for who works on it"
        for name in _DEBUG
    },
    "docker GET /networks/": "it is the list of networks, and goes on as such (api/request.py)",
    "podman DELETE /secret/{name}": "a slip of Podman up to 5.7, which has it beside /secrets/{name}",
}
"""Operations that are in no table, as `engine METHOD path`, and why."""

EXCUSED: Final[dict[str, str]] = {
    **dict.fromkeys((f"{kind}{act} Data[]" for kind in ("Config", "Secret") for act in ("Create", "Update")), _BYTES),
    **dict.fromkeys(
        (
            f"ContainerCreate {name}"
            for name in ("CpuShares", "Cpuset", "CpusetCpus", "Memory", "MemorySwap", "VolumeDriver")
        ),
        _AT_THE_TOP,
    ),
    "ContainerCreate HostConfig.PortBindings.*.HostIp": _SLIP,
    "ContainerCreate HostConfig.PortBindings.*.HostPort": _SLIP,
    "ContainerCreate Volumes.additionalProperties": _SLIP,
    "NetworkCreate IPAM.Config[].*": _SLIP,
    "NetworkCreate IPAM.Options[].*": _SLIP,
    "ContainerCreate EnvMerge[]": _OWN_API,
    "ContainerCreate UnsetEnv[]": _OWN_API,
    "ContainerCreate UnsetEnvAll": _OWN_API,
    "ExecStart h": _OWN_API,
    "ExecStart w": _OWN_API,
    "PutContainerArchive rename": _OWN_API,
    "ImageCreate changes": "they are instructions of a Dockerfile, which is not read; few imports have any",
    "SystemDataUsage BuildCacheUsage.Items[]. Parents[]": _SLIP,
    "SecretCreate labels": "Podman reads it from the body, where it is Labels, whatever its tag says",
    **{f"ImageBuild {name}": _OWN_API for name in _FOR_PODMAN.split()},
}
"""What is in no table and refused, as `operation field`, and why."""


def find_gaps(routes: Iterable[Route], names: Iterable[Name], kept: Iterable[Name]) -> Iterator[str]:
    """Say what is missing here, a line for each."""
    before = {name.key for name in kept}
    for route in routes:
        shown = f"{route.engine} {route.method} {route.path}"
        if find(route.method, route.path) is UNKNOWN and shown not in EXCUSED_ROUTES:
            yield f"{shown}: an operation that is in no table, in {route.engine} {route.first}"
    for name in names:
        shown = f"{name.operation} {name.field}"
        if name.where == "answer" or (name.operation in BODIES and name.where != "header"):
            if not is_known(name) and shown not in EXCUSED:
                yield f"{shown}: in the {name.where}, in no table, in version {name.first}"
        elif name.key not in before:
            yield f"{shown}: in the {name.where}, passes with its operation, in version {name.first}"


def is_known(name: Name) -> bool:
    """Whether a parameter or field is in the table of its operation."""
    if name.where == "answer":
        return _is_answered(name)
    body = BODIES[name.operation]
    if name.where == "query":
        field = body.parameters.get(name.field) or body.parameters.get(f"{name.field}[]")
        return field is not None and field.rule != "aside"  # What is left out must be what no engine reads.
    return _find(body.root, re.findall(r"\[\]|\*|[^.\[\]*]+", name.field)) is not None


def _is_answered(name: Name) -> bool:
    """Whether the table of an answer has a field, leaves it out with what it is in, or has all fields beside it."""
    known = _list_places(ANSWERS[name.operation])
    field = name.field.replace("[]", "")
    parents = [field[: dot.start()] for dot in re.finditer(r"\.", field)]
    return (
        field in known
        or f"{field.rpartition('.')[0]}.*" in known
        or any(known.get(parent) == ALL for parent in parents)
        or any(place.startswith(f"{field}.") for place in known)
    )


@cache
def _list_places(table: str) -> Mapping[str, str]:
    """Return the words of each field of a table, and of those within it."""
    found = {}
    for words, field in list_fields(table):
        place, _, inner = field.partition(":")
        path = place.partition("!")[0].replace("/", ".")
        found[path] = words
        found |= {f"{path}.{below}": each for below, each in _list_places(inner).items()} if inner else {}
    return found


def _find(node: Node | None, parts: list[str]) -> Node | None:
    """Return what stands at a place of a body, as Go would find it; None if nothing does."""
    for part in parts:
        if node is None:
            return None
        if part in {"[]", "*"}:
            node = node if node.type in {Type.WORDS, Type.EMPTY} else node.item
        else:
            node = node.keys.get(fold(part), ("", None))[1]
    return node
