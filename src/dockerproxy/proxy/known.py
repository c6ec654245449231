"""Requests that came before and are simple to pass on: all that follows from one is worked out once.

Programs poll: the same bytes come again and again. `Exchange.begin_at_once` sends such a request on, and
`Exchange.finish` passes on its answer. Each takes several steps of the long way in one
(test: test_the_short_way_and_the_long_way_do_the_same).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.observe.record import CREATES, JournalPort, Outcome, Said
from dockerproxy.policy.phases import Judged, Verdict
from dockerproxy.proxy.accounting import say

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


def find_known(judged: Judged, redact: Callable[[str], str], journal: JournalPort) -> Known | None:
    """Return what follows from a request, or None if it is not simple.

    A simple one has no body, needs no lookup, gets an answer with an end of which nothing is noted, and leaves the
    connection open.
    """
    operation, head = judged.request.operation, judged.head
    if not isinstance(judged, Verdict) or not judged.decision.allowed or not judged.to_engine or not judged.is_whole:
        return None
    if operation is HEALTH or operation.shape not in _ANSWERED or not judged.is_plain or judged.needs_nonce:
        return None
    if head.close or operation.name in CREATES:
        return None
    said = say(judged, Outcome.ALLOWED, redact)
    count = journal.find_count(operation.name, Outcome.ALLOWED)
    return Known(judged, operation.shape is Shape.REPLY, judged.request.method == "HEAD", said, count)
