# ruff: noqa: E501 - a table: one reading is one line, so that lines be searched
"""What engines do with a request only under an old version of the API.

From moby's routers of 1.6 to 29 and Podman's handlers of 3.0 to 6.0: all places that read a body or compare a version,
if that widens what the request can do.

- body: the body is read though today's operation has none. It is refused whatever a policy says: from version 1.24 on
  Docker refuses it itself, and no client of today sends one. Some send an empty JSON object, which no engine looks at.
- same: the body says no more than the request may say otherwise.
- wider: the request does more. Who grants the operation grants that as well, unless the grant demands what is left out.
"""

import re
from typing import Final

# fmt: off
# operation                 below  is      | what an engine reads or does then
_TABLE: Final = """
ContainerStart              1.24   body    | engines up to 24 apply the HostConfig in the body: binds, privileges, namespaces
ImagePush                   any    same    | engines up to 27 read credentials from the body if no header has them
ContainerAttachWebsocket    1.42   wider   | stdin is attached whatever the parameter says
ContainerCreate             1.40   wider   | other containers that are allowed to can join its IPC namespace
ContainerCreate             1.41   wider   | with cgroup v1, the container sees the host's cgroups
ContainerCreate             1.44   wider   | mounts below a read-only directory of the host stay writable
ImageInspect                1.45   wider   | the answer shows the configuration of the container that the image was made from
ServiceCreate               1.41   wider   | the process limit is dropped, and below 1.44 no_new_privileges
ServiceUpdate               1.41   wider   | the process limit is dropped, and below 1.44 no_new_privileges
VolumePrune                 1.42   wider   | named volumes are deleted too
"""
# fmt: on

OLD_READINGS: Final = tuple(re.findall(r"(?m)^(\S+) +(\S+) +(\S+) +\| (.+)$", _TABLE))
"""Operation, version, what it is, and what an engine does."""

_BODILESS: Final = frozenset(operation for operation, _, kind, _ in OLD_READINGS if kind == "body")

_MOST_OF_NOTHING: Final = 7
"""Bytes of a body that Docker takes for none (`postContainersStart`). `{}` and `null` are shorter."""


def is_old_body(operation: str, *, length: int | None) -> bool:
    """Whether a body could be read by an old engine and by no other.

    Args:
        operation: Its name.
        length: Of the body, None if that is not known.
    """
    return operation in _BODILESS and (length is None or length > _MOST_OF_NOTHING)
