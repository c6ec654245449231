"""Requests that came before and are simple to pass on: all that follows from one is worked out once.

Programs poll: the same bytes come again and again. `Exchange.begin_at_once` sends such a request on, or
`Exchange.repeat` if the engine must say first what a name means. `Exchange.finish` passes on its answer. Each takes
several steps of the long way in one (test: test_the_short_way_and_the_long_way_do_the_same).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.observe.record import CREATES, JournalPort, Outcome, Said
from dockerproxy.policy.objects import OWNED
from dockerproxy.policy.phases import Judged, NeedsLookup, Verdict
from dockerproxy.policy.prunes import Answer
from dockerproxy.proxy.accounting import say

_REMEMBERED: Final = 64
_LONGEST: Final = 16 * 1024
"""Verdicts that are remembered, and bytes of an answer from which one follows."""

_ANSWERED: Final = frozenset({Shape.REPLY, Shape.WAIT})


@dataclass(frozen=True, slots=True)
class Known:
    """A request that is allowed, and of which nothing is missing.

    Attributes:
        is_prompt: Whether the answer comes at once.
        is_head: Whether the answer ends with its head, whatever length that says.
        said: What its record says of it.
        count: Counts such an exchange, by its milliseconds and the bytes that it sent.
    """

    verdict: Verdict
    is_prompt: bool
    is_head: bool
    said: Said
    count: Callable[[float, int], None]


class Decided:
    """Verdicts on requests that name an object, by what the engine said of it.

    The engine is asked each time. But the verdict follows from the request and the answer, so it is the same whenever
    both are. What the engine has said twice it is likely to say again.
    """

    def __init__(self, find_known: Callable[[Judged], Known | None]) -> None:
        self._find_known = find_known
        self._all: dict[int, tuple[NeedsLookup, Answer, Verdict]] = {}
        self._steady: dict[int, Known] = {}
        self._expected: set[int] = set()

    def expect(self, waiting: NeedsLookup) -> None:
        """Take note of a request that is remembered until `clear`: only such a one can come again."""
        self._expected.add(id(waiting))

    def find(self, waiting: NeedsLookup, answer: Answer) -> Verdict | None:
        """Return the verdict that followed before from the same."""
        found = self._all.get(id(waiting))
        if found is None or found[0] is not waiting or found[1] != answer:
            return None
        if id(waiting) not in self._steady and (known := self._find_known(found[2])) is not None:
            self._steady[id(waiting)] = known
        return found[2]

    def find_steady(self, waiting: NeedsLookup) -> Known | None:
        """Return what follows if the engine says once more what it has said twice."""
        found = self._all.get(id(waiting))
        return self._steady.get(id(waiting)) if found is not None and found[0] is waiting else None

    def keep(self, waiting: NeedsLookup, answer: Answer, verdict: Verdict) -> None:
        """Remember a verdict, if nothing else was asked and such a request may come again."""
        if id(waiting) not in self._expected or waiting.lookup.kind in OWNED or len(answer[1]) > _LONGEST:
            return
        if len(self._all) >= _REMEMBERED:
            self._all.clear()
        self._steady.pop(id(waiting), None)
        self._all[id(waiting)] = waiting, answer, verdict

    def clear(self) -> None:
        """Remember nothing any more."""
        self._all.clear()
        self._steady.clear()
        self._expected.clear()


def find_known(judged: Judged, redact: Callable[[str], str], journal: JournalPort) -> Known | None:
    """Return what follows from a request, or None if it is not simple.

    A simple one has no body, needs no lookup, gets an answer with an end of which nothing is noted, and leaves the
    connection open.
    """
    operation, head = judged.request.operation, judged.head
    if not isinstance(judged, Verdict) or not judged.decision.allowed or not judged.to_engine or not judged.is_whole:
        return None
    if operation is HEALTH or operation.shape not in _ANSWERED or not judged.is_plain:
        return None
    if head.close or operation.name in CREATES:
        return None
    said = say(judged, Outcome.ALLOWED, redact)
    count = journal.find_count(operation.name, Outcome.ALLOWED)
    return Known(judged, operation.shape is Shape.REPLY, judged.request.method == "HEAD", said, count)
