"""A private directory of this user, for the duration of a program.

Attacks: docs/attacks.md, host/private.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import MAX_SOCKET_PATH

SOCKET: Final = "docker.sock"

_PREFIX: Final = "dockerproxy-"
_RANDOM: Final = 8
"""Random bytes of the name: enough hexadecimal digits for learning to recognise them as generated."""

_PLACES: Final = ("/tmp", "/var/tmp")  # noqa: S108 (the directory is private, with a random name)


@contextlib.contextmanager
def private_directory(environment: Mapping[str, str]) -> Iterator[str]:
    """Create a directory, and remove it with its content at the end. Raises `UserError` if there is no place for it."""
    directory = _make_directory(environment)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _make_directory(environment: Mapping[str, str]) -> str:
    name = f"{_PREFIX}{os.urandom(_RANDOM).hex()}"
    places = [place for place in map(environment.get, ("XDG_RUNTIME_DIR", "TMPDIR")) if place]
    problems = []
    for place in (*places, *_PLACES):
        directory = os.path.join(place, name)
        obstacle = _find_obstacle(place, os.path.join(directory, SOCKET))
        if not obstacle:
            try:
                os.mkdir(directory, 0o700)
            except OSError as error:
                obstacle = error.strerror or str(error)
            else:
                return directory
        problems.append(Problem(place, f"unusable for a private socket: {obstacle}"))
    raise UserError(*problems)


def _find_obstacle(place: str, socket: str) -> str:
    """Return why a private directory cannot be created here; empty if it can."""
    if not os.path.isabs(place):
        return "not an absolute path"
    if len(os.fsencode(socket)) > MAX_SOCKET_PATH:
        return f"the path of a socket there is longer than {MAX_SOCKET_PATH} bytes"
    try:
        status = os.stat(place)
    except OSError as error:
        return error.strerror or str(error)
    if status.st_uid not in {0, os.geteuid()}:
        return f"it belongs to uid {status.st_uid}"
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others_write and not status.st_mode & stat.S_ISVTX:
        return "other users may rename files in it"
    return ""
