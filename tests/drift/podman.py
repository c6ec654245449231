"""Read what Podman serves from its source: routes as they are registered, parameters and bodies of their handlers.

Parameters come from two places, and count if they are in either: the comments that describe a route, and the tags of
what its handler decodes the query into, with the functions that it calls. Podman's own types say what a body has.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from drift.facts import Name, Route, find
from drift.go_source import GoSource, plain

from dockerproxy.api.catalog import UNKNOWN

_SERVER: Final = Path("pkg/api/server")
_HANDLERS: Final = Path("pkg/api/handlers")
_VERSION: Final = Path("version/rawversion/version.go")

_REGISTERED: Final = re.compile(
    r'r\.Handle(?:Func)?\((?:VersionedPath\()?"([^"]+)"\)?, (?:s\.\w+\()?(\w+)\.(\w+)\)?\)((?:\.\w+\([^)]*\))*)'
)
_METHODS: Final = re.compile(r"http\.Method(\w+)")
_PARAMETER: Final = re.compile(r"- in: (query|header)\n\s*//\s*name: ([\w.-]+)")
_READ: Final = (
    ("query", re.compile(r'schema:"([^"]+)"')),
    ("query", re.compile(r'[qQ]uery(?:Values)?(?:\(\))?(?:\.Get\(|\[)"([^"]+)"')),
    ("header", re.compile(r'\bHeader(?:\.Get\(|\[)"([^"]+)"')),
)

_MOBY: Final = "vendor/github.com/moby/moby/api/types"
_BODIES: Final = {
    "ContainerCreate": ("pkg/api/handlers", "CreateContainerConfig"),
    "ContainerExec": ("pkg/api/handlers", "ExecCreateConfig"),
    "ContainerUpdate": (f"{_MOBY}/container", "UpdateConfig"),
    "ExecStart": ("pkg/api/handlers", "ExecStartConfig"),
    "NetworkConnect": (f"{_MOBY}/network", "ConnectRequest"),
    "NetworkCreate": (f"{_MOBY}/network", "CreateRequest"),
    "NetworkDisconnect": (f"{_MOBY}/network", "DisconnectRequest"),
    "SecretCreate": ("pkg/domain/entities", "SecretCreateRequest"),
    "SystemAuth": (f"{_MOBY}/registry", "AuthConfig"),
    "VolumeCreate": (f"{_MOBY}/volume", "CreateRequest"),
}
"""What the body of an operation is decoded into: the folder of the package and the name of the type."""

_LIBPOD: Final = "libpod/define"
_ENTITIES: Final = "pkg/domain/entities/types"
_ANSWERS: Final = {
    "ConfigInspect": (f"{_MOBY}/swarm", "Config"),
    "ContainerInspect": (f"{_MOBY}/container", "InspectResponse"),
    "ContainerInspectLibpod": (_LIBPOD, "InspectContainerData"),
    "ContainerList": (f"{_MOBY}/container", "Summary"),
    "ContainerListLibpod": (_ENTITIES, "ListContainer"),
    "ContainerWait": (f"{_MOBY}/container", "WaitResponse"),
    "DistributionInspect": (f"{_MOBY}/registry", "DistributionInspect"),
    "ExecInspect": (f"{_MOBY}/container", "ExecInspectResponse"),
    "ExecInspectLibpod": (_LIBPOD, "InspectExecSession"),
    "ImageHistory": (f"{_MOBY}/image", "HistoryResponseItem"),
    "ImageHistoryLibpod": (_ENTITIES, "ImageHistoryLayer"),
    "ImageInspect": (f"{_MOBY}/image", "InspectResponse"),
    "ImageInspectLibpod": ("vendor/go.podman.io/common/libimage", "ImageData"),
    "ImageList": (f"{_MOBY}/image", "Summary"),
    "ImageListLibpod": (_ENTITIES, "ImageSummary"),
    "ImageSearch": (f"{_MOBY}/registry", "SearchResult"),
    "ImageSearchLibpod": (_ENTITIES, "ImageSearchReport"),
    "NetworkInspect": (f"{_MOBY}/network", "Inspect"),
    "NetworkInspectLibpod": (_ENTITIES, "NetworkInspectReport"),
    "NodeInspect": (f"{_MOBY}/swarm", "Node"),
    "PodInspectLibpod": (_LIBPOD, "InspectPodData"),
    "PodListLibpod": (_ENTITIES, "ListPodsReport"),
    "SecretInspect": (f"{_MOBY}/swarm", "Secret"),
    "SecretInspectLibpod": (_ENTITIES, "SecretInfoReport"),
    "ServiceInspect": (f"{_MOBY}/swarm", "Service"),
    "SwarmInspect": (f"{_MOBY}/swarm", "Swarm"),
    "SystemDataUsage": (f"{_MOBY}/system", "DiskUsage"),
    "SystemDataUsageLibpod": (_ENTITIES, "SystemDfReport"),
    "SystemEvents": (f"{_MOBY}/events", "Message"),
    "SystemEventsLibpod": (_ENTITIES, "Event"),
    "SystemInfo": (f"{_MOBY}/system", "Info"),
    "SystemInfoLibpod": (_LIBPOD, "Info"),
    "SystemVersion": (f"{_MOBY}/system", "VersionResponse"),
    "TaskInspect": (f"{_MOBY}/swarm", "Task"),
    "VolumeInspect": (f"{_MOBY}/volume", "Volume"),
    "VolumeInspectLibpod": (_LIBPOD, "InspectVolumeData"),
}
"""What an answer is made of, one of those that have the same table."""

_COMPARED: Final = (("body", _BODIES), ("answer", _ANSWERS))


def read_podman(root: Path) -> tuple[list[Route], list[Name]]:
    """Read Podman's source.

    Args:
        root: The folder with its `go.mod`.
    """
    found = re.search(r'RawVersion = "([\d.]+)', (root / _VERSION).read_text())
    first = found[1] if found is not None else "?"
    source = GoSource(root)
    routes: set[Route] = set()
    names: set[Name] = set()
    for file in sorted((root / _SERVER).glob("register_*.go")):
        text = file.read_text()
        described = dict(_described(text))
        for path, package, handler, rest in _REGISTERED.findall(text):
            for method in map(str.upper, _METHODS.findall(rest)):
                routes.add(Route(engine="podman", method=method, path=plain(path), first=first))
                operation = find(method, path)
                if operation is not UNKNOWN:
                    parameters = described.get((method, plain(path)), set())
                    read = source.find_in(root / _HANDLERS / package, handler, root / _HANDLERS, _READ)
                    for where, field in parameters | read:
                        names.add(Name(operation=operation.name, where=where, field=field, first=first))
    for where, types in _COMPARED:
        for operation_name, (folder, type_name) in types.items():
            for field in source.json_fields(root / folder, type_name):
                names.add(Name(operation=operation_name, where=where, field=field, first=first))
    return sorted(routes), sorted(names)


def find_lost_types(root: Path) -> list[str]:
    """List what cannot be compared, since Podman's source declares the type of it elsewhere or not at all.

    Args:
        root: The folder with its `go.mod`.
    """
    source = GoSource(root)
    return [
        f"{operation}: its {where} is not compared, since {folder} declares no type {name}"
        for where, types in _COMPARED
        for operation, (folder, name) in types.items()
        if source.declaration(root / folder, name) is None
    ]


def _described(text: str) -> Iterator[tuple[tuple[str, str], set[tuple[str, str]]]]:
    """List what comments say of operations."""
    for part in text.split("swagger:operation ")[1:]:
        method, path, *_ = part.split()
        comment = part.partition("\n\tr.Handle")[0]
        yield (method, plain(path)), {(where, name) for where, name in _PARAMETER.findall(comment)}
