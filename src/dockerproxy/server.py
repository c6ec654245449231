"""Start, reload and stop a running proxy."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from dockerproxy.advice.questions import propose
from dockerproxy.control import ControlSocket
from dockerproxy.exporter import Exporter
from dockerproxy.host.descriptors import Room, make_room
from dockerproxy.host.learned import Learned
from dockerproxy.host.listen import Listening, adopt, listen
from dockerproxy.host.process import give_back_memory
from dockerproxy.host.systemd import NO_SERVICE, READY, Service, find_real
from dockerproxy.observe.journal import Journal, LearnerFactory
from dockerproxy.observe.log import Log
from dockerproxy.policy.differences import digest
from dockerproxy.problems import Problem, UserError
from dockerproxy.process_settings import Settings
from dockerproxy.proxy.client import Client
from dockerproxy.proxy.connections import SWEEP
from dockerproxy.proxy.failures import choose_engine, log_bug
from dockerproxy.proxy.metrics import Measured
from dockerproxy.proxy.overview import compare, describe_open
from dockerproxy.proxy.probing import find_trouble
from dockerproxy.proxy.scheduling import PASSES, Line, Tasks
from dockerproxy.proxy.sockets import LOOKUPS, PENDING, REMOVALS, Shared, SocketState
from dockerproxy.settings import Level, SocketSettings
from dockerproxy.sweeper import Sweeper

_LEARNED_EVERY: Final = 60.0
"""Seconds between two checks for newly learned requests."""

_KEEP_FILE: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""The event loop must not remove the file of a socket, which may be systemd's."""


@dataclass(slots=True, eq=False, repr=False)
class _Door:
    """A socket that is served.

    Attributes:
        listening: The listening socket.
        state: The state that its clients share.
        journal: The journal of its exchanges.
        acceptor: Accepts clients.
        since: When its policy was read, in seconds since 1970.
        digest: The digest of its policy; empty until requested.
    """

    listening: Listening[SocketSettings]
    state: SocketState
    journal: Journal
    acceptor: asyncio.AbstractServer
    since: float
    digest: str = ""

    def close(self) -> None:
        """Stop accepting."""
        self.state.is_replaced |= self.listening.remove()
        self.acceptor.close()


