"""The record of an exchange, and the interfaces through which the data path passes it to the log and to learning.

No code behind these interfaces decides what passes. `Log` and `Journal` document the methods.
"""
# ruff: noqa: D102

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from dockerproxy.policy.values import Pairs, Value
from dockerproxy.settings import Level, SocketSettings
from dockerproxy.wire.document import object_of, read_engine_json

MAX_TARGET: Final = 4096
"""Characters of a target that a record keeps."""


class Peer(NamedTuple):
    """The client's process, as the kernel reports it (SO_PEERCRED)."""

    uid: int
    gid: int
    pid: int


class Outcome(StrEnum):
    """The outcome of a request. `REPORTED`: passed, though the policy would deny it."""

    ALLOWED = "allowed"
    DENIED = "denied"
    REFUSED = "refused"
    REPORTED = "reported"


Said = tuple[str, str, str, str, Outcome, str]
"""Method, target, operation, object, decision and source of a record: the same whenever a request is repeated."""


class Record(NamedTuple):
    """One exchange. A named tuple, because creating one takes a third of the time of a dataclass.

    Attributes:
        socket: Name of the proxy's socket.
        peer: The client.
        method: As sent; empty if unreadable.
        target: Canonical; for a refused request as sent.
        operation: Name in the catalog, or empty.
        object: Name of the object, if the engine was asked.
        decision: Outcome.
        source: The setting that decided, or empty.
        reason: Why the engine did not answer, and what would change that; or empty.
        status: Status of the answer; 0 without an answer.
        received: Bytes of the client's body or tunnel.
        sent: Bytes of the answer with its head, or of the tunnel.
        milliseconds: From the complete request head to the end of the answer.
        body: The conditions that a contained grant needs for body and parameters, by word, and the restrictions that
            the request meets. `unrestricted` has the reason if no conditions suffice. None if unknown.
        created: ID of the created object, or a volume's name; only on sockets that report or learn.
        id: Decision ID; empty in logs of older versions.
    """

    socket: str
    peer: Peer
    method: str
    target: str
    operation: str
    object: str
    decision: Outcome
    source: str
    reason: str
    status: int
    received: int
    sent: int
    milliseconds: float
    body: Mapping[str, Value] | None = None
    created: str = ""
    id: str = ""


def plain_body(body: Mapping[str, Value]) -> dict[str, object]:
    """Return the conditions as values for JSON."""
    return {word: dict(value.items) if isinstance(value, Pairs) else value for word, value in body.items()}


CREATES: Final[Mapping[str, str]] = {
    "ConfigCreate": "configs",
    "ContainerCreate": "containers",
    "ContainerExec": "execs",
    "NetworkCreate": "networks",
    "SecretCreate": "secrets",
    "ServiceCreate": "services",
    "VolumeCreate": "volumes",
}
"""Operations that create an object, and its kind."""

_CREATED: Final = (200, 201)
"""Podman answers 200 for a secret."""

_LONGEST: Final = 300
"""Characters of an ID, or of a volume's name."""


def read_created(operation: str, status: int, answer: bytes) -> str:
    """Return the ID of the created object, or a volume's name; empty if the answer has none."""
    if status not in _CREATED or operation not in CREATES:
        return ""
    fields = object_of(read_engine_json(answer))
    names = ("Name",) if CREATES[operation] == "volumes" else ("Id", "id", "ID")
    found = next((fields[name] for name in names if name in fields), "")
    return found if isinstance(found, str) and len(found) <= _LONGEST and found.isascii() else ""


class LogPort(Protocol):
    """Takes lines, and never waits. A watcher gets each record as a line of JSON, at any log level."""

    watch: Callable[[str], None] | None

    def exchange(self, record: Record, level: Level = Level.INFO) -> None: ...
    def start(self, record: Record) -> None: ...
    def message(self, level: Level, text: str) -> None: ...


class JournalPort(Protocol):
    """Takes the records of one socket, and makes the ID of the next decision."""

    next_id: Callable[[], str]

    def count(self, record: Record, level: Level) -> None: ...
    def count_answer(self, answer: str) -> None: ...
    def note(self, record: Record) -> None: ...
    def replace(self, settings: SocketSettings) -> None: ...
