"""What is said of a socket's file and mode is what the kernel and the proxy do."""

import os
import socket

from cli.files import sockets_of
from folders import short_folder
from rows import for_each

from dockerproxy.cli.sockets import describe_file, find_owner, may_open
from dockerproxy.settings import SocketSettings

SOCKET = sockets_of()["traefik"]


def served(mode: int, uid: int | None = 1000, gid: int | None = 999) -> SocketSettings:
    return SOCKET._replace(permissions=mode, uid=uid, gid=gid)


@for_each(
    ("mode", "uid", "groups", "expected"),
    [
        (0o660, 1000, (), True),
        (0o660, 1001, (999,), True),
        (0o660, 1001, (5, 999), True),
        (0o660, 1001, (5,), False),
        (0o660, 0, (), True),
        (0o666, 1001, (), True),
        (0o600, 1001, (999,), False),
        (0o440, 1000, (999,), False),
        (0o060, 1000, (999,), False),
        (0o606, 1001, (999,), False),
    ],
)
def test_the_first_bits_that_are_for_a_user_decide(
    mode: int, uid: int, groups: tuple[int, ...], *, expected: bool
) -> None:
    assert may_open(served(mode), uid, frozenset(groups)) is expected


@for_each("mode", [0o200, 0o020, 0o002, 0o660, 0o440, 0o777])
@for_each(("uid", "gid"), [(1000, 4), (3, 999), (3, 4)])
def test_the_kernel_agrees(mode: int, uid: int, gid: int) -> None:
    is_root = not os.geteuid()
    if not is_root:  # Only root can become others, and be asked about them.
        uid, gid = os.geteuid(), os.getegid()
    owner, group = (1000, 999) if is_root else (uid, gid)
    with short_folder() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        folder.chmod(0o755)
        path = f"{folder}/x.sock"
        listener.bind(path)
        listener.listen()
        os.chmod(path, mode)
        os.chown(path, owner, group)
        child = os.fork()
        if not child:
            if is_root:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                os._exit(bool(client.connect_ex(path)))
        refused = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert may_open(served(mode, owner, group), uid, frozenset({gid})) is not bool(refused)


def test_who_is_not_named_is_ourselves() -> None:
    assert find_owner(served(0o660)) == (1000, 999)
    assert find_owner(served(0o660, None, None)) == (os.geteuid(), os.getegid())
    assert describe_file(served(0o60)) == "0060, uid 1000, gid 999"
