"""Watch a running proxy: clients, requests, streams and denials.

  dockerproxy top --control /run/operator/control.sock
  dockerproxy top --control /run/operator/control.sock --policy policy.yaml

The verb reads the control socket, which the proxy opens at CONTROL_SOCKET for its own user and root. With the proxy's
policy file, the key e explains a request. It needs the package textual: in the clone, pip install '.[tui]'

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
"""Bytes of the longest line: a thousand connections, each with a long target."""

_AGAIN: Final = 1.0
"""Seconds between two attempts to connect."""

_TURN: Final = 100
"""Lines after which keys and drawing have their turn."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the proxy to watch."""
    parser.add_argument("--control", metavar="PATH", help="the control socket (default: CONTROL_SOCKET)")
    add_policy_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Watch until the user quits."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        hint = "programs can read the log with LOG_FORMAT=json, or METRICS_SOCKET"
        raise UserError(Problem("top", "standard input and output must be a terminal", hint))
    if importlib.util.find_spec("textual") is None:
        raise UserError(Problem("top", "the package textual is missing", "in the clone: pip install '.[tui]'"))
    path = find_control(options.control, environment)
    try:
        with socket.socket(socket.AF_UNIX) as tried:
            connect(tried, path, PATIENCE)
    except OSError as error:
        hint = "start the proxy with this CONTROL_SOCKET, and run top as the same user or as root"
        raise UserError(Problem(path, f"cannot connect: {error.strerror or error}", hint)) from None
    # An optional dependency, which only this verb needs.
    from dockerproxy.cli.top_view import Top  # noqa: PLC0415

    plain = {} if has_colour(sys.stdout, environment) else {"NO_COLOR": "1"}
    os.environ.pop("NO_COLOR", None)  # Textual obeys it even if it is empty.
    os.environ.update(plain)
    # Textual writes escape sequences to standard error, which our stream would escape. It asks standard output for the
    # size of the terminal, which the stream that ours replaced no longer knows.
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
    """The watched proxy. After a lost connection, it connects again every few seconds."""

    def __init__(self, path: str, again: float = _AGAIN) -> None:
        self._path, self._again = path, again
        self._process = 0

    async def follow(self, take: Callable[[str], None], lose: Callable[[str], None]) -> None:
        """Pass each line to `take`, and the reason of each lost connection to `lose`. Never returns."""
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
        """Return the program that a process runs; empty if unknown. Process IDs are those that the proxy sees."""
        if not pid or proxy != self._process:
            return ""
        program = find_program(pid)
        if program == UNKNOWN:  # The process has ended.
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
    """Explain a record by the current policy; if that has mistakes, return those."""
    try:
        told, lines = explain_record(read_configuration(environment, policy), record)
    except UserError as error:
        return [("mistake", str(problem)) for problem in error.problems]
    if served and digest(told.policy) != served:
        note = "the proxy uses another policy; start top with the policy file of the proxy"
        lines.insert(0, ("note", note))
    return lines
