"""Counts of all that an engine has, as in `/info`: a client whose lists show only some of it reads 0."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.answers import REST, Node
from dockerproxy.views.hiding import cut


def _blank(_text: str) -> str:
    return "0"


_COUNTS: Final = (
    *("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images"),
    *("NEventsListener", "NFd", "NGoroutines"),  # They grow with each client, container and stream.
)
_STORE: Final[Mapping[str, Node]] = {"containerStore": {REST: _blank}, "imageStore": {REST: _blank}, REST: str}

COUNTING: Final[Mapping[str, Mapping[str, Node]]] = {
    "SystemInfo": {**dict.fromkeys(_COUNTS, _blank), REST: str},
    "SystemInfoLibpod": {"host": {"freeLocks": _blank, REST: str}, "store": _STORE, REST: str},
}
"""Operations whose answers count all that there is, with the places of the counts."""


def blank_counts(name: str, content: bytes) -> bytes | None:
    """Return the content of an answer with 0 for each count; None if it cannot be read."""
    return cut(content, COUNTING[name])
