"""The arguments that several verbs take, and which socket they mean."""

import argparse
from collections.abc import Sequence

from dockerproxy.config.near import hint_at, show
from dockerproxy.errors import Problem, UserError
from dockerproxy.policy.wording import list_names
from dockerproxy.settings import SocketSettings


def add_policy_argument(parser: argparse.ArgumentParser) -> None:
    """Take a policy file."""
    parser.add_argument(
        "--policy", metavar="FILE", help="the policy file; without it POLICY_FILE, or the switches of the environment"
    )


def add_socket_argument(parser: argparse.ArgumentParser) -> None:
    """Take the name of a socket."""
    parser.add_argument("--socket", metavar="NAME", help="which socket of the policy; needed where it has several")


def choose_socket(sockets: Sequence[SocketSettings], name: str | None, where: str = "--socket") -> SocketSettings:
    """Return the socket of a name, typed at `where`, or the only one; a `UserError` says that there is no such one."""
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
