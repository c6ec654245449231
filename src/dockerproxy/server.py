"""Builds a running proxy from its settings, and takes it down again."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from dockerproxy.errors import Problem, UserError
from dockerproxy.host.descriptors import fit_connections
from dockerproxy.host.listen import BACKLOG, Listening, listen
from dockerproxy.observe.log import Log
from dockerproxy.proxy.client import Client
from dockerproxy.proxy.connections import SWEEP, Connections
from dockerproxy.proxy.failures import choose_engine, find_trouble, log_bug
from dockerproxy.proxy.served import Served
from dockerproxy.proxy.shared import Shared
from dockerproxy.proxy.tasks import Tasks
from dockerproxy.settings import Level, Settings


class Server:
    """One running proxy. It owns the sockets, the registry of connections, the tasks and the log."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._listening: list[Listening] = []
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._cut = asyncio.Event()

    async def run(self) -> None:
        """Serve until `stop` is called, then let exchanges finish.

        Raises:
            UserError: A socket of ours cannot be opened.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._log_loop_error)
        settings = self._settings
        room = fit_connections(settings.limits.connections)
        connections = Connections(settings.limits, room)
        tasks = Tasks(self._log)
        shared = Shared(settings.engines, connections, tasks, self._log, time.monotonic)
        try:
            self._listening = _listen_to_all(settings)
            servers = [
                await loop.create_unix_server(
                    _factory(Served(listening.settings), shared), sock=listening.socket, backlog=BACKLOG
                )
                for listening in self._listening
            ]
            self._announce(room)
            self._ready.set()
            tasks.start(_sweep(connections), "looking at those that wait")
            await self._stop.wait()
            for listening in self._listening:
                listening.remove()
            for server in servers:
                server.close()
            await self._drain(connections)
            tasks.cancel()
        finally:
            for listening in self._listening:
                listening.remove()

    async def wait_ready(self, serving: asyncio.Future[None]) -> None:
        """Wait until the sockets are open, or until `serving`, which runs this server, has failed."""
        ready = asyncio.ensure_future(self._ready.wait())
        await asyncio.wait((ready, serving), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    def stop(self) -> None:
        """Stop accepting and let exchanges finish for the grace period; called again, cut them at once."""
        if self._stop.is_set():
            self._cut.set()
        self._stop.set()

    def _announce(self, room: int) -> None:
        """Say where we listen and what is behind it."""
        wanted = self._settings.limits.connections
        if room < wanted:
            text = f"the limit of open files leaves room for {room} connections of {wanted}; `ulimit -n` raises it"
            self._log.message(Level.NOTICE, text)
        engine = choose_engine(self._settings.engines)
        for listening in self._listening:
            settings = listening.settings
            text = f"listening on {settings.path} with mode {settings.mode:04o} for the engine at {engine}"
            self._log.message(Level.NOTICE, text)
        trouble = find_trouble(self._settings.engines)
        if trouble:
            self._log.message(Level.WARNING, f"{trouble}; it is tried again for every client")

    async def _drain(self, connections: Connections) -> None:
        """Let exchanges finish for the grace period or until somebody is impatient, then cut the rest."""
        grace = self._settings.limits.shutdown_grace
        self._log.message(Level.NOTICE, f"stopping; {len(connections)} connections have up to {grace:g}s to finish")
        connections.finish_all()
        waits = [asyncio.ensure_future(event.wait()) for event in (connections.emptied, self._cut)]
        await asyncio.wait(waits, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if len(connections):
            self._log.message(Level.NOTICE, f"cutting {len(connections)} connections")
            connections.abort_all()
            await connections.emptied.wait()

    def _log_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Log what escaped a callback: the exchange is lost, the process goes on."""
        del loop
        error = context.get("exception")
        transport = cast("asyncio.Transport | None", context.get("transport"))
        if transport is not None:
            transport.abort()
        if isinstance(error, BaseException):
            log_bug(self._log, str(context.get("message")), error)
        else:
            self._log.message(Level.ERR, str(context.get("message")))


def _factory(served: Served, shared: Shared) -> Callable[[], Client]:
    return lambda: Client(served, shared)


def _listen_to_all(settings: Settings) -> list[Listening]:
    """Open every socket, or none of them, with all that is wrong said at once."""
    listening: list[Listening] = []
    problems: list[Problem] = []
    for socket in settings.sockets:
        try:
            listening.append(listen(socket))
        except UserError as error:
            problems += error.problems
    if problems:
        for opened in listening:
            opened.remove()
            opened.socket.close()
        raise UserError(*problems)
    return listening


async def _sweep(connections: Connections) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        connections.sweep(time.monotonic())
