"""Who holds what: each waits for the holds before it that matter (`policy/holds`)."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from dockerproxy.policy.holds import Hold

_REMEMBERED: Final = 256
"""Holds that have ended. What a request was told before more of them ended, it asks again."""


class StillHeldError(Exception):
    """A request that came before does not end."""


class Holding:
    """All holds, in the order in which they were asked for, and those that ended lately."""

    def __init__(self) -> None:
        self._holds: dict[asyncio.Event, Hold] = {}
        self._ended: deque[Hold] = deque(maxlen=_REMEMBERED)
        self._count = 0

    @property
    def moment(self) -> int:
        """How many holds have ended until now."""
        return self._count

    def is_quiet(self, hold: Hold, since: int) -> bool:
        """Whether no other hold that matters to one has ended since a moment, so that what was true then still is."""
        ended = self._count - since
        recent = list(self._ended)[-ended:] if ended else []
        return ended == len(recent) and not any(each.precedes(hold) for each in recent)

    def __len__(self) -> int:
        return len(self._holds)

    @asynccontextmanager
    async def take(self, hold: Hold, patience: float) -> AsyncIterator[None]:
        """Have a hold inside of the block, and nowhere else; `StillHeldError` if those before take too long."""
        earlier = [over for over, each in self._holds.items() if each.precedes(hold)]
        mine = asyncio.Event()
        self._holds[mine] = hold
        try:
            try:
                async with asyncio.timeout(patience):
                    for over in earlier:
                        await over.wait()
            except TimeoutError:
                raise StillHeldError from None
            yield
        finally:
            del self._holds[mine]
            self._ended.append(hold)
            self._count += 1
            mine.set()
