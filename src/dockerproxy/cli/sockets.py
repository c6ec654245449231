"""A socket of ours in words: who may open it."""

import os

from dockerproxy.settings import SocketSettings


def find_owner(socket: SocketSettings) -> tuple[int, int]:
    """Return user and group of a socket's file: ours, where it says nothing else."""
    return os.geteuid() if socket.uid is None else socket.uid, os.getegid() if socket.gid is None else socket.gid


def may_open(socket: SocketSettings, uid: int, groups: frozenset[int]) -> bool:
    """Whether a user in some groups may connect: who may write to a socket's file may (unix(7)), and root always."""
    owner, group = find_owner(socket)
    bit = 0o200 if uid == owner else 0o020 if group in groups else 0o002
    return uid == 0 or bool(socket.permissions & bit)


def describe_file(socket: SocketSettings) -> str:
    """Say who may open a socket."""
    uid, gid = find_owner(socket)
    return f"{socket.permissions:04o}, uid {uid}, gid {gid}"
