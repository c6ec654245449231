"""Starts and execs that the engine has not begun. Each blocks a thread of it, maybe for good, so few may be pending.

An engine opens files of the container for them, like `/etc/passwd`, and waits if the file is a pipe. A removal does not
end that. So a start is pending until the engine has answered it; an exec, which Docker answers before it begins, until
an inspection shows its process or exit code, or the engine has ended the connection.

Attacks: docs/attacks.md, proxy/pending.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from dockerproxy.policy.steps import Answer, UnknownObjectError
from dockerproxy.wire.document import object_of, read_engine_json

_FIRST: Final = 0.1
_LONGEST: Final = 10.0
"""Seconds before the first inspection of an exec, and at most between two. Most begin before the first."""


class Done(asyncio.Event):
    """Set when the engine is done with a request. Until then, its connection outlives the client's."""

    _rest: asyncio.Transport | None = None

    def outlive(self, engine: asyncio.Transport) -> None:
        """Only end writing, drop further output, and wait for the end: the client has gone."""
        self._rest = engine
        engine.set_protocol(_Rest(self))
        engine.write_eof()
        engine.resume_reading()

    def close(self) -> None:
        """Cut the connection that outlived its client."""
        if self._rest is not None:
            self._rest.abort()


class _Rest(asyncio.Protocol):
    """Drops the engine's output, and reports when the engine is done."""

    def __init__(self, done: Done) -> None:
        self._done = done

    def connection_lost(self, error: Exception | None) -> None:
        """Report that the engine is done."""
        del error
        self._done.set()


class Places:
    """Places for the starts, or the builds, of an owner: how many are taken."""

    def __init__(self) -> None:
        self._taken = 0
        self._freed = asyncio.Event()

    async def enter(self, what: str, most: int, patience: float) -> None:
        """Take a place, until `leave`. `UnknownObjectError`: none gets free in time."""
        try:
            async with asyncio.timeout(patience):
                while self._taken >= most:
                    self._freed.clear()
                    await self._freed.wait()
        except TimeoutError:
            says = f"{most} {what} are in progress; try again later, or raise {what} in quota of the socket"
            raise UnknownObjectError(says, HTTPStatus.SERVICE_UNAVAILABLE) from None
        self._taken += 1

    def leave(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._freed.set()


async def await_begin(done: Done, inspect: Callable[[], Awaitable[Answer]]) -> None:
    """Return when an exec has begun, or the engine is done with it.

    It is inspected again only after an answer: an engine that does not answer would collect inspections.
    """

    async def ask() -> None:
        pause, has_begun = _FIRST, False
        while not has_begun:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)
            with suppress(OSError, UnknownObjectError):
                status, content = await inspect()
                found = object_of(read_engine_json(content)) if status == HTTPStatus.OK else {}
                has_begun = bool(found.get("Pid")) or found.get("ExitCode") is not None

    tasks = [asyncio.ensure_future(each) for each in (done.wait(), ask())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
