"""Share the event loop: a client that has much to do gets a turn, then everybody else is served.

A turn is a number of steps: a head, a few chunks of a body. It ends with the step after which `TURN` is over. All that
arrives in one round of the loop shares one turn. What arrives later waits in a line, and the clients in the line share
another turn. Single short heads, which are most, are taken at once.

Attacks: docs/attacks.md, proxy/turns.
"""

import asyncio
from typing import Final, Protocol

TURN: Final = 0.001
"""Seconds of a turn. Others wait for two or three of them: when they ask, and when the engine has answered."""


class Busy(Protocol):
    """One that may have more to do than fits in a turn."""

    def advance(self) -> None:
        """Take a turn."""


class Turns:
    """The line of clients that have more to do, and the time that is spent of this round."""

    def __init__(self) -> None:
        self._line: dict[object, dict[Busy, None]] = {}
        self._spent = 0.0
        self._is_planned = False

    @property
    def is_over(self) -> bool:
        """Whether the time of this round is spent: who comes now waits in the line."""
        return self._spent >= TURN

    def spend(self, seconds: float) -> None:
        """Note how long something took in this round."""
        if not self._spent:
            asyncio.get_running_loop().call_soon(self._begin_round)
        self._spent += seconds

    def _begin_round(self) -> None:
        self._spent = 0.0

    def wait(self, busy: Busy, socket: object) -> None:
        """Let one go on when it has its turn: those of one socket one after the other, and sockets take turns."""
        self._line.setdefault(socket, {})[busy] = None
        self._plan()

    def _plan(self) -> None:
        """Have turns taken in the next round, if anybody waits."""
        if self._line and not self._is_planned:
            self._is_planned = True
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        """Give turns to the clients in the line until one turn is over; those that join meanwhile come later."""
        before, self._is_planned = self._spent, False
        try:
            for _ in range(sum(map(len, self._line.values()))):
                self._pop().advance()
                if self._spent - before >= TURN:
                    break
        finally:
            self._plan()

    def _pop(self) -> Busy:
        """Take the first one of the first socket out of the line; the others of it are behind all other sockets."""
        socket = next(iter(self._line))
        those = self._line.pop(socket)
        busy = next(iter(those))
        del those[busy]
        if those:
            self._line[socket] = those
        return busy
