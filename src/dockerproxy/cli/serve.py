"""Run the proxy.

SIGTERM and SIGINT stop accepting, let exchanges finish for SHUTDOWN_GRACE seconds, cut the rest and exit with 0;
a second signal cuts at once.
"""

import argparse
import asyncio
import signal
from collections.abc import Mapping

import uvloop

from dockerproxy.cli.exposures import describe_exposures
from dockerproxy.config.environment import Configured, read_environment
from dockerproxy.observe.log import Log
from dockerproxy.server import Server
from dockerproxy.settings import Level


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take none: the environment says everything."""
    del parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Serve until told to stop."""
    del options
    configured = read_environment(environment)
    settings = configured.settings
    log = Log(settings.log_level, settings.log_format)
    try:
        _announce(configured, log)
        uvloop.run(_serve(Server(settings, log)))
        log.message(Level.NOTICE, "stopped")
    finally:
        log.close()
    return 0


def _announce(configured: Configured, log: Log) -> None:
    """Say what may surprise the operator, before anybody can connect."""
    for warning in configured.warnings:
        log.message(Level.WARNING, str(warning))
    for served in configured.settings.sockets:
        log.message(Level.NOTICE, describe_exposures(served.policy))


async def _serve(server: Server) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.run()
