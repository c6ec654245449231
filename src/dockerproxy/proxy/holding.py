"""Who holds what: each waits for the holds before it that matter (`policy/holds`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dockerproxy.policy.holds import Hold


class StillHeldError(Exception):
    """A request that came before does not end."""


class Holding:
    """All holds, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._holds: dict[asyncio.Event, Hold] = {}

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
            mine.set()
