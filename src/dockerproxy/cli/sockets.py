"""Describe a socket of the proxy: who may open it, and what prevents the proxy from creating it."""

import os
from typing import Final

from dockerproxy.config.environment import DEFAULT_SOCKET, Configured
from dockerproxy.host.listen import check_place
from dockerproxy.problems import Problem
from dockerproxy.settings import SocketSettings

_FIRST_STEPS: Final = """
    this is the path inside a container; elsewhere, set PROXIED_SOCKET_PATH to a path that your user can write to
    or try one of these:
      dockerproxy demo                           # with the engine of this machine, or without one
      dockerproxy serve --policy policy.yaml     # with a policy file, which names the sockets
      dockerproxy --help                         # all commands"""


def find_place_problems(configured: Configured) -> list[Problem]:
    """Return what prevents the sockets from being opened; if the path is the default, add first steps."""
    problems = [problem for socket in configured.settings.sockets for problem in check_place(socket)]
    if configured.policy_file:
        return problems
    return [
        problem._replace(hint=problem.hint + _FIRST_STEPS) if problem.where == DEFAULT_SOCKET else problem
        for problem in problems
    ]


def find_owner(socket: SocketSettings) -> tuple[int, int]:
    """Return the user and group of a socket's file; by default those of this process."""
    return os.geteuid() if socket.uid is None else socket.uid, os.getegid() if socket.gid is None else socket.gid


def may_open(socket: SocketSettings, uid: int, groups: frozenset[int]) -> bool:
    """Whether a user with these groups may connect: root, or with write permission on the file (unix(7))."""
    owner, group = find_owner(socket)
    bit = 0o200 if uid == owner else 0o020 if group in groups else 0o002
    return uid == 0 or bool(socket.permissions & bit)


def describe_file(socket: SocketSettings) -> str:
    """Return the mode and owner of a socket's file."""
    uid, gid = find_owner(socket)
    return f"{socket.permissions:04o}, uid {uid}, gid {gid}"