class Server:
    """One running proxy. It owns the sockets, the registry of connections, the tasks and the log."""

    def __init__(
        self, settings: Settings, log: Log, make_learner: LearnerFactory | None = None, service: Service = NO_SERVICE
    ) -> None:
        self._settings = settings
        self._service = service
        self._make_learner = make_learner
        self._log = log
        self._doors: dict[str, _Door] = {}
        self._gone: list[SocketState] = []
        self._room = _make_room(settings)
        self._tasks = Tasks(log)
        self._shared = Shared(settings.engines, self._tasks, log, time.monotonic, propose)
        self._sweeper, self._idle = Sweeper(self._shared, self._list_sockets), Line()
        self._learned = Learned(log)
        self._exporter = Exporter(settings, log, self._list_measured)
        self._control = ControlSocket(settings, log, self._shared.control, self._tell_open)
        self._shared.control.patience = settings.ask_timeout
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._cut = asyncio.Event()

    async def run(self, lock_in: Callable[[], str] = str) -> None:
        """Serve until `stop` is called, then let exchanges finish.

        Args:
            lock_in: Called when everything is open, before clients are served; returns a remark for health checks.

        Raises:
            UserError: A socket cannot be opened, or a required lock of the sandbox is unavailable.
        """
        asyncio.get_running_loop().set_exception_handler(self._log_loop_error)
        self._service.check(socket.path for socket in self._settings.sockets)
        try:
            for listening in self._listen_to_all(self._settings.sockets, takes_over=self._settings.takes_over):
                await self._open(listening)
            await self._exporter.open()
            await self._control.open()
            self._prepare()
            self._follow_learners()
            self._announce()
            self._shared.remark = lock_in()
            self._appear()  # After everything that can fail: until then, another proxy may serve there.
            self._log.open()
            for door in self._doors.values():
                await door.acceptor.start_serving()
            self._ready.set()
            self._service.tell(READY)
            self._tasks.start(self._sweep(), "checking time limits")
            self._tasks.start(self._keep_learned(), "writing learned grants")
            self._tasks.start(self._exporter.run(), "exporting metrics")
            self._tasks.start(self._control.run(), "updating operators")
            await self._stop.wait()
            for door in self._doors.values():
                door.close()
            await self._drain()
            sweeping = asyncio.ensure_future(self._sweeper.sweep_at_exit())
            await _wait_unless(self._cut, sweeping)
            sweeping.cancel()
            self._tasks.cancel()
            self._shared.resolver.close()
            await self.report()
        finally:
            for door in self._doors.values():
                door.close()
            self._exporter.close()
            self._control.close()

    async def wait_ready(self, serving: asyncio.Future[None]) -> None:
        """Wait until the sockets are open, or until `serving`, which runs this server, has failed."""
        await _wait_unless(self._ready, serving)

    def stop(self) -> None:
        """Stop accepting and let exchanges finish for the grace period; called again, cut them at once."""
        if self._stop.is_set():
            self._cut.set()
        self._stop.set()

    def start(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run a task beside serving; it ends with the server."""
        self._tasks.start(work, name)

    async def report(self) -> None:
        """Write learned policies, and log a summary of reported requests."""
        await self._learned.write()
        for door in self._doors.values():
            counts = door.journal.reported.most_common()
            if counts:
                listed = ", ".join(f"{name or 'unknown'} {count}" for name, count in counts)
                text = f"socket {door.state.name}: would have been refused: {listed}"
                self._log.message(Level.WARNING, text)

    async def reload(self, settings: Settings) -> None:
        """Switch to other settings, or change nothing.

        Remaining sockets keep their connections, and each exchange keeps the policy that it began with. Removed sockets
        let their exchanges finish. The log does not change.

        Raises:
            UserError: A new socket cannot be opened, or a file cannot be changed; nothing has changed.
        """
        if self._stop.is_set():
            return
        wanted = {socket.path: socket for socket in settings.sockets}
        self._service.check(wanted)
        states = {path: door.state for path, door in self._doors.items()}
        compared = await asyncio.to_thread(compare, states, wanted)  # Clients do not wait for it.
        if self._stop.is_set():
            return
        self._room = _make_room(settings)
        new_ones = [socket for path, socket in wanted.items() if path not in self._doors]
        opened = self._listen_to_all(new_ones)
        try:
            self._change_files(wanted)
        except UserError:
            _remove(opened)
            raise
        await self._learned.write()
        if settings.engines != self._settings.engines:
            for door in self._doors.values():  # No client keeps using the previous engine.
                door.state.connections.finish_all()
        self._settings, self._shared.engines = settings, settings.engines
        for path in self._doors.keys() - wanted.keys():
            door = self._doors.pop(path)
            door.close()
            door.state.is_gone = True
            self._gone.append(door.state)
            door.state.connections.finish_all()
            self._log.message(Level.NOTICE, f"socket {door.state.name}: removed; its connections finish")
        for path, door in self._doors.items():
            self._log.tell(compared[path].says)
            door.state.replace(wanted[path])
            door.since, door.digest = time.time(), compared[path].digest
        for listening in opened:
            await (await self._open(listening)).start_serving()
            path = listening.settings.path
            self._doors[path].digest = compared[path].digest
            self._log.tell(compared[path].says)
        self._prepare()
        self._follow_learners()

    def _prepare(self) -> None:
        """If there are too few descriptors for all connections, give each socket a share. Load what judges builds."""
        sockets = [door.state for door in self._doors.values()]
        wanted = sum(socket.limits.connections for socket in sockets)
        for socket in sockets:
            socket.connections.limit = max(1, socket.limits.connections * self._room.connections // max(1, wanted))
        if any(socket.judges_builds for socket in sockets):
            import dockerproxy.proxy.building  # noqa: F401, PLC0415 (not at the first build, while others wait)

    def _listen_to_all(
        self, sockets: Iterable[SocketSettings], *, takes_over: bool = False
    ) -> list[Listening[SocketSettings]]:
        """Open every socket, or none, and report all mistakes at once."""
        listening: list[Listening[SocketSettings]] = []
        problems: list[Problem] = []
        for socket in sockets:
            try:
                if handed := self._service.sockets.get(find_real(socket.path)):
                    listening.append(adopt(socket, handed))
                else:
                    may = takes_over and not _is_engine(socket.path, self._settings.engines)
                    listening.append(listen(socket, self._room.backlog, takes_over=may))
            except UserError as error:
                problems += error.problems
        if problems:
            _remove(listening)
            raise UserError(*problems)
        return listening

    async def _open(self, listening: Listening[SocketSettings]) -> asyncio.AbstractServer:
        """Prepare a socket for serving."""
        journal = Journal(listening.settings, self._make_learner)
        state = SocketState(listening.settings, journal, self._shared)
        loop = asyncio.get_running_loop()
        acceptor = await loop.create_unix_server(
            lambda: Client(state), sock=listening.socket, backlog=self._room.backlog, start_serving=False, **_KEEP_FILE
        )
        self._doors[listening.settings.path] = _Door(listening, state, journal, acceptor, time.time())
        return acceptor

    def _appear(self) -> None:
        """Move every socket to its path.

        Raises:
            UserError: A socket can no longer be moved there.
        """
        listening = (door.listening for door in self._doors.values())
        for each in (*listening, self._exporter.listening, self._control.listening):
            if each is None:
                continue
            try:
                each.appear()
            except OSError as error:
                raise UserError(
                    Problem(each.settings.path, f"cannot move the socket there: {error.strerror}")
                ) from error

    def _change_files(self, wanted: dict[str, SocketSettings]) -> None:
        """Set new permissions and owners of the sockets that stay: all of them or none.

        Raises:
            UserError: One cannot be changed.
        """
        changed: list[tuple[Listening[SocketSettings], SocketSettings]] = []
        try:
            for path, door in self._doors.items():
                old, new = door.listening.settings, wanted.get(path)
                if new is not None and (old.permissions, old.uid, old.gid) != (new.permissions, new.uid, new.gid):
                    door.listening.change(new)
                    changed.append((door.listening, old))
        except UserError:
            for listening, old in changed:
                listening.change(old)
            raise
        for listening, old in changed:
            new = listening.settings
            text = f"socket {new.name}: permissions {new.permissions:04o}, were {old.permissions:04o}"
            self._log.message(Level.NOTICE, f"{text}; {_describe_owner(new)}, was {_describe_owner(old)}")

    def _follow_learners(self) -> None:
        """From now on, write learned policies."""
        learners = {door.state.name: door.journal.learner for door in self._doors.values() if door.journal.learner}
        if self._settings.learn_directory:
            self._learned.follow(self._settings.learn_directory, learners)

    async def _sweep(self) -> None:
        worker, was_busy = self._shared.worker, False
        while True:
            await asyncio.sleep(SWEEP)
            for state in self._list_sockets():
                for _ in state.connections.sweep(time.monotonic()):
                    await asyncio.sleep(0)
            self._gone = [state for state in self._gone if len(state.connections)]
            self._sweeper.look()
            if not (is_busy := worker.has_worked) and (was_busy or gc.get_count()[2] > PASSES):
                gc.collect()  # Short now, as no long answer is in memory.
            if is_busy or was_busy:  # The worker's thread took the memory.
                await worker.run(self._idle, give_back_memory)
                worker.has_worked = False
            was_busy = is_busy

    def _list_sockets(self) -> list[SocketState]:
        """Return all sockets, and removed ones that still have connections."""
        return [*(door.state for door in self._doors.values()), *self._gone]

    def _list_measured(self) -> list[Measured]:
        return list(map(_measure, self._doors.values()))

    def _tell_open(self) -> dict[str, object]:
        return describe_open(self._list_measured(), time.time(), time.monotonic())

    async def _keep_learned(self) -> None:
        while True:
            await asyncio.sleep(_LEARNED_EVERY)
            await self._learned.write()

    def _announce(self) -> None:
        """Log the sockets and the engine."""
        wanted, room = sum(settings.limits.connections for settings in self._settings.sockets), self._room.connections
        if room < wanted:
            text = f"the limit of open files leaves room for {room} connections of {wanted}; `ulimit -n` raises it"
            self._log.message(Level.NOTICE, text)
        engine = choose_engine(self._settings.engines)
        for settings in self._settings.sockets:
            text = f"listening on {settings.path} with mode {settings.permissions:04o} for the engine at {engine}"
            self._log.message(Level.NOTICE, text)
        if trouble := find_trouble(self._settings.engines):
            self._log.message(Level.WARNING, f"no engine; the proxy tries again for every client: {trouble}")

    async def _drain(self) -> None:
        """Let exchanges finish for the grace period, or until a second signal; then cut the rest."""
        grace, registries = self._settings.shutdown_grace, [state.connections for state in self._list_sockets()]
        count = sum(map(len, registries))
        self._log.message(Level.NOTICE, f"stopping; {count} connections have up to {grace:g}s to finish")
        for connections in registries:
            connections.finish_all()
        emptied = asyncio.gather(*(connections.emptied.wait() for connections in registries))
        await _wait_unless(self._cut, emptied, grace)
        if count := sum(map(len, registries)):
            self._log.message(Level.NOTICE, f"cutting {count} connections")
            for connections in registries:
                connections.abort_all()
        await emptied

    def _log_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Log an exception that escaped a callback: the exchange is lost, the process continues."""
        error = context.get("exception")
        if (transport := cast("asyncio.Transport | None", context.get("transport"))) is not None:
            transport.abort()
        if isinstance(error, BaseException):
            log_bug(self._log, str(context.get("message")), error)
        else:
            self._log.message(Level.ERR, str(context.get("message")))


async def _wait_unless(event: asyncio.Event, work: asyncio.Future[Any], patience: float | None = None) -> None:
    """Wait for `work`, but not longer than until an event or for `patience` seconds."""
    coming = asyncio.ensure_future(event.wait())
    await asyncio.wait((work, coming), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    coming.cancel()


def _measure(door: _Door) -> Measured:
    door.digest = door.digest or digest(door.state.policy)
    return Measured(door.state, door.journal.counts, door.digest, door.since)


def _make_room(settings: Settings) -> Room:
    wanted = sum(socket.limits.connections for socket in settings.sockets)
    return make_room(wanted, len(settings.sockets), len(settings.sockets) * (1 + LOOKUPS + REMOVALS + PENDING))


def _is_engine(path: str, engines: tuple[str, ...]) -> bool:
    """Whether a path is the engine's socket under another name, for example through another mount."""
    with suppress(OSError):
        return any(os.path.exists(engine) and os.path.samefile(path, engine) for engine in engines)
    return False


def _remove(listening: list[Listening[SocketSettings]]) -> None:
    for opened in listening:
        opened.remove()
        opened.socket.close()


def _describe_owner(settings: SocketSettings) -> str:
    uid, gid = ("ours" if number is None else number for number in (settings.uid, settings.gid))
    return f"uid {uid} gid {gid}"
