"""What is remembered about heads, and what is not."""

import gc

from dockerproxy.config.environment import read_environment
from dockerproxy.policy.judge import Judged
from dockerproxy.proxy.served import Served


def served(**environment: str) -> Served:
    return Served(read_environment(environment).settings.sockets[0])


def head(number: int, *fields: str) -> bytes:
    return "\r\n".join([f"GET /_ping?n={number} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


def test_the_same_bytes_get_the_same_answer_without_being_judged_again() -> None:
    socket = served()
    first = socket.judge(head(1))
    assert isinstance(first, Judged)
    assert socket.judge(head(1)) is first


def test_credentials_are_not_kept() -> None:
    socket = served()
    for field in ("X-Registry-Auth: secret", "X-Registry-Config: secret", "Authorization: secret", "Cookie: secret"):
        assert socket.judge(head(1, field)) is not socket.judge(head(1, field))


def test_what_is_remembered_is_bounded() -> None:
    socket = served()
    for number in range(5000):
        socket.judge(head(number))
    socket.judge(head(0, "X: " + "y" * 100_000))
    gc.collect()
    assert sum(isinstance(kept, Judged) for kept in gc.get_objects()) < 2000
