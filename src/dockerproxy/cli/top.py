"""Watch a running proxy in the terminal: clients, requests, streams, and what is denied.

  dockerproxy top --control /run/operator/control.sock
  dockerproxy top --control /run/operator/control.sock --policy policy.yaml    # the key e explains a request

The proxy tells what it does on the socket that its CONTROL_SOCKET names, which only its own user and root can open.
It needs the package textual: in the clone, pip install '.[tui]'

Attacks: docs/attacks.md, cli/top.
"""

import argparse
import asyncio
import importlib.util
import io
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from dockerproxy.cli.arguments import add_policy_argument
from dockerproxy.cli.explain import explain_record
from dockerproxy.cli.peers import UNKNOWN, find_program
from dockerproxy.cli.questions import find_control
from dockerproxy.cli.request import PATIENCE
from dockerproxy.cli.terminal import has_colour
from dockerproxy.config.configuration import read_configuration
from dockerproxy.observe.record import Record
from dockerproxy.policy.differences import digest
from dockerproxy.problems import Problem, UserError
from dockerproxy.proxy.connections import find_peer
from dockerproxy.proxy.probing import connect
from dockerproxy.workbench.bearing import Line

_LONGEST: Final = 16 << 20
"""Bytes of a line: a thousand connections, each with a long target."""

_AGAIN: Final = 1.0
"""Seconds until it is tried again to connect."""

_TURN: Final = 100
"""Lines after which keys and pictures have their turn."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the proxy to watch."""
    parser.add_argument("--control", metavar="PATH", help="the control socket; without it CONTROL_SOCKET")
    add_policy_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Watch until somebody quits."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        hint = "for other programs, use the log with LOG_FORMAT=json, or METRICS_SOCKET"
        raise UserError(Problem("top", "standard input and output must be a terminal", hint))
    if importlib.util.find_spec("textual") is None:
        raise UserError(Problem("top", "the package textual is missing", "in the clone: pip install '.[tui]'"))
    path = find_control(options.control, environment)
    try:
        with socket.socket(socket.AF_UNIX) as tried:
            connect(tried, path, PATIENCE)
    except OSError as error:
        hint = "start serve with this CONTROL_SOCKET, and top as the same user or as root"
        raise UserError(Problem(path, f"cannot connect: {error.strerror or error}", hint)) from None
    # Only this verb needs it, and it may not be installed.
    from dockerproxy.cli.top_view import Top  # noqa: PLC0415

    plain = {} if has_colour(sys.stdout, environment) else {"NO_COLOR": "1"}
    os.environ.pop("NO_COLOR", None)  # Which is for textual, even if it is empty.
    os.environ.update(plain)
    # Textual writes escape sequences to the one, and ours would show them. Of the other it asks for the size of the
    # terminal, and what ours has taken the place of has none any more.
    terminal = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8")
    sys.__stdout__ = sys.__stderr__ = terminal  # type: ignore[misc] # Final, but replaced at the start already
    watched = Watched(path)
    view = Top(
        watched.follow,
        lambda *asked: explain(environment, options.policy, *asked),
        watched.find_program,
        time.monotonic,
    )
    view.run()
    return view.return_code or 0


class Watched:
    """A proxy that is watched. If it does not answer, it is tried again after some seconds."""

    def __init__(self, path: str, again: float = _AGAIN) -> None:
        self._path, self._again = path, again
        self._process = 0

    async def follow(self, take: Callable[[str], None], lose: Callable[[str], None]) -> None:
        """Give each line to `take`, and to `lose` why there are no more for now. Connects again and again."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_LONGEST)
                try:
                    self._process = find_peer(writer.get_extra_info("socket").fileno()).pid
                    await _read(reader, take)
                finally:
                    writer.transport.abort()
                why = "the proxy has gone"
            except OSError as error:
                why = f"{error.strerror or error}"
            except ValueError:
                why = "not a control socket"
            lose(why)
            await asyncio.sleep(self._again)

    def find_program(self, pid: int, proxy: int) -> str:
        """Return the name of the program that a process runs; empty if unknown. Numbers are as the proxy counts."""
        if not pid or proxy != self._process:
            return ""
        program = find_program(pid)
        if program == UNKNOWN:  # It has ended.
            return ""
        return program if program.startswith('"') else os.path.basename(program)


async def _read(reader: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    number = 0
    while line := await reader.readline():
        take(line.decode(errors="replace"))
        number += 1
        if not number % _TURN:
            await asyncio.sleep(0)


def explain(environment: Mapping[str, str], policy: str | None, record: Record, served: str) -> list[Line]:
    """Explain a record by the policy as it is now; mistakes in it are told instead."""
    try:
        told, lines = explain_record(read_configuration(environment, policy), record)
    except UserError as error:
        return [("mistake", str(problem)) for problem in error.problems]
    if served and digest(told.policy) != served:
        note = "the proxy serves another policy than this; start top with --policy and the file of the proxy"
        lines.insert(0, ("note", note))
    return lines
