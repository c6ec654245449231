"""What `check` says is what `serve` would do."""

import os

from cli.programs import NOWHERE, engine_at, run, serving, short_folder
from policy.policies import policy_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.cli.exposures import describe_exposures


def test_it_says_what_is_configured_and_what_that_allows() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        done = run(
            "check",
            PROXIED_SOCKET_PATH=f"{folder}/docker.sock",
            DOCKER_SOCKET_PATH=f"{folder}/engine.sock",
            CONTAINERS="1",
            PING="0",
            ALLOW="ContainerStart",
            PROXIED_SOCKET_MODE="0600",
            PROXIED_SOCKET_GID="999",
            MAX_CONNECTIONS="7",
            HEADER_TIMEOUT="2.5",
            SHUTDOWN_GRACE="3",
            LOG_LEVEL="err",
            LOG_FORMAT="json",
        )
        assert list(folder.iterdir()) == [folder / "engine.sock"]
        assert (done.status, done.err) == (0, "")
        settings, allowed, exposures = done.out.split("\n\n")
    assert settings.splitlines() == [
        f"engine    {folder}/engine.sock, which accepts connections",
        f"socket    {folder}/docker.sock, mode 0600, uid {os.geteuid()}, gid 999",
        "limits    7 connections, 2.5s for a request head, 3s to finish",
        "log       json from err on",
        "switches  CONTAINERS=1 PING=0",
    ]
    lines = allowed.splitlines()
    assert lines[0] == "allowed"
    assert [line.split()[0] for line in lines[1:]] == [
        "containers",
        "events",
        "version",
        "libpod/_ping",
        "libpod/version",
    ]
    policy = policy_of(CONTAINERS="1", PING="0", ALLOW="ContainerStart")
    section = [name for name, operation in OPERATIONS.items() if operation.section == "containers"]
    opened = [name for name in section if policy.allows(name)]
    assert lines[1].split(None, 4)[1:] == [str(len(opened)), "of", str(len(section)), ", ".join(opened)]
    assert exposures == describe_exposures(policy) + "\n"


def test_an_engine_that_is_not_there_is_said_and_is_no_error() -> None:
    with short_folder() as folder:
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
    assert done.status == 0
    assert done.out.startswith(f"engine    the engine's socket is not there: {NOWHERE}; is the engine running")
    assert "switches  all as by default\n" in done.out


def test_a_warning_is_said_last() -> None:
    with short_folder() as folder:
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock", CONTAINER="1")
    assert done.status == 0
    assert done.out.endswith("\nwarning: environment variable CONTAINER: not a setting\n    did you mean CONTAINERS?\n")


def test_what_would_keep_the_proxy_from_starting_is_an_error_with_the_warnings() -> None:
    with short_folder() as folder:
        (folder / "docker.sock").write_text("")
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock", CONTAINER="1")
        assert (done.status, done.out) == (2, "")
        assert done.err == (
            f"{folder}/docker.sock: is there and is not a socket\n    choose another PROXIED_SOCKET_PATH\n"
            "environment variable CONTAINER: not a setting\n    did you mean CONTAINERS?\n"
        )


def test_beside_the_running_proxy_it_says_that_the_socket_is_in_use_and_complains_of_nothing() -> None:
    with short_folder() as folder, serving(folder):
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
    assert (done.status, done.err) == (0, "")
    assert (
        f"socket    {folder}/docker.sock, mode 0660, uid {os.geteuid()}, gid {os.getegid()}, in use now\n" in done.out
    )
