"""Which policy and which socket is meant."""

import argparse

import pytest
from cli.files import sockets_of

from dockerproxy.cli.arguments import add_policy_argument, add_socket_argument, choose_socket
from dockerproxy.problems import UserError

SOCKETS = list(sockets_of().values())


def test_both_may_be_left_out() -> None:
    parser = argparse.ArgumentParser()
    add_policy_argument(parser)
    add_socket_argument(parser)
    assert vars(parser.parse_args([])) == {"policy": None, "socket": None}
    assert vars(parser.parse_args(["--policy", "a.yaml", "--socket", "b"])) == {"policy": "a.yaml", "socket": "b"}


def test_one_socket_is_the_one_that_is_meant() -> None:
    assert choose_socket(SOCKETS[:1], None) is SOCKETS[0]


def test_a_socket_is_found_by_its_name() -> None:
    assert [choose_socket(SOCKETS, socket.name) for socket in SOCKETS] == SOCKETS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, "--socket: the policy has several sockets\n    choose one: traefik, backup or new-thing"),
        ("bakcup", "--socket: 'bakcup' is not a socket of the policy\n    did you mean backup?"),
        ("x", "--socket: 'x' is not a socket of the policy\n    it has traefik, backup and new-thing"),
    ],
)
def test_what_names_none_is_something_to_mend(name: str | None, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        choose_socket(SOCKETS, name)
    assert str(raised.value) == expected
