"""Requests that came before and are simple to pass on: all that follows from one is worked out once.

Programs poll: the same bytes come again and again. `Exchange.begin_at_once` sends such a request on, and
`Exchange.finish` passes on its answer. Each takes several steps of the long way in one
(test: test_the_short_way_and_the_long_way_do_the_same).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.observe.record import Outcome, Said
from dockerproxy.policy.judge import Judged, Verdict
from dockerproxy.proxy.accounting import say

_ANSWERED: Final = frozenset({Shape.REPLY, Shape.WAIT})


@dataclass(frozen=True, slots=True)
class Known:
    """A request that is allowed, and of which nothing is missing.

    Attributes:
        verdict: Of it.
        to_engine: What to write to the engine.
        is_prompt: Whether the answer comes at once.
        said: What its record says of it.
    """

    verdict: Verdict
    to_engine: bytes
    is_prompt: bool
    said: Said


def find_known(judged: Judged, redact: Callable[[str], str]) -> Known | None:
    """Return what follows from a request, or None if it is not simple.

    A simple one has no body, needs no lookup, gets an answer with an end, and leaves the connection open.
    """
    operation, head = judged.request.operation, judged.head
    if not isinstance(judged, Verdict) or not judged.decision.allowed or not judged.to_engine or not judged.is_whole:
        return None
    if operation is HEALTH or operation.shape not in _ANSWERED or judged.removes_volumes:
        return None
    if head.close or judged.request.method == "HEAD":
        return None
    said = say(judged, Outcome.ALLOWED, redact)
    return Known(judged, judged.to_engine, operation.shape is Shape.REPLY, said)
