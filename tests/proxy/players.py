"""Plays conversations: does what a transcript says at both ends of the proxy, and waits for what must come of it."""

import itertools
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from proxy.oracle import Passed, Reading, read_requests
from proxy.stage import End, Stage, turn, until
from proxy.transcripts import Case, Names, Step

_NUMBERS = itertools.count(10_000)

_BODILESS = "without a body"
"""Instead of a part of the message, in a transcript."""


class Then(StrEnum):
    """What becomes of a stream that is cut."""

    GOES_ON = "goes on"
    ENDS = "ends"
    LEAVES = "leaves"
    DRIPS = "comes byte by byte"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where somebody's stream is cut.

    Attributes:
        side: `client` or `engine`.
        at: How many bytes come before.
        then: What comes behind.
    """

    side: str
    at: int
    then: Then


class PartedError(Exception):
    """The conversation does not go on as it is written, because somebody was cut or faster."""


class Player:
    """Plays one conversation from both sides.

    Attributes:
        names: What is unique to it.
        client: The client's end.
        ends: The engine's ends, in their order.
        tunnels: Of those that become tunnels if the engine agrees, how many requests come before.
    """

    def __init__(self, stage: Stage, case: Case, cut: Cut | None = None) -> None:
        self.stage = stage
        self.case = case
        self.names = Names(f"ann{next(_NUMBERS)}")
        self.client: End
        self.ends: list[End] = []
        self.tunnels: dict[End, int] = {}
        self._cut = cut
        self._silent: set[End] = set()
        self._written = {"client": 0, "engine": 0}
        self._expected = b""
        self._current: End | None = None
        self._races = False
        self._arrivals = stage.unclaimed if case.is_alone else stage.claimed.setdefault(self.names.mark, [])

    @property
    def mark(self) -> bytes:
        """What is in each token of its answers, and in nobody else's."""
        return self.names.mark[-5:].encode()

    @property
    def is_cut(self) -> bool:
        """Whether somebody's stream ended earlier than is written."""
        return bool(self._silent)

    @property
    def _may_part(self) -> bool:
        """Whether it may go another way than it is written."""
        return self._races or self.is_cut

    async def play(self) -> None:
        """Play it from its beginning to its end."""
        await self.begin()
        await self.take(self.case.steps)
        await self.finish()

    async def begin(self) -> None:
        """Connect the client."""
        self.client = await self.stage.connect()

    async def take(self, steps: Sequence[Step]) -> None:
        """Play a part of it."""
        with suppress(PartedError):
            for step in steps:
                await self._take_step(step.verb, step.text)

    async def finish(self) -> None:
        """Make sure that nothing more came, hang up, and wait until the engine's ends have ended."""
        await turn()
        for end in (self.client, *self.ends, *self._arrivals):
            assert self._may_part or not end.rest, end.rest[:2000]
        self.client.leave()
        await turn()
        self.stage.sweep()
        for end in self.ends:
            end.transport.resume_reading()
        await until(lambda: all(end.over for end in (*self.ends, *self._arrivals)), "the end of all engine connections")
        self.ends += self._arrivals
        self._arrivals.clear()
        self.stage.claimed.pop(self.names.mark, None)
        for end in self.ends:
            end.leave()

    def passed(self) -> list[Passed]:
        """Return what has passed over the engine's ends."""
        return [Passed(bytes(end.received), bytes(end.sent), self.tunnels.get(end)) for end in self.ends]

    async def _take_step(self, verb: str, text: str) -> None:
        side, _, deed = verb.partition("-")
        if verb in {"client", "engine"}:
            await self._write(verb, self.names.bytes_of(text))
        elif deed:
            self._act(self.client if side == "client" else self._engine(), deed)
        elif verb == "tunnel":
            self.tunnels[self._engine()] = len(self._read(self._expected).requests)
        elif verb == "race":
            self._races = True
        elif verb not in {"record", "logs"}:
            await {
                "forwarded": self._expect_forwarded,
                "answered": self._expect_answered,
                "told": self._expect_told,
                "quiet": self._expect_quiet,
                "cut": self._expect_cut,
                "closed": self._expect_closed,
            }[verb](text)

    # What is done

    def _act(self, end: End, deed: str) -> None:
        {"ends": end.end, "leaves": end.leave, "pauses": end.transport.pause_reading}[deed]()

    def _engine(self) -> End:
        assert self._current, "the engine has no connection yet"
        return self._current

    async def _write(self, side: str, data: bytes) -> None:
        """Write, or do what the cut says."""
        end = self.client if side == "client" else self._engine()
        before, cut = self._written[side], self._cut
        self._written[side] += len(data)
        if end in self._silent:
            return
        if cut is not None and cut.side == side and cut.then is Then.DRIPS:
            for index in range(len(data)):
                end.write(data[index : index + 1])
                await turn(2)
        elif cut is not None and cut.side == side and before <= cut.at < before + len(data):
            end.write(data[: cut.at - before])
            await turn()
            self._go_on(end, data[cut.at - before :], cut.then)
            await turn()
        else:
            end.write(data)

    def _go_on(self, end: End, rest: bytes, then: Then) -> None:
        if then is Then.GOES_ON:
            end.write(rest)
            return
        self._silent.add(end)
        if then is Then.ENDS:
            end.end()
        else:
            end.leave()

    # What must come

    async def _expect_forwarded(self, text: str) -> None:
        """The engine gets these bytes, and no other before them."""
        expected = self.names.bytes_of(text, forwarded=True)
        end = await self._find_engine()
        self._expected += expected
        if self._cut is None:
            await self._wait(lambda: len(end.rest) >= len(expected), f"the engine gets {expected!r}")
            self._check(end.rest == expected, end.rest)
        else:  # A body in chunks may have been cut into others.
            await self._wait(lambda: self._has_come(end) or (end.over and self._may_part), "the request")
            self._check(self._read(bytes(end.received)) == self._read(self._expected), bytes(end.received))
        end.taken = len(end.received)

    async def _find_engine(self) -> End:
        """Return the connection to the engine over which all goes until it ends; wait for one if there is none."""
        if self._current is not None and self._current.is_gone and not self._current.rest:
            if self.client in self._silent:
                raise PartedError
            self._current = next((end for end in reversed(self.ends) if not end.is_gone), None)
        if self._current is None:
            await self._wait(lambda: bool(self._arrivals), "a connection to the engine")
            self._current = self._arrivals.pop(0)
            self.ends.append(self._current)
            self._expected = b""
        return self._current

    def _has_come(self, end: End) -> bool:
        """Whether what is expected has come over a connection, or another request instead."""
        came, expected = self._read(bytes(end.received)), self._read(self._expected)
        is_other = came.requests != expected.requests and bool(came.requests) and came.requests[-1].is_whole
        return came == expected or (is_other and len(came.requests) >= len(expected.requests))

    def _read(self, data: bytes) -> Reading:
        return read_requests(data, self.tunnels.get(self._engine()))

    async def _expect_answered(self, text: str) -> None:
        """The client gets these bytes, and no other before them."""
        expected = self.names.bytes_of(text)
        await self._wait(lambda: len(self.client.rest) >= len(expected), f"the client gets {expected!r}")
        self._check(self.client.rest.startswith(expected), self.client.rest)
        self.client.taken += len(expected)

    async def _expect_told(self, text: str) -> None:
        """The client gets a whole answer of ours, with this status and this in the message."""
        status, _, words = text.partition(" ")
        await self._wait(lambda: _size_of_ours(self.client.rest, words) > 0, f"the client is told {text}")
        size = _size_of_ours(self.client.rest, words)
        told = self.client.rest[:size]
        self._check(told.startswith(f"HTTP/1.1 {status} ".encode()), told)
        if words != _BODILESS:
            self._check(words in json.loads(told.partition(b"\r\n\r\n")[2])["message"], told)
        self.client.taken += size

    async def _expect_quiet(self, text: str) -> None:
        """Nothing comes to anybody."""
        assert not text
        await turn()
        self._check(not self.client.rest, self.client.rest)
        self._check(not self._arrivals, b"another connection to the engine")
        for end in self.ends:
            self._check(not end.rest, end.rest)

    async def _expect_cut(self, text: str) -> None:
        """The engine's connection ends, and nothing more came over it."""
        assert not text
        await self._wait(lambda: self._engine().over, "the engine's connection is cut")
        self._check(not self._engine().rest, self._engine().rest)

    async def _expect_closed(self, text: str) -> None:
        """The client's connection ends, and nothing more came over it."""
        assert not text
        await self._wait(lambda: self.client.over, "the client's connection is closed")
        self._check(not self.client.rest, self.client.rest)

    async def _wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for what must come; after a cut only as long as the client's connection is there."""
        if not self._may_part:
            await until(condition, what)
            return
        await until(lambda: condition() or self.client.is_gone, what)
        if not condition():
            raise PartedError

    def _check(self, holds: bool, instead: bytes) -> None:  # noqa: FBT001 (it reads like an assertion)
        if self._may_part and not holds:
            raise PartedError
        assert holds, instead[:2000]


def _size_of_ours(data: bytes, words: str) -> int:
    """Return how long the answer is that data begins with, or 0 as long as it has not come whole."""
    head, end, content = data.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    if not end or length is None:
        return 0
    size = 0 if words == _BODILESS else int(length[1])
    return len(head) + len(end) + size if len(content) >= size else 0
