"""What a run is to do is known, with all mistakes, before anything starts."""

import argparse
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.programs import NOWHERE, engine_at
from folders import short_folder

from dockerproxy.cli import main
from dockerproxy.cli.learned import REMARK
from dockerproxy.cli.plan import Plan, list_words, make_plan
from dockerproxy.policy.model import Mode
from dockerproxy.problems import UserError

POLICY = "sockets: {ci: {path: /x/ci.sock, permissions: '0666', owner: 7, limits: {rate: 9}, allow: [SystemInfo]}}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with an engine."""
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        yield folder


def options_of(*words: str) -> argparse.Namespace:
    options: argparse.Namespace = main.make_parser(["run"]).parse_args(["run", *words])
    return options


def plan(folder: Path, *words: str, **variables: str) -> Plan:
    return make_plan(options_of(*words), {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", **variables})


def complain(folder: Path, *words: str, **variables: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        plan(folder, *words, **variables)
    return [f"{problem.where}: {problem.what}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("--", "a", "--preset", "x"), ["a", "--preset", "x"]),
        (("a", "--", "b"), ["a", "--", "b"]),
        (("--", "--", "a"), ["--", "a"]),
        (("--quiet", "--", "a"), ["a"]),
        (("--",), []),
        ((), []),
    ],
)
def test_all_that_follows_the_dashes_is_the_command(words: tuple[str, ...], command: list[str]) -> None:
    assert list_words(options_of(*words).command) == command


def test_what_is_typed_is_allowed_and_a_ping(folder: Path) -> None:
    made = plan(folder, "--preset", "preset:autoheal", "--allow", "SystemInfo", "--", "a")
    (socket,) = made.settings_in("/run/p", "").sockets
    for name in ("SystemInfo", "SystemPingHead", "ContainerRestart"):
        assert socket.policy.allows(name)
    assert not socket.policy.allows("ContainerKill")
    assert (socket.path, stat.S_IMODE(socket.permissions), socket.uid) == ("/run/p/docker.sock", 0o600, None)


def test_a_socket_of_a_policy_file_is_served_on_the_private_path_for_its_owner_only(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY)
    made = plan(folder, "--policy", f"{folder}/policy.yaml", "--", "a")
    (socket,) = made.settings_in("/run/p", "").sockets
    assert (socket.name, socket.path, socket.permissions, socket.uid) == ("ci", "/run/p/docker.sock", 0o600, None)
    assert (socket.limits.rate, socket.policy.allows("SystemInfo"), socket.policy.allows("SystemPing")) == (
        9,
        True,
        False,
    )


def test_a_run_that_sweeps_owns_what_it_creates_whatever_else_has_its_policy(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY.replace("SystemInfo", "own"))
    policy = ("--policy", f"{folder}/policy.yaml")
    for words, owner, leaves in (
        (policy, "ci", False),
        ((*policy, "--sweep"), "p", False),
        (("--allow", "own"), "p", True),
        (("--allow", "own", "--sweep"), "p", False),
    ):
        made = plan(folder, *words, "--", "a")
        assert made.leaves == leaves
        (socket,) = made.settings_in("/run/p", "").sockets
        assert socket.policy.owner == made.owner_in("/run/p") == owner


def test_a_run_that_learns_has_the_owner_of_the_file_that_it_adds_to(folder: Path) -> None:
    """A file of an earlier version has no `own_as`: there, the name of its socket stays the owner."""
    file = folder / "learned.yaml"
    for text, owner in (
        ("", "p"),
        ("sockets: {run: {path: /x, allow: [own]}}", "run"),
        ("sockets: {run: {path: /x, own_as: mine, allow: [SystemInfo]}}", "mine"),
    ):
        file.unlink(missing_ok=True)
        if text:
            file.write_text(f"# {REMARK}\n{text}")
        made = plan(folder, "--learn", str(file), "--", "a")
        (socket,) = made.settings_in("/run/p", "").sockets
        assert socket.policy.policy.tenancy.owner == made.owner_in("/run/p") == owner


@pytest.mark.parametrize(
    ("directory", "own"), [("/run/p", "/run/p/docker.sock"), ("/tmp/*", ""), ("/tmp/a:b", ""), ("/tmp/../p", "")]
)
def test_a_container_that_mounts_the_engines_socket_gets_the_private_one(
    folder: Path, directory: str, own: str
) -> None:
    (folder / "policy.yaml").write_text(POLICY.replace("allow:", "own_socket: /far/ci.sock, allow:"))
    for words in (("--policy", f"{folder}/policy.yaml"), ("--preset", "ping"), ("--learn", "learned.yaml")):
        made = plan(folder, *words, "--", "a")
        (socket,) = made.settings_in(directory, "").sockets
        places = socket.policy.policy.places
        assert places.own_socket == own
        assert made.engine in places.sockets


def test_no_container_gets_a_private_socket_that_containers_can_replace(folder: Path) -> None:
    for bind, own in (
        ("/run", ""),
        ("/run/p", ""),
        ("/run:ro", "/run/p/docker.sock"),
        ("/srv", "/run/p/docker.sock"),
        ("/run/**", ""),
        ("/srv/**", "/run/p/docker.sock"),
    ):
        made = plan(folder, "--allow", f'ContainerCreate: {{binds: ["{bind}"]}}', "--", "a")
        assert made.settings_in("/run/p", "").sockets[0].policy.policy.places.own_socket == own


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        (("--preset", "ping"), Mode.ENFORCE),
        (("--preset", "ping", "--mode", "report"), Mode.REPORT),
        (("--learn", "learned.yaml"), Mode.LEARN),
    ],
)
def test_the_mode_is_what_is_asked_for(folder: Path, words: tuple[str, ...], mode: Mode) -> None:
    made = plan(folder, *words, "--", "a")
    assert made.settings_in("/p", "").sockets[0].policy.mode is made.mode is mode


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--preset", "ping"), ["dockerproxy run: missing command"]),
        (("--", "a"), ["dockerproxy run: missing grants for the program"]),
        (
            ("--learn", "x.yaml", "--preset", "ping", "--mode", "report", "--", "a"),
            [f"--{name}: conflicts with --learn, which denies nothing" for name in ("preset", "mode")],
        ),
        (("--allow", "SystemInfo", "--policy", "POLICY", "--", "a"), ["--allow: conflicts with --policy"]),
        (("--preset", "ping", "--socket", "x", "--", "a"), ["--socket: has no effect without --policy"]),
        (("--policy", "POLICY", "--socket", "x", "--", "a"), ["--socket: 'x' is not a socket of the policy"]),
        (("--policy", "LEARNING", "--", "a"), ["LEARNING: the mode of its socket is learn"]),
        (("--preset", "ping", "--mode", "learn", "--", "a"), ["--mode: invalid mode 'learn'"]),
        (("--preset", "ping", "--sweep", "--", "a"), ["--sweep: its clients own nothing that they create"]),
        (
            ("--allow", "own", "--mode", "report", "--sweep", "--", "a"),
            ["--sweep: in mode report, it also lists objects of others"],
        ),
        (("--learn", "/nonexistent/x.yaml", "--", "a"), ["/nonexistent: no such directory"]),
    ],
)
def test_a_mistake_is_said(folder: Path, words: tuple[str, ...], said: list[str]) -> None:
    files = {"POLICY": POLICY, "LEARNING": "sockets: {ci: {path: /x/ci.sock, mode: learn}}"}
    for name, text in files.items():
        (folder / name).write_text(text)
    placed = [f"{folder}/{word}" if word in files else word for word in words]
    assert [each.replace(f"{folder}/", "") for each in complain(folder, *placed)] == said


