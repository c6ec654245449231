"""Recorded requests, decided again by two policies."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.cli.trying import settle
from dockerproxy.errors import Refusal
from dockerproxy.observe.needs import find_named
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Found
from dockerproxy.settings import SocketSettings


@dataclass(frozen=True, slots=True)
class Pair:
    """A socket before and after a change; None where it does not exist."""

    old: SocketSettings | None
    new: SocketSettings | None

    @property
    def name(self) -> str:
        """What to call it: by its new name if it has one."""
        socket = self.new or self.old
        return socket.name if socket is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A request that one policy allows and the other does not.

    Attributes:
        pair: The socket it came in by.
        count: How often it was recorded.
        line: Method, target, and the object if that was asked for.
        gained: Whether it is the new one that allows it.
        why: The grant that allows it now, or why it is not allowed any more.
    """

    pair: Pair
    count: int
    line: str
    gained: bool
    why: str


class Replay:
    """Counts recorded requests, to decide each kind of them once.

    Attributes:
        strangers: Requests that came in by a socket that neither policy has, by its name.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.strangers: Counter[str] = Counter()
        self._pairs = {pair.new.name: pair for pair in pairs if pair.new is not None}
        self._pairs |= {pair.old.name: pair for pair in pairs if pair.old is not None}  # It was the one that recorded.
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._first: dict[tuple[str, ...], Record] = {}

    @property
    def total(self) -> int:
        """How many requests can be decided again."""
        return self._counts.total()

    def note(self, record: Record) -> None:
        """Count a request. One that had no reading is refused by every policy."""
        if record.socket not in self._pairs:
            self.strangers[record.socket] += 1
        elif record.decision is not Outcome.REFUSED:
            kind = (record.socket, record.method, record.target, record.object)
            self._counts[kind] += 1
            self._first.setdefault(kind, record)

    def differences(self) -> Iterator[Difference]:
        """Decide all by both policies; those that are recorded most come first."""
        for kind, count in self._counts.most_common():
            record = self._first[kind]
            request = canonicalise(record.method, record.target)
            if isinstance(request, Refusal):
                continue  # A target that was cut, as it was too long for a record.
            pair, found = self._pairs[record.socket], find_named(request, record)
            old, new = (_decide(socket, request, found) for socket in (pair.old, pair.new))
            if old.allowed is not new.allowed:
                named = f" of {record.object}" if record.object else ""
                yield Difference(
                    pair=pair,
                    count=count,
                    line=f"{request.method} {request.target}{named}",
                    gained=new.allowed,
                    why=f"allowed by {new.source}" if new.allowed else new.message,
                )


_NO_SOCKET = Decision(allowed=False, source="", message="the socket does not exist")


def _decide(socket: SocketSettings | None, request: CanonicalRequest, found: Found | None) -> Decision:
    return _NO_SOCKET if socket is None else settle(socket.policy, request, found)
