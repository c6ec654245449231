"""Run the proxy.

SIGTERM and SIGINT stop the proxy: it accepts no new connections and lets requests finish for SHUTDOWN_GRACE seconds.
With `sweep: at-exit`, it removes the objects of clients. It exits with 0. A second signal ends requests at once.

SIGHUP reloads the policy file; if it has a mistake, nothing changes. SIGUSR1 writes learned policies, and logs what
report mode let pass. As a systemd service, the proxy uses the sockets of its .socket unit and supports Type=notify and
WatchdogSec.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping

import uvloop

from dockerproxy.cli.arguments import add_policy_argument
from dockerproxy.cli.locks import OFF, find_problems, list_locks, sum_up
from dockerproxy.cli.sockets import find_place_problems
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.environment import DEFAULT_SOCKET, Configured
from dockerproxy.host import sandbox
from dockerproxy.host.learned import check_learning
from dockerproxy.host.process import wait_precisely
from dockerproxy.host.systemd import ALIVE, NO_SERVICE, READY, STOPPING, UNCHANGED, Service, read_service
from dockerproxy.observe.journal import Learner, LearnerFactory
from dockerproxy.observe.log import Log
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.differences import digest
from dockerproxy.policy.model import Mode
from dockerproxy.problems import UserError
from dockerproxy.process_settings import Sandbox
from dockerproxy.proxy.scheduling import GARBAGE, SWITCH
from dockerproxy.server import Server
from dockerproxy.settings import Level, SocketSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the policy file, and the directory for learned policies."""
    add_policy_argument(parser)
    parser.add_argument(
        "--learn",
        metavar="DIRECTORY",
        help="deny nothing on any socket, and write the smallest policies for these requests",
    )


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Serve until a signal stops the proxy."""

    def read() -> Configured:
        return _read(environment, options.policy, options.learn)

    gc.disable()  # The configuration stays in memory.
    configured = read()
    settings = configured.settings
    if settings.sockets[0].path == DEFAULT_SOCKET and (problems := find_place_problems(configured)):
        raise UserError(*problems)  # Before the first log line, so that it is the only output.
    log = Log(settings.log_level, settings.log_format, polls=settings.log_polls)
    _announce(configured, log)
    serve(configured, log, read, service=read_service(environment))
    return 0


def _make_learner(settings: SocketSettings) -> Learner:
    from dockerproxy.workbench import learning  # noqa: PLC0415 (few sockets learn)

    return learning.Learner(settings)


def serve(
    configured: Configured,
    log: Log,
    read: Callable[[], Configured],
    *,
    make_learner: LearnerFactory = _make_learner,
    service: Service = NO_SERVICE,
) -> None:
    """Serve until a signal stops the proxy, and close the log. `read` reads the configuration again.

    Raises `UserError` if a socket cannot be opened, or a required lock of the sandbox is unavailable.
    """
    try:
        if configured.settings.sandbox is not Sandbox.OFF:
            sandbox.prepare()
        uvloop.run(_serve(configured, log, read, make_learner, service))
        log.message(Level.NOTICE, "stopped")
    finally:
        log.close()


def _read(environment: Mapping[str, str], policy_file: str | None, learn: str | None) -> Configured:
    """Read the configuration, and check that learned policies can be written."""
    if learn:
        environment = {**environment, "LEARN_DIR": os.path.abspath(learn)}
    configured = read_configuration(environment, policy_file)
    if learn:
        sockets = (
            socket._replace(policy=compile_policy(socket.policy.policy._replace(mode=Mode.LEARN)))
            for socket in configured.settings.sockets
        )
        configured = configured._replace(settings=configured.settings._replace(sockets=tuple(sockets)))
    problems = check_learning(configured.settings)
    if problems:
        raise UserError(*problems)
    return configured


def _announce(configured: Configured, log: Log) -> None:
    """Log what may surprise the operator, before clients can connect."""
    for warning in configured.warnings:
        log.message(Level.WARNING, str(warning))
    for served in configured.settings.sockets:
        if served.policy.policy.asks and not configured.settings.control_socket:
            text = f"socket {served.name}: no operator can connect, so mode ask denies like enforce; set CONTROL_SOCKET"
            log.message(Level.WARNING, text)
        if served.remark:
            log.message(Level.WARNING, served.remark)
        text = f"socket {served.name}: policy {digest(served.policy)}\n`dockerproxy check` says what it exposes"
        log.message(Level.NOTICE, text)


async def _serve(
    configured: Configured, log: Log, read: Callable[[], Configured], make_learner: LearnerFactory, service: Service
) -> None:
    loop = asyncio.get_running_loop()
    # Tables and policies live as long as the process, so the collector need not visit them. Requests leave no cycles,
    # and collecting after every few of them takes a tenth of the time that a body takes.
    gc.freeze()
    gc.enable()
    gc.set_threshold(*GARBAGE)
    wait_precisely()
    sys.setswitchinterval(SWITCH)
    server = Server(configured.settings, log, make_learner, service)
    reloading = _Reloading(server, log, configured, read, service)

    def stop() -> None:
        service.tell(STOPPING)
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reloading.ask)
    loop.add_signal_handler(signal.SIGUSR1, lambda: server.start(server.report(), "writing learned grants"))

    if service.watchdog:
        server.start(_keep_alive(service), "telling systemd that we are alive")
    await server.run(lambda: _lock_in(configured, log))


async def _keep_alive(service: Service) -> None:
    while True:
        service.tell(ALIVE)
        await asyncio.sleep(service.watchdog / 2)


def _lock_in(configured: Configured, log: Log) -> str:
    """Sandbox the process as far as possible, and log the locks; return the summary for health checks."""
    settings = configured.settings
    if settings.sandbox is Sandbox.OFF:
        log.message(Level.WARNING, OFF)
        return OFF
    places = sandbox.find_places(settings, configured.policy_file)
    locks = sandbox.lock_in(places, lambda what: _end_with_a_word(log, what))
    for level, text in list_locks(locks):
        log.message(level, text)
    problems = find_problems(locks, settings.sandbox)
    if problems:
        raise UserError(*problems)
    return sum_up(locks)


def _end_with_a_word(log: Log, what: str) -> None:
    """Log a last line and end the process, because a forbidden call suggests that it was taken over."""
    frames = sys._current_frames().values()  # noqa: SLF001 (the only way to see other threads)
    where = "\n".join("".join(traceback.format_stack(frame)) for frame in frames)
    log.message(Level.EMERG, f"stopped by the sandbox, which forbids this: {what}\n{where}")
    log.close()
    os._exit(128 + signal.SIGSYS)


class _Reloading:
    """Reloads the configuration: one reload at a time, and one for all signals that arrive meanwhile."""

    def __init__(
        self, server: Server, log: Log, configured: Configured, read: Callable[[], Configured], service: Service
    ) -> None:
        self._server = server
        self._log = log
        self._configured = configured
        self._read = read
        self._service = service
        self._asked = False
        self._one_by_one = asyncio.Lock()

    def ask(self) -> None:
        """Request a reload."""
        if not self._asked:
            self._asked = True
            self._server.start(self._reload(), "reading the configuration again")

    async def _reload(self) -> None:
        async with self._one_by_one:
            self._asked = False
            self._service.tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                configured = await asyncio.to_thread(self._read)
                await self._server.reload(configured.settings)
            except UserError as error:
                self._log.message(Level.ERR, f"reload failed, nothing changed:\n{error}")
                self._service.tell(UNCHANGED)
                return
            self._service.tell(READY)
        for warning in configured.warnings:
            if warning not in self._configured.warnings:
                self._log.message(Level.WARNING, str(warning))
        for served in configured.settings.sockets:
            if served.remark:
                self._log.message(Level.WARNING, served.remark)
        self._configured = configured
        self._log.message(Level.NOTICE, "configuration reloaded")
