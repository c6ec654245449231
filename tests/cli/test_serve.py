"""Serving: what may surprise the operator is said before anyone can connect, and the end is a clean one."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from cli.programs import Running, ask, engine_at, run, serving
from folders import short_folder

HEALTH_REMARK = "; the mode of the socket new is report: it denies nothing"


def read_grants(file: Path) -> list[str]:
    """Return what the one socket of a policy file is allowed."""
    (socket,) = yaml.safe_load(file.read_text())["sockets"].values()
    allow: list[str] = socket["allow"]
    return allow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_and_its_socket_is_gone(number: signal.Signals) -> None:
    with short_folder() as folder, serving(folder) as proxy:
        proxy.signal(number)
        assert proxy.wait_end() == 0
        assert list(folder.iterdir()) == []
        assert proxy.printed.rstrip().endswith("notice stopped")


def test_every_warning_and_what_says_what_it_exposes_is_logged_before_it_listens() -> None:
    with short_folder() as folder, serving(folder, CONTAINERS="1", CONTAINER="1") as proxy:
        before, _, _ = proxy.printed.partition("listening on")
        for text in (
            "warning environment variable CONTAINER: unknown setting",
            "warning     did you mean CONTAINERS?",
            "notice `dockerproxy check` says what it exposes",
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
            '"method":"GET","target":"/_ping","operation":"SystemPing","object":"","decision":"allowed","source":"PING=1"'
        )


def test_a_socket_that_cannot_be_opened_is_something_to_mend() -> None:
    done = run("serve", PROXIED_SOCKET_PATH="/nonexistent/docker.sock")
    assert done.status == 2
    assert done.err.startswith('/nonexistent/docker.sock: directory "/nonexistent" does not exist\n')
    assert "listening" not in done.out


def test_a_second_proxy_does_not_steal_the_socket_of_the_first() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder):
        second = run("serve", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
        assert second.status == 2
        assert "another process listens on this socket" in second.err
        assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200


LEARNING = """
sockets:
  new:
    path: {folder}/new.sock
    mode: {mode}
    allow: []
"""


@contextmanager
def serving_mode(mode: str, *words: str, **variables: str) -> Iterator[tuple[Path, Running]]:
    """Serve a socket that denies nothing, and have an engine behind it."""
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        (folder / "policy.yaml").write_text(LEARNING.format(folder=folder, mode=mode))
        (folder / "learned").mkdir()
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "LEARN_DIR": f"{folder}/learned", **variables}
        with Running("serve", "--policy", f"{folder}/policy.yaml", *words, **places) as proxy:
            proxy.wait_for("listening on")
            yield folder, proxy


def test_a_socket_that_reports_says_so_lets_everything_pass_and_counts_it() -> None:
    with serving_mode("report") as (folder, proxy):
        assert "warning the mode of the socket new is report: it denies nothing" in proxy.printed
        assert ask(f"{folder}/new.sock", "GET", "/info")[0] == 200
        assert ask(f"{folder}/new.sock", "GET", "/no/such/thing")[0] == 200
        assert HEALTH_REMARK in ask(f"{folder}/new.sock", "GET", "/_dockerproxy/health")[1]
        proxy.wait_for("GET /info SystemInfo reported 200")
        proxy.signal(signal.SIGUSR1)
        proxy.wait_for("warning socket new: would have been refused: SystemInfo 1, unknown 1")


def test_what_a_socket_learned_is_written_when_asked_and_at_the_end() -> None:
    with serving_mode("learn") as (folder, proxy):
        file = folder / "learned/new.learned.yaml"
        ask(f"{folder}/new.sock", "GET", "/info")
        proxy.signal(signal.SIGUSR1)
        proxy.wait_for("wrote ")
        assert read_grants(file) == ["SystemInfo"]
        ask(f"{folder}/new.sock", "GET", "/version")
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_end() == 0
        assert sorted(read_grants(file)) == ["SystemInfo", "SystemVersion"]


def test_a_socket_begins_to_learn_by_a_reload_though_what_learns_is_loaded_only_then() -> None:
    with serving_mode("enforce") as (folder, proxy):
        assert ask(f"{folder}/new.sock", "GET", "/info")[0] == 403
        (folder / "policy.yaml").write_text(LEARNING.format(folder=folder, mode="learn"))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("configuration reloaded")
        assert ask(f"{folder}/new.sock", "GET", "/info")[0] == 200
        proxy.signal(signal.SIGUSR1)
        proxy.wait_for("wrote ")
        assert read_grants(folder / "learned/new.learned.yaml") == ["SystemInfo"]


def test_what_was_learned_before_a_restart_is_not_lost() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        for target in ("/info", "/version"):
            with serving(folder, "--learn", os.path.relpath(folder)) as proxy:
                ask(f"{folder}/docker.sock", "GET", target)
                proxy.signal(signal.SIGTERM)
                assert proxy.wait_end() == 0
        assert sorted(read_grants(folder / "docker.learned.yaml")) == ["SystemInfo", "SystemVersion"]


def test_a_flag_makes_every_socket_learn() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, "--learn", str(folder)) as proxy:
        assert "warning the mode of the socket docker is learn: it denies nothing" in proxy.printed
        assert ask(f"{folder}/docker.sock", "POST", "/containers/prune")[0] == 200


def test_without_a_place_to_write_to_nothing_learns() -> None:
    with short_folder() as folder:
        (folder / "policy.yaml").write_text(LEARNING.format(folder=folder, mode="learn"))
        done = run("serve", "--policy", f"{folder}/policy.yaml")
        assert done.status == 2
        assert "LEARN_DIR" in done.err
        done = run("serve", "--policy", f"{folder}/policy.yaml", LEARN_DIR="/nonexistent")
        assert (done.status, "/nonexistent: no such directory" in done.err) == (2, True)


def test_a_directory_to_write_to_alone_makes_nothing_learn() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, LEARN_DIR=str(folder)) as proxy:
        assert ask(f"{folder}/docker.sock", "GET", "/info")[0] == 403
        assert "denies nothing" not in proxy.printed


def test_a_pipe_in_place_of_the_policy_file_holds_up_neither_a_reload_nor_the_end() -> None:
    with short_folder() as folder:
        policy = folder / "policy.yaml"
        policy.write_text(f"sockets: {{web: {{path: {folder}/web.sock, allow: []}}}}")
        with Running("serve", "--policy", str(policy)) as proxy:
            proxy.wait_for("listening on")
            policy.unlink()
            os.mkfifo(policy)
            proxy.signal(signal.SIGHUP)
            proxy.wait_for("is not a regular file")
            proxy.signal(signal.SIGTERM)
            assert proxy.wait_end() == 0