def test_a_mode_of_a_run_replaces_that_of_a_policy_file(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY.replace("allow:", "mode: report, allow:"))
    words = ("--policy", f"{folder}/policy.yaml")
    assert plan(folder, *words, "--", "a").mode is Mode.REPORT
    assert plan(folder, *words, "--mode", "enforce", "--", "a").mode is Mode.ENFORCE


def test_the_engine_is_the_first_one_that_can_be_used(folder: Path) -> None:
    engine, words = f"{folder}/engine.sock", ("--preset", "ping", "--", "a")
    assert plan(folder, "--host", f"unix://{engine}", *words, DOCKER_SOCKET_PATH=NOWHERE).engine == engine
    assert plan(folder, "--host", engine, *words, DOCKER_SOCKET_PATH=NOWHERE).engine == engine
    assert plan(folder, *words, DOCKER_SOCKET_PATH="", DOCKER_HOST=f"unix://{engine}").engine == engine
    (folder / "podman").mkdir()
    (folder / "docker.sock").touch()
    with engine_at(folder / "podman" / "podman.sock"):
        found = plan(folder, *words, DOCKER_SOCKET_PATH="", XDG_RUNTIME_DIR=str(folder)).engine
    assert found in {f"{folder}/podman/podman.sock", "/var/run/docker.sock"}


def test_an_engine_that_cannot_be_used_is_said(folder: Path) -> None:
    words = ("--preset", "ping", "--", "a")
    (said,) = complain(folder, *words, DOCKER_SOCKET_PATH=NOWHERE)
    assert said.startswith(f"engine: the engine's socket is not there: {NOWHERE}")
    (said,) = complain(folder, *words, DOCKER_SOCKET_PATH="", DOCKER_HOST="tcp://x:1")
    assert said.startswith("environment variable DOCKER_HOST: 'tcp://x:1' is not a unix socket")
    (said,) = complain(folder, "--host", "ssh://x", *words)
    assert said.startswith("--host: 'ssh://x' is not an absolute path")


def test_an_engine_that_a_policy_file_names_is_used_unless_another_is_named(folder: Path) -> None:
    (folder / "policy.yaml").write_text(f"engine: {folder}/engine.sock\n{POLICY}")
    words = ("--policy", f"{folder}/policy.yaml", "--", "a")
    assert plan(folder, *words, DOCKER_SOCKET_PATH=NOWHERE).engine == f"{folder}/engine.sock"
    assert complain(folder, "--host", NOWHERE, *words) != []
