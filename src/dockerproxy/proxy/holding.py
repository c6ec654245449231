"""Holds: each request waits for earlier ones with conflicting holds (`policy/steps`).

Attacks: docs/attacks.md, proxy/holding.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from dockerproxy.policy.steps import LONGEST_NAME, Hold

_REMEMBERED: Final = 256
"""Ended holds to remember. If more have ended since an answer, the question is repeated."""

_ANYTHING: Final = Hold("", was_judged=False)
"""Remembered in place of a hold with a long name: whoever asked meanwhile asks again."""


class StillHeldError(Exception):
    """An earlier request does not end."""


_Kept = defaultdict[str, dict[asyncio.Event, Hold]]
"""Holds by name; unjudged ones have the empty name. A judged one is compared with few of them."""


class Holding:
    """All holds, in order of request, and those that ended recently."""

    def __init__(self) -> None:
        self._kept = _Kept(dict)
        self._open = 0
        self._ended: deque[tuple[asyncio.Event, Hold]] = deque(maxlen=_REMEMBERED)
        self._count = 0

    @property
    def moment(self) -> int:
        """The number of holds that have ended so far."""
        return self._count

    def are_quiet(self, holds: Iterable[Hold], since: int) -> bool:
        """Whether no conflicting hold has ended since a moment, so that earlier answers are still valid."""
        ended, recent = self._count - since, _Kept(dict)
        if ended > len(self._ended):
            return False
        for over, each in list(self._ended)[len(self._ended) - ended :]:
            recent[_key(each)][over] = each
        return not any(_find_before(recent, hold) for hold in holds)

    def __len__(self) -> int:
        return self._open

    @asynccontextmanager
    async def take(self, hold: Hold, patience: float) -> AsyncIterator[None]:
        """Hold an object inside the block. `StillHeldError`: earlier holds take too long."""
        earlier, mine = _find_before(self._kept, hold), asyncio.Event()
        self._open += 1
        self._kept[_key(hold)][mine] = hold
        try:
            try:
                async with asyncio.timeout(patience):
                    for over in earlier:
                        await over.wait()
            except TimeoutError:
                raise StillHeldError from None
            yield
        finally:
            self._open -= 1
            del self._kept[_key(hold)][mine]
            if not self._kept[_key(hold)]:
                del self._kept[_key(hold)]
            self._ended.append((mine, hold if len(hold.name) <= LONGEST_NAME else _ANYTHING))
            self._count += 1
            mine.set()


def _key(hold: Hold) -> str:
    return hold.name if hold.was_judged else ""


def _find_before(kept: _Kept, hold: Hold) -> list[asyncio.Event]:
    """Return the events for the end of each hold to wait for."""
    keys = {hold.name, ""} if hold.was_judged else kept.keys()
    return [over for key in keys for over, each in kept.get(key, {}).items() if each.precedes(hold)]
