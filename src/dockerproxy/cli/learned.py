"""The policy file of `run --learn`, which is written when the program ends and extended by the next run.

Attacks: docs/attacks.md, cli/learned.
"""

import os
from typing import Final

from dockerproxy.config.document import read_file
from dockerproxy.config.environment import DEFAULT_SOCKET
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.values import DEFAULT_PERMISSIONS
from dockerproxy.host.files import check_directory, write_atomically
from dockerproxy.observe.journal import Learner
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings

REMARK: Final = "For `dockerproxy run --policy`, which uses a private socket. For `dockerproxy serve`, choose the path."

_LINE: Final = f"# {REMARK}"
_HEAD: Final = 10
"""Lines at the top of the file in which the remark is searched."""


def make_learner(settings: SocketSettings) -> Learner:
    """Make a learner whose policy omits the path of the private socket, because each run has another one."""
    from dockerproxy.workbench import learning  # noqa: PLC0415 (few runs learn)

    return learning.Learner(settings._replace(path=DEFAULT_SOCKET, permissions=DEFAULT_PERMISSIONS), REMARK)


def find_obstacles(path: str) -> tuple[Problem, ...]:
    """Report what prevents a learned policy from being written to a file, or from being extended."""
    problems = check_directory(os.path.dirname(os.path.abspath(path)))
    if problems or not os.path.lexists(path):
        return problems
    try:
        text = read_file(path)
        if _LINE in text.split("\n")[:_HEAD]:
            count = len(read_policy(text, path).sockets)
            return () if count == 1 else (Problem(path, f"has {count} sockets, but learning extends only one"),)
    except UserError as error:
        return error.problems
    hint = "choose another file, or move this one"
    return (Problem(path, "was not written by `dockerproxy run --learn`, so it is not overwritten", hint),)


def read_former(path: str) -> str:
    """Return the policy that an earlier run learned; empty if there is none."""
    return read_file(path) if os.path.lexists(path) else ""


def read_owner(path: str) -> str:
    """Return the owner of the policy that an earlier run learned; empty if there is none."""
    former = read_former(path)
    return read_policy(former, path).sockets[0].policy.policy.tenancy.owner if former else ""


def write_learned(path: str, text: str) -> tuple[Problem, ...]:
    """Write a policy; return why it cannot be written."""
    problems = find_obstacles(path)
    if problems:
        return problems
    try:
        write_atomically(os.path.abspath(path), text)
    except OSError as error:
        return (Problem(path, f"cannot be written: {error.strerror or error}"),)
    return ()
