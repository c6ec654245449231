"""Serving: what may surprise the operator is said before anyone can connect, and the end is a clean one."""

import signal

import pytest
from cli.programs import Running, engine_at, run, serving, short_folder

from dockerproxy.cli.ask import ask


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_and_its_socket_is_gone(number: signal.Signals) -> None:
    with short_folder() as folder, serving(folder) as proxy:
        proxy.signal(number)
        assert proxy.wait_end() == 0
        assert list(folder.iterdir()) == []
        assert proxy.printed.rstrip().endswith("notice stopped")


def test_what_the_policy_exposes_and_every_warning_is_said_before_it_listens() -> None:
    with short_folder() as folder, serving(folder, CONTAINERS="1", CONTAINER="1") as proxy:
        before, _, _ = proxy.printed.partition("listening on")
        for text in (
            "warning environment variable CONTAINER: not a setting",
            "warning     did you mean CONTAINERS?",
            "notice what this policy lets a client do, and you may not expect:",
            "reads any file of any container",
            "operations that read and 0 that change something are allowed",
        ):
            assert text in before


def test_serve_is_what_runs_without_a_verb() -> None:
    with short_folder() as folder, Running("serve", PROXIED_SOCKET_PATH=f"{folder}/docker.sock") as proxy:
        proxy.wait_for("listening on")
        assert (folder / "docker.sock").is_socket()


def test_it_logs_as_it_is_told_to() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, LOG_FORMAT="json") as proxy:
        ask(f"{folder}/docker.sock", "GET", "/_ping")
        proxy.wait_for(
            '"method":"GET","target":"/_ping","operation":"SystemPing","decision":"allowed","source":"PING=1"'
        )


def test_a_socket_that_cannot_be_opened_is_something_to_mend() -> None:
    done = run("serve", PROXIED_SOCKET_PATH="/nonexistent/docker.sock")
    assert done.status == 2
    assert done.err.startswith("/nonexistent/docker.sock: the directory /nonexistent does not exist\n")
    assert "listening" not in done.out


def test_a_second_proxy_does_not_steal_the_socket_of_the_first() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder):
        second = run("serve", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
        assert second.status == 2
        assert "somebody listens on this socket already" in second.err
        assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200
