"""What is known of an exchange: the one thing that log, audit, metrics and learning read."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from dockerproxy.policy.model import Value

MAX_TARGET: Final = 4096
"""Characters of a target that a record keeps."""


class Peer(NamedTuple):
    """Who connected, as the kernel says (SO_PEERCRED)."""

    uid: int
    gid: int
    pid: int


class Outcome(StrEnum):
    """What became of a request. `REPORTED`: it would have been denied, on a socket that lets everything pass."""

    ALLOWED = "allowed"
    DENIED = "denied"
    REFUSED = "refused"
    REPORTED = "reported"


class Record(NamedTuple):
    """One exchange.

    A named tuple, not a dataclass: one is made for every request, and a tuple is made in a third of the time.

    Attributes:
        socket: Name of the socket of ours.
        peer: The client.
        method: As the client sent it; empty where it could not be read.
        target: Canonical; of a refused request as it was sent.
        operation: Name in the catalog, or empty.
        object: Name of the object that it names, where the engine was asked for it.
        decision: Outcome.
        source: The setting that decided, or empty.
        reason: Of a request that got no answer from the engine: why, and what would change it. Else empty.
        status: Of the answer; 0 if none came.
        received: Bytes of the client's body, and of what it sent through a tunnel.
        sent: Bytes of the answer with its head, and of what came through a tunnel.
        milliseconds: From the complete request head to the end of the answer.
        body: What a contained grant would have to say for what the request says besides its path, by words; for
            `unrestricted` the reason why no words would do. None where that is not known.
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
