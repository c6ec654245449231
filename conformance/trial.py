"""Sends rows to a proxy, and compares the results with the expectations.

After each row it sends a ping on a new connection. When the ping has arrived at the engine, every request that the
proxy let through has arrived before it.
"""

import time
from collections import deque
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from conformance.addresses import Address
from conformance.client import CLOSING, FRESH, SILENT, converse, ping
from conformance.engine import Arrival, Engine
from conformance.messages import Message, split_line
from conformance.sets import Mistake, Part, Row

_BETWEEN: Final = 0.05
"""Seconds between attempts to connect to a proxy that may still start."""


class Outcome(NamedTuple):
    """The result of a row: arrivals, answers, and the differences from the expectation."""

    row: Row
    arrived: int
    answered: tuple[str, ...]
    faults: tuple[str, ...]


class Trial:
    """A proxy to try. It makes the requests in `ignored` itself, like `GET /info`."""

    def __init__(self, proxy: Address, engine: Engine, *, patience: float, ignored: Collection[str] = ()) -> None:
        self._proxy = proxy
        self._engine = engine
        self._patience = patience
        self._ignored = frozenset(ignored)

    def begin(self) -> None:
        """Wait until the proxy lets a ping through.

        Raises:
            Mistake: It does not.
        """
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answered, arrived = self._ping()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise Mistake(f"cannot connect to the proxy at {self._proxy}: {error}") from error
                time.sleep(_BETWEEN)
                continue
            if arrived is None:
                raise Mistake(
                    f"the proxy at {self._proxy} must let GET /_ping through to the engine as it is, and answered it"
                    f" with: {', '.join(answered)}"
                )
            return

    def try_row(self, row: Row, *, rewrites: bool = False) -> Outcome:
        """Send a row. `rewrites` says that the proxy may rewrite bodies.

        Raises:
            OSError: The proxy no longer accepts connections.
        """
        with self._proxy.connect(self._patience) as connection:
            answered = converse(connection, row.parts, self._patience)
        _, arrived = self._ping()
        if arrived is None:
            return Outcome(row, 0, answered, ("since then, the proxy no longer lets GET /_ping through",))
        mine = [each for each in arrived if not _is_ping(each.request, CLOSING)]
        if len(mine) < len(arrived) and answered[-1] == "200":
            answered = answered[:-1]
        return Outcome(row, len(mine), answered, find_faults(row.parts, mine, answered, rewrites=rewrites))

    def _ping(self) -> tuple[tuple[str, ...], list[Arrival] | None]:
        """Send a ping, and return the answers, and the arrivals before it or None if the ping did not arrive."""
        with self._proxy.connect(self._patience) as connection:
            answered = ping(connection, self._patience)
        arrived = self._engine.take()
        others = [each for each in arrived if not _is_ping(each.request, FRESH)]
        if len(others) == len(arrived):
            return answered, None
        return answered, [each for each in others if " ".join(split_line(each.request.head.line)) not in self._ignored]


def _is_ping(request: Message, agent: str) -> bool:
    return split_line(request.head.line) == ("GET", "/_ping") and request.head.find("user-agent") == agent


def find_faults(
    parts: Sequence[Part], arrived: Sequence[Arrival], answered: Sequence[str], *, rewrites: bool
) -> tuple[str, ...]:
    """Say how a result differs from the expectation."""
    left = deque(arrived)
    faults: list[str] = []
    for index, part in enumerate(parts):
        answer = answered[index] if index < len(answered) else "nothing"
        if left and may_arrive(part, left[0], rewrites=rewrites):
            status = left.popleft().status
            if status and answer != status:
                faults.append(f"the engine answered with {status}, the proxy with {answer}")
        elif part.word == "forwarded":
            faults.append("did not arrive as sent")
        elif part.word == "denied" and answer != "403" and not left:
            faults.append(f"answered with {answer}, not 403")
    if (
        len(answered) > len(parts)
        and SILENT not in answered
        and not left
        and all(part.word in {"forwarded", "denied"} for part in parts)
    ):
        faults.append("answered more often than it was asked")
    return (*(f"arrived{'' if each.status else ', not whole'}: {each.request}" for each in left), *faults)


def may_arrive(part: Part, arrival: Arrival, *, rewrites: bool) -> bool:
    """Tell whether a request may arrive as it did."""
    if part.request is None or part.request.meaning != arrival.request.meaning:
        return False
    upgrade = part.request.head.upgrade if part.word == "forwarded" else ""
    if arrival.request.head.upgrade != upgrade:
        return False
    if not arrival.status:
        return part.word in {"cut", "either"}
    return part.word in {"forwarded", "either"} and (rewrites or part.request.body == arrival.request.body)
