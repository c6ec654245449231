"""Recorded requests, decided again by two policies.

A record has no body, but what a contained grant would have to say for it, if the socket reported or learned. Where it
does not say that, a body is taken to be within what any grant says.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from dockerproxy.api.catalog import UNKNOWN, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.claim import KEEP, Claim, Known
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.decide import decide, judge_claims
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import GIVING
from dockerproxy.policy.values import Value, write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_of_body
from dockerproxy.policy.words.registry import CONSTRAINTS
from dockerproxy.settings import SocketSettings
from dockerproxy.text import escape
from dockerproxy.workbench.needs import find_named

MOST_KEPT: Final = 1 << 26
"""Characters of records that differ, of which each is kept. Programs ask for the same again and again."""

_MOST_STRANGERS: Final = 100
_LONGEST_NAME: Final = 63


class Pair(NamedTuple):
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
    """A kind of request that one policy allows and the other does not, and how often it was recorded.

    Its line has the method, the target, and the object if that was asked for: escaped, as others named them.
    """

    pair: Pair
    count: int
    line: str
    gained: bool
    why: str


Kind = tuple[str, ...]
"""What requests have in common that are decided alike."""


class Kinds:
    """Counts recorded requests by their kind, and keeps one of each. It counts what it has no room for as left out."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.left_out = 0
        self.counts: Counter[Kind] = Counter()
        self.first: dict[Kind, Record] = {}
        self._room = most

    def note(self, record: Record) -> Kind | None:
        """Count a request, and return its kind; None if it is left out."""
        kind = (record.socket, record.method, record.target, record.object, str(record.body))
        if kind not in self.first:
            self._room -= len(str(record))
            if self._room < 0:
                self.left_out += 1
                return None
            self.first[kind] = record
        self.counts[kind] += 1
        return kind


class Replay:
    """Counts recorded requests, to decide each kind once; those by a socket that neither policy has are strangers."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.strangers: Counter[str] = Counter()
        self._kinds = Kinds()
        self._pairs = {pair.new.name: pair for pair in pairs if pair.new is not None}
        self._pairs |= {pair.old.name: pair for pair in pairs if pair.old is not None}  # It was the one that recorded.

    @property
    def total(self) -> int:
        """How many requests can be decided again."""
        return self._kinds.counts.total()

    @property
    def left_out(self) -> int:
        """How many are not decided, as too many others are kept."""
        return self._kinds.left_out

    def note(self, record: Record) -> None:
        """Count a request. One that had no reading is refused by every policy."""
        if record.socket not in self._pairs:
            name = record.socket[:_LONGEST_NAME]
            known = name in self.strangers or len(self.strangers) < _MOST_STRANGERS
            self.strangers[name if known else "of other names"] += 1
        elif record.decision is not Outcome.REFUSED:
            self._kinds.note(record)

    def differences(self) -> Iterator[Difference]:
        """Decide all by both policies; those that are recorded most come first."""
        for kind, count in self._kinds.counts.most_common():
            record = self._kinds.first[kind]
            request = canonicalise(record.method, record.target)
            if isinstance(request, Refusal):
                continue  # A target that was cut, as it was too long for a record.
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


_NO_SOCKET = Decision(allowed=False, source="", message="the socket does not exist")
_NO_OPERATION = Decision(allowed=False, source="", message="not a known Docker API operation")


def _decide(socket: SocketSettings | None, request: CanonicalRequest, record: Record) -> Decision:
    if socket is None:
        return _NO_SOCKET
    if request.operation is UNKNOWN:
        return _NO_OPERATION
    policy = without_bodies(socket.policy, request.operation, record, trusting=True)
    decision = decide(policy, request, Known(found=find_named(request, record)))
    # What it named cannot be known: no condition on it holds.
    return decision if isinstance(decision, Decision) else policy.default[request.operation.name]


def without_bodies(policy: CompiledPolicy, operation: Operation, record: Record, *, trusting: bool) -> CompiledPolicy:
    """Return a policy that needs no body to decide about a recorded request, and decides as if it had it.

    A body of which the record says nothing is within what any grant says, if the record is trusted.
    """
    name, needed = operation.name, record.body
    kept = tuple(
        replace(case, body=None)
        for case in policy.cases[name]
        if case.body is None or (trusting if needed is None else _covers(operation, case, needed))
    )
    default = policy.default[name]
    if len(kept) < len(policy.cases[name]):
        default = replace(default, message=f"{name} denied: {_describe_need(name, needed)}")
    return replace(policy, cases={**policy.cases, name: kept}, default={name: default})


def _covers(operation: Operation, case: Case, needed: Mapping[str, Value]) -> bool:
    """Whether what a grant says lets a request pass, of which a record keeps the least words.

    What a grant demands besides, like an amount of memory, the request is taken to keep to.
    """
    return UNRESTRICTED.word not in needed and not judge_claims(case.by_word, claims_of(operation, needed)).faults


def claims_of(operation: Operation, needed: Mapping[str, Value]) -> Iterator[Claim]:
    """Return the claims of which a record keeps the least words that admit them."""
    for word, value in needed.items():
        without = None if is_of_body(operation, word) else False  # Of the object it says what a grant must name.
        words = (word, "images") if word == "tags" and operation.name in GIVING else (word,)
        for each in CONSTRAINTS[word].read_back(value):
            yield Claim(words, ((each, KEEP),), "the body", None, "", without=without)
        if not value:
            yield Claim(words, (), "the body", None, "names nothing that can be listed", without=without is None)


def _describe_need(name: str, needed: Mapping[str, Value] | None) -> str:
    if needed is None:
        return "the record has no body"
    listed = {word: value for word, value in needed.items() if value}
    return str(needed.get(UNRESTRICTED.word) or f'for the body "{write_grant(name, listed)}" is needed')
