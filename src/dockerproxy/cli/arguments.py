"""Arguments that several verbs share, and the socket that they select."""

import argparse
import re
import time
from collections.abc import Mapping, Sequence
from typing import Final

from dockerproxy.config.near import hint_at, show
from dockerproxy.policy.values import list_names
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(rf"([0-9]{{1,9}})([{''.join(_UNITS)}])")


def add_policy_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the policy file."""
    parser.add_argument(
        "--policy", metavar="FILE", help="the policy file (default: POLICY_FILE, or switches in the environment)"
    )


def add_socket_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the name of a socket."""
    parser.add_argument("--socket", metavar="NAME", help="a socket of the policy; required if it has several")


def read_time_ago(option: str, text: str) -> float:
    """Return the time that lies an option's duration in the past, in seconds since 1970."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UserError(Problem(option, f"{show(text)} is not a duration", "write it like 30m, 2h, 30d or 2w"))
    return time.time() - int(found[1]) * _UNITS[found[2]]


def choose_sockets(sockets: Sequence[SocketSettings], name: str | None) -> Sequence[SocketSettings]:
    """Return the socket with this name, or all sockets if it is None."""
    return sockets if name is None else (choose_socket(sockets, name),)


def find_policy_file(given: str | None, environment: Mapping[str, str]) -> str:
    """Return the policy file that a verb reads; empty if the environment is the configuration."""
    return given or environment.get("POLICY_FILE", "")


def choose_socket(sockets: Sequence[SocketSettings], name: str | None, where: str = "--socket") -> SocketSettings:
    """Return the socket with this name, or the only one. A missing one is a `UserError` at `where`."""
    named = {socket.name: socket for socket in sockets}
    if name in named:
        return named[name]
    if name is None and len(sockets) == 1:
        return sockets[0]
    listed = list_names(list(named))
    if name is None:
        raise UserError(Problem(where, "the policy has several sockets", f"choose one: {listed}"))
    hint = hint_at(name, named, f"it has {list_names(list(named), 'and')}")
    raise UserError(Problem(where, f"{show(name)} is not a socket of the policy", hint))
