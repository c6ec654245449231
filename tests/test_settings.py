"""Settings: levels are ranked as syslog ranks them, and limits meet no honest client."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.settings import MAX_BODY, MAX_SOCKET_PATH, Level, Limits, SocketSettings


def test_levels_rise_from_debug_to_emergency() -> None:
    assert sorted(Level, key=lambda level: level.rank) == [
        *(Level.DEBUG, Level.INFO, Level.NOTICE, Level.WARNING),
        *(Level.ERR, Level.CRIT, Level.ALERT, Level.EMERG),
    ]
    assert len({level.rank for level in Level}) == len(Level)
    assert Level.DEBUG.rank == 0


def test_the_longest_path_of_a_socket_is_what_the_kernel_takes(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        with pytest.raises(OSError, match="too long"):
            listener.bind("/" + "x" * MAX_SOCKET_PATH)
        longest = str(tmp_path / "x").ljust(MAX_SOCKET_PATH, "x")
        listener.bind(longest)
        assert Path(longest).is_socket()


def test_no_limit_is_one_that_a_client_between_two_requests_meets_soon() -> None:
    limits = Limits()
    assert limits.idle_timeout >= 600 > limits.header_timeout


def test_what_makes_a_container_is_far_below_the_bound_of_a_body_that_is_held() -> None:
    assert 100 * 4096 < MAX_BODY <= 2**20


def test_only_a_mode_that_refuses_nothing_is_worth_a_remark() -> None:
    policy = Policy(grants=(), denials=(), hints=dict.fromkeys(OPERATIONS, ""))
    settings = SocketSettings(
        name="new", path="/x", permissions=0o660, uid=None, gid=None, policy=compile_policy(policy)
    )
    assert settings.remark == ""
    reports = replace(settings, policy=compile_policy(replace(policy, mode=Mode.REPORT)))
    assert reports.remark == "the mode of the socket new is report: it refuses nothing"
