"""Decide recorded requests again, by two policies.

A record has no body. If the request was denied or the socket learned, it has the conditions that a contained grant
would need. Otherwise the body counts as meeting the conditions of every grant.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockerproxy.api.catalog import BUILD_TUNNELS, UNKNOWN
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision, Denied
from dockerproxy.policy.objects import BUILD
from dockerproxy.settings import SocketSettings
from dockerproxy.text import escape
from dockerproxy.workbench.needs import find_named
from dockerproxy.workbench.proposals import NOTHING
from dockerproxy.workbench.trying import judge_recorded, keep_recorded

MOST_KEPT: Final = 1 << 26
"""Characters of distinct records that are kept. Programs repeat the same requests."""

_MOST_STRANGERS: Final = 100
_LONGEST_NAME: Final = 63


class Pair(NamedTuple):
    """A socket before and after a change; None if it does not exist."""

    old: SocketSettings | None
    new: SocketSettings | None

    @property
    def name(self) -> str:
        """The name for messages: the new one, if the socket still exists."""
        socket = self.new or self.old
        return socket.name if socket is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A kind of request that only one policy allows, and how often it was recorded.

    Its line has the method, the target, and the resolved object if any, all escaped.
    """

    pair: Pair
    count: int
    line: str
    gained: bool
    why: str


Group = tuple[str, ...]
"""The properties that decide a request: equal ones have equal decisions."""


class Replay:
    """Counts recorded requests in groups, to decide each group once.

    Attributes:
        strangers: Requests on sockets that neither policy has.
        left_out: Requests that are not decided, because too many different ones are kept.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.strangers: Counter[str] = Counter()
        self.left_out = 0
        self._counts: Counter[Group] = Counter()
        self._first: dict[Group, Record] = {}
        self._room = MOST_KEPT
        self._pairs = {pair.new.name: pair for pair in pairs if pair.new is not None}
        self._pairs |= {pair.old.name: pair for pair in pairs if pair.old is not None}  # The old socket recorded them.

    @property
    def total(self) -> int:
        """How many requests can be decided again."""
        return self._counts.total()

    def note(self, record: Record) -> None:
        """Count a request. Every policy refuses an ambiguous one, so it is skipped."""
        if record.socket not in self._pairs:
            name = record.socket[:_LONGEST_NAME]
            known = name in self.strangers or len(self.strangers) < _MOST_STRANGERS
            self.strangers[name if known else "of other names"] += 1
        elif record.decision is not Outcome.REFUSED:
            group = (record.socket, record.method, record.target, record.object, str(record.body))
            if group not in self._first:
                self._room -= len(str(record))
                if self._room < 0:
                    self.left_out += 1
                    return
                self._first[group] = record
            self._counts[group] += 1

    def differences(self) -> Iterator[Difference]:
        """Decide all groups by both policies, and yield the differences, the most frequent first."""
        for group, count in self._counts.most_common():
            record = self._first[group]
            request = canonicalise(record.method, record.target)
            if isinstance(request, Refusal):
                continue  # A truncated target.
            if request.operation.name in BUILD_TUNNELS and record.operation == BUILD:
                continue  # Its builds have their own records.
            pair = self._pairs[record.socket]
            old, new = (_decide(socket, request, record) for socket in (pair.old, pair.new))
            if old.allowed is not new.allowed:
                named = f" of {record.object}" if record.object else ""
                yield Difference(
                    pair=pair,
                    count=count,
                    line=escape(f"{request.method} {request.target}{named}"),
                    gained=new.allowed,
                    why=escape(f"allowed by {new.source}" if new.allowed else new.message),
                )


_NO_SOCKET, _NO_OPERATION = (
    Decision(allowed=False, denied=Denied("", NOTHING, says))
    for says in ("the socket does not exist", "not a known Docker API operation")
)


def _decide(socket: SocketSettings | None, request: CanonicalRequest, record: Record) -> Decision:
    if socket is None:
        return _NO_SOCKET
    if request.operation is UNKNOWN:
        return _NO_OPERATION
    if request.operation.name in BUILD_TUNNELS and socket.policy.reads_builds:
        return next((case.decision for case in socket.policy.cases[BUILD]), socket.policy.deny(BUILD))
    policy = judge_recorded(socket.policy, request.operation, record.body, trusting=True)
    decision = decide(policy, request, Known(found=find_named(request, record)))
    # The object is unknown, so no condition on it is met.
    decision = decision if isinstance(decision, Decision) else policy.deny(request.operation.name)
    return keep_recorded(policy, request.operation, decision)
