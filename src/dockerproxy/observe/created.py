"""Read the id of what a request created from the engine's answer."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.wire.document import object_of, read_engine_json

CREATES: Final[Mapping[str, str]] = {
    "ConfigCreate": "configs",
    "ContainerCreate": "containers",
    "ContainerCreateLibpod": "containers",
    "ContainerExec": "execs",
    "ContainerExecLibpod": "execs",
    "NetworkCreate": "networks",
    "NetworkCreateLibpod": "networks",
    "PodCreateLibpod": "pods",
    "SecretCreate": "secrets",
    "ServiceCreate": "services",
    "VolumeCreate": "volumes",
    "VolumeCreateLibpod": "volumes",
}
"""Operations that create an object, and what they create."""

_CREATED: Final = (200, 201)
"""Podman answers 200 for a network."""

_LONGEST: Final = 300
"""Characters of an id, or of a volume's name."""


def read_created(operation: str, status: int, answer: bytes) -> str:
    """Return the ID of the created object, or a volume's name; empty if the answer has none."""
    if status not in _CREATED or operation not in CREATES:
        return ""
    fields = object_of(read_engine_json(answer))
    names = ("Name",) if CREATES[operation] == "volumes" else ("Id", "id", "ID")
    found = next((fields[name] for name in names if name in fields), "")
    return found if isinstance(found, str) and len(found) <= _LONGEST and found.isascii() else ""
