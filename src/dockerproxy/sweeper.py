"""Remove the objects of a socket's clients, when none has been connected for a while, or when the process ends.

Requests go to the engine directly, in the owner's name (`proxy/running`), without a client connection.

Attacks: docs/attacks.md, sweeper.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from dockerproxy.policy.steps import Answer, Ask
from dockerproxy.proxy.running import perform
from dockerproxy.proxy.sockets import Shared, SocketState
from dockerproxy.settings import Level, Sweep
from dockerproxy.tenancy.sweeps import Swept, sweep

_PATIENCE: Final = 60.0
"""Seconds for an answer: a container may have to be killed first."""

AT_EXIT: Final = 30.0
"""Seconds for all removals when the process ends."""

_LEFT: Final = "not all that its clients own is removed"


@dataclass(slots=True, eq=False, repr=False)
class _Quiet:
    """An owner without connected clients.

    Attributes:
        since: When this was first seen.
        clients: The count of its clients until then.
        is_swept: Whether a sweep has begun since then.
    """

    since: float
    clients: int
    is_swept: bool = False


class Sweeper:
    """Sweeps for the owners of sockets, and tracks since when they have no connected clients."""

    def __init__(
        self, shared: Shared, list_sockets: Callable[[], Sequence[SocketState]], patience: float = _PATIENCE
    ) -> None:
        self._shared = shared
        self._list_sockets = list_sockets
        self._patience = patience
        self._quiet: dict[str, _Quiet] = {}
        self._asking: set[str] = set()

    def look(self) -> None:
        """Start a sweep for each owner without clients for a while. Failed sweeps are retried."""
        now = self._shared.now()
        owners = self._find_owners(Sweep.IDLE)
        self._quiet = {owner: quiet for owner, quiet in self._quiet.items() if owner in owners}
        for owner, socket in owners.items():
            quiet = self._quiet.get(owner)
            if quiet is None or not self._is_quiet(owner, quiet):
                self._quiet[owner] = _Quiet(now, self._count(owner)[1])
            elif not quiet.is_swept and owner not in self._asking and now - quiet.since >= socket.idle_after:
                quiet.is_swept = True
                work = self._sweep(socket, owner, partial(self._is_quiet, owner, quiet))
                self._shared.tasks.start(work, "removing unused objects")

    async def sweep_at_exit(self) -> None:
        """Sweep concurrently for all owners that request it at exit; may be cancelled."""
        await asyncio.gather(*(self._sweep_in_time(*each) for each in self._find_owners(Sweep.AT_EXIT).items()))

    async def _sweep_in_time(self, owner: str, socket: SocketState) -> None:
        self._say(socket, Level.NOTICE, f"removing its clients' objects, for up to {AT_EXIT:g}s")
        try:
            async with asyncio.timeout(AT_EXIT):
                await self._sweep(socket, owner, lambda: True)
        except TimeoutError:
            self._say(socket, Level.WARNING, f"{_LEFT}: it takes more than {AT_EXIT:g}s")

    def _find_owners(self, when: Sweep) -> dict[str, SocketState]:
        """Return a socket of each owner whose objects are removed at that time."""
        sockets = self._list_sockets()
        replaced = {each.policy.owner for each in sockets if each.is_replaced}
        owners = {each.policy.owner: each for each in sockets if each.sweep is when}
        return {owner: socket for owner, socket in owners.items() if owner not in replaced}

    async def _sweep(self, socket: SocketState, owner: str, may_go_on: Callable[[], bool]) -> None:
        """Remove the objects of an owner, as long as `may_go_on` returns true."""
        steps = sweep(owner, partial(self._tell, socket))
        try:
            ask = next(steps)
            while may_go_on():
                ask = steps.send(await self._ask(socket, owner, ask))
        except StopIteration:
            return
        except OSError as error:
            self._quiet.pop(owner, None)
            self._say(socket, Level.WARNING, f"{_LEFT}: the engine does not answer: {error.strerror or error}")
        else:
            self._quiet.pop(owner, None)  # If it was only a health check, the wait begins again.
            self._say(socket, Level.NOTICE, f"{_LEFT}: a client has come")

    async def _ask(self, socket: SocketState, owner: str, ask: Ask) -> Answer:
        """Make a request, which continues in the background if it takes too long.

        Raises:
            OSError: The engine cannot be reached, or does not answer in time.
        """
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._shared.tasks.start(self._perform(socket, owner, ask, answered), "removing objects")
        try:
            await asyncio.wait((answered,), timeout=self._patience)
            if not answered.done():
                raise TimeoutError(f"it was silent for {self._patience:g} seconds")
            return answered.result()
        finally:
            answered.cancel()

    async def _perform(self, socket: SocketState, owner: str, ask: Ask, answered: "asyncio.Future[Answer]") -> None:
        self._asking.add(owner)
        try:
            answer = await perform(socket, socket.policy, ask)
            if not answered.done():
                answered.set_result(answer)
        except OSError as error:
            if not answered.done():
                answered.set_exception(error)
        finally:
            self._asking.discard(owner)

    def _tell(self, socket: SocketState, swept: Swept) -> None:
        if swept.fault:
            self._say(socket, Level.WARNING, f"left {swept}: {swept.fault}")
        else:
            self._say(socket, Level.NOTICE, f"removed {swept}")

    def _say(self, socket: SocketState, level: Level, text: str) -> None:
        self._shared.log.message(level, f"socket {socket.name}: {text}")

    def _count(self, owner: str) -> tuple[int, int]:
        """Return the connected clients of an owner, and the total count; health checks do not count."""
        theirs = [each.connections for each in self._list_sockets() if each.policy.owner == owner]
        return sum(map(len, theirs)), sum(each.admitted - each.checks for each in theirs)

    def _is_quiet(self, owner: str, quiet: _Quiet) -> bool:
        """Whether an owner has no connected client, and has had none since."""
        return self._count(owner) == (0, quiet.clients)
