"""Which policy and which socket is meant."""

import argparse
import time

import pytest
from cli.files import sockets_of

from dockerproxy.cli.arguments import (
    add_policy_argument,
    add_socket_argument,
    choose_socket,
    choose_sockets,
    find_policy_file,
    read_time_ago,
)
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


def test_without_a_name_all_sockets_are_meant() -> None:
    assert choose_sockets(SOCKETS, None) is SOCKETS
    assert choose_sockets(SOCKETS, SOCKETS[0].name) == (SOCKETS[0],)


def test_the_policy_file_is_that_of_the_option_or_of_the_environment() -> None:
    environment = {"POLICY_FILE": "b.yaml"}
    assert find_policy_file("a.yaml", environment) == "a.yaml"
    assert find_policy_file(None, environment) == "b.yaml"
    assert find_policy_file(None, {}) == ""


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("2w", 1_209_600)]
)
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    before = time.time()
    assert before <= read_time_ago("--since", text) + seconds <= time.time() + 1


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2y", "2h ", "\u0662h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"--older-than: .* is not a duration"):
        read_time_ago("--older-than", text)
