"""Settings: levels are ranked as syslog ranks them, and limits meet no honest client."""

import socket
from pathlib import Path

import pytest

from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.settings import DEFAULTS, MAX_SOCKET_PATH, Level, SocketSettings


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


def test_a_crowd_of_honest_clients_meets_no_limit() -> None:
    assert DEFAULTS.head > 2 * 65536, "a filter of 40 kB and a credential of 20"
    assert 100 * 4096 < DEFAULTS.body <= 2**20, "what makes a container is 4 KiB"
    assert DEFAULTS.streams >= 1000, "logs and statistics of 500 containers"
    assert DEFAULTS.engine_timeout >= 600


def test_clients_that_are_busy_leave_places_to_others() -> None:
    assert DEFAULTS.requests + DEFAULTS.streams + DEFAULTS.tunnels < DEFAULTS.connections


def test_only_a_mode_that_refuses_nothing_is_worth_a_remark() -> None:
    policy = Policy(grants=(), denials=())
    settings = SocketSettings(
        name="new", path="/x", permissions=0o660, uid=None, gid=None, policy=compile_policy(policy)
    )
    assert settings.remark == ""
    reports = settings._replace(policy=compile_policy(policy._replace(mode=Mode.REPORT)))
    assert reports.remark == "the mode of the socket new is report: it denies nothing"
