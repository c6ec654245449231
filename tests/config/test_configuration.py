"""What is configured comes from a policy file or from switches, never from both, and every mistake is told at once."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.config.configuration import REPLACED, read_configuration
from dockerproxy.config.environment import KNOWN, OTHERS, Configured, read_environment
from dockerproxy.config.foreign import FOREIGN
from dockerproxy.config.switches import SWITCHES
from dockerproxy.problems import UserError
from dockerproxy.settings import Level

KEPT = frozenset(OTHERS) - REPLACED.keys()
POLICY = "sockets: {web: {path: /proxied/web.sock, allow: [ContainerList]}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def problems_of(file: object = None, **variables: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_configuration(variables, None if file is None else str(file))
    return [str(problem) for problem in caught.value.problems]


def read(file: Path, **variables: str) -> Configured:
    return read_configuration(variables, str(file))


def test_without_a_file_the_environment_says_everything() -> None:
    for environment in ({}, {"POLICY_FILE": ""}, {"CONTAINERS": "1", "DENY": "ContainerLogs"}):
        assert read_configuration(environment).policy_file == ""
        assert read_configuration(environment).switches == read_environment(environment).switches
        assert read_configuration(environment).settings.sockets[0].name == "docker"
    assert problems_of(CONTAINERS="maybe") == ["environment variable CONTAINERS: invalid value 'maybe'\n    use 0 or 1"]


def test_the_file_is_the_one_that_the_argument_or_the_variable_names(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(POLICY.replace("web", "other"))
    for configured, path in (
        (read_configuration({"POLICY_FILE": str(file)}), file),
        (read_configuration({}, str(file)), file),
        (read_configuration({"POLICY_FILE": str(file)}, str(other)), other),
        (read_configuration({"POLICY_FILE": "/nowhere"}, str(other)), other),
    ):
        assert configured.policy_file == str(path)
        assert [socket.name for socket in configured.settings.sockets] == ["web" if path is file else "other"]
        assert configured.switches == {}
        assert configured.warnings == ()


def test_limits_log_and_learning_still_come_from_the_environment(file: Path) -> None:
    settings = read(file, LOG_LEVEL="debug", MAX_CONNECTIONS="7", LEARN_DIR="/learned").settings
    assert (settings.log_level, settings.learn_directory) == (Level.DEBUG, "/learned")
    assert {socket.limits.connections for socket in settings.sockets} == {7}


def test_a_variable_is_replaced_by_the_file_or_kept_beside_it() -> None:
    assert REPLACED.keys() | KEPT == set(KNOWN)
    assert set(SWITCHES) <= REPLACED.keys()
    assert sorted(KEPT) == [
        *(
            "ASK_TIMEOUT",
            "BODY_TIMEOUT",
            "CONTROL_SOCKET",
            "DOCKER_SOCKET_PATH",
            "ENGINE_TIMEOUT",
            "HEADER_TIMEOUT",
            "LEARN_DIR",
            "LOG_FORMAT",
        ),
        *(
            "LOG_LEVEL",
            "LOG_POLLS",
            "MAX_BODY",
            "MAX_BUFFERED",
            "MAX_CONNECTIONS",
            "MAX_HEAD",
            "MAX_RATE",
            "MAX_REQUESTS",
        ),
        *(
            "MAX_STREAMS",
            "MAX_TUNNELS",
            "METRICS_FILE",
            "METRICS_SOCKET",
            "POLICY_FILE",
            "SANDBOX",
            "SHUTDOWN_GRACE",
            "SOCKET_PATH",
        ),
        "TAKE_OVER",
    ]


CONVERT = "; `dockerproxy check --print` prints a file with the same meaning"


@pytest.mark.parametrize("name", REPLACED)
def test_a_variable_that_says_what_is_allowed_is_a_mistake_beside_a_file_whatever_its_value(
    file: Path, name: str
) -> None:
    for value in ("0", "1", "nonsense"):
        (problem,) = problems_of(file, **{name: value})
        assert problem.startswith(
            f"environment variable {name}: conflicts with the policy file '{file}'\n    unset it; in the file, "
        )
    assert read(file, **{name: ""}).settings.sockets[0].name == "web"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CONTAINERS", "add containers:read to allow of a socket"),
        ("LIBPOD_PING", "add libpod/ping:read to allow of a socket"),
        ("POST", "add SECTION:write to allow of a socket, for each section"),
        ("ALLOW_RESTARTS", "add ContainerRestart, ContainerStop, ContainerKill to allow of a socket"),
        ("ALLOW_TOP", "add ContainerTop, ContainerTopLibpod, PodTopLibpod to allow or deny of a socket"),
        ("PROXIED_SOCKET_MODE", "set permissions of a socket"),
    ],
)
def test_what_to_write_into_the_file_instead_is_said(file: Path, name: str, hint: str) -> None:
    assert problems_of(file, **{name: "1"})[0].endswith(f"\n    unset it; in the file, {hint}{CONVERT}")


SWITCHES_OF_OTHERS = [name for name, row in FOREIGN.items() if row.is_switch]


@for_each("name", ["CONTAINER", "SESSSION", "ALLOW_RESTART", *SWITCHES_OF_OTHERS])
def test_a_variable_that_is_nearly_a_switch_is_not_told_to_become_one(file: Path, name: str) -> None:
    (warning,) = read(file, **{name: "1"}).warnings
    assert str(warning) == (
        f"environment variable {name}: unknown setting\n    change the policy file; with it, variables allow nothing"
    )


def test_what_is_said_of_a_setting_of_another_proxy_holds_beside_a_file(file: Path) -> None:
    assert [str(warning) for warning in read(file, SP_SOCKETPATH="/run/docker.sock").warnings] == [
        "environment variable SP_SOCKETPATH: unknown setting\n    write DOCKER_SOCKET_PATH"
    ]
    (warning,) = read(file, **{"SP_ALLOW_A B": "/info"}).warnings
    assert str(warning).startswith("environment variable SP_ALLOW_A B: unknown setting\n")


# The engine


def test_the_engine_is_where_the_file_says(file: Path) -> None:
    file.write_text("engine: /run/engine.sock\n" + POLICY)
    for variables in ({}, {"DOCKER_SOCKET_PATH": "/run/engine.sock"}, {"DOCKER_HOST": "tcp://elsewhere:2375"}):
        assert read(file, **variables).settings.engines == ("/run/engine.sock",)


@pytest.mark.parametrize("name", ["DOCKER_SOCKET_PATH", "SOCKET_PATH"])
def test_a_variable_that_names_another_engine_is_a_mistake(file: Path, name: str) -> None:
    file.write_text("engine: /run/engine.sock\n" + POLICY)
    assert problems_of(file, **{name: "/run/other.sock"}) == [
        f"environment variable {name}: conflicts with engine '/run/engine.sock' of {file}\n    set only one of them"
    ]


def test_without_an_engine_in_the_file_it_is_found_as_without_a_file(file: Path) -> None:
    assert read(file).settings.engines == read_environment({}).settings.engines
    assert read(file, DOCKER_SOCKET_PATH="/run/engine.sock").settings.engines == ("/run/engine.sock",)
    assert problems_of(file, DOCKER_HOST="tcp://x:1")[0].startswith("environment variable DOCKER_HOST: 'tcp://x:1'")


def test_no_socket_of_ours_is_taken_for_the_engines(file: Path) -> None:
    usual = read_environment({}).settings.engines
    paths = (usual[0], f"{os.path.dirname(usual[1])}/./docker.sock")
    lines = [f"  {name}: {{path: {path}, allow: []}}" for name, path in zip("ab", paths, strict=True)]
    file.write_text("\n".join(("sockets:", *lines)))
    assert read(file).settings.engines == usual[2:]
    assert problems_of(file, DOCKER_SOCKET_PATH=usual[0]) == [
        f"{file}:2:13: '{usual[0]}' is the socket of the engine\n    choose another path"
    ]


# Everything at once


def test_every_mistake_of_file_and_environment_is_told_at_once(file: Path) -> None:
    file.write_text("sockets: {web: {path: web.sock, allow: [ContainerLst]}}\n")
    said = problems_of(file, CONTAINERS="1", LOG_LEVEL="loud", LEARN_DIR="here", SESSSION="1")
    assert [problem.partition("\n")[0].removeprefix(f"{file}:") for problem in said] == [
        "1:23: 'web.sock' is not an absolute path",
        "1:41: unknown operation 'ContainerLst'",
        f"environment variable CONTAINERS: conflicts with the policy file '{file}'",
        "environment variable LOG_LEVEL: invalid value 'loud'",
        "environment variable LEARN_DIR: 'here' is not an absolute path",
        "environment variable SESSSION: unknown setting",
    ]


def test_a_file_that_cannot_be_read_is_told_with_the_rest(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "none", POST="1") == [
        f"{tmp_path}/none: file not found\n    check the path; in a container, mount the file",
        (
            f"environment variable POST: conflicts with the policy file '{tmp_path}/none'\n"
            "    unset it; in the file, add SECTION:write to allow of a socket, for each section"
            f"{CONVERT}"
        ),
    ]


@given(st.dictionaries(st.sampled_from(KNOWN), st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_any_environment_is_read_or_told_and_nothing_else_is_raised(environment: dict[str, str]) -> None:
    try:
        configured = read_configuration(environment, "/dev/null")
    except UserError as error:
        said = str(error)
    else:
        raise AssertionError(configured)
    assert "/dev/null: is not a regular file" in said


OWNERS = """
sockets:
  ci: {path: /x/ci.sock, allow: [own]}
  job: {path: /x/job.sock, own_as: OWNER, sweep: idle, allow: [own]}
  plain: {path: /x/plain.sock, own_as: ci, allow: [ContainerList]}
"""


@pytest.mark.parametrize(("owner", "warns"), [("ci", True), ("job", False), ("shared", False), ("plain", False)])
def test_sockets_that_may_share_what_they_own_by_accident_are_told(
    tmp_path: Path,
    owner: str,
    warns: bool,  # noqa: FBT001
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(OWNERS.replace("OWNER", owner))
    configured = read(path)
    told = f"{path}: sockets job and ci share their objects: own_as of one is the name of the other"
    assert [str(each).partition("\n")[0] for each in configured.warnings] == ([told] if warns else [])
    assert [socket.sweep for socket in configured.settings.sockets] == ["never", "idle", "never"]


def warnings_of(variables: dict[str, str]) -> list[str]:
    return [str(warning) for warning in read_configuration(variables, None).warnings]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("MAX_CONECTIONS", "7", "MAX_CONNECTIONS"),
        ("POLICY_FIEL", "/etc/policy.yaml", "POLICY_FILE"),
        ("PROXIED_SOCKET_PTH", "/run/a.sock", "PROXIED_SOCKET_PATH"),
        ("LOG_LEVL", "debug", "LOG_LEVEL"),
    ],
)
def test_a_variable_that_is_nearly_another_one_is_a_warning(name: str, value: str, meant: str) -> None:
    assert warnings_of({name: value}) == [f"environment variable {name}: unknown setting\n    did you mean {meant}?"]


@pytest.mark.parametrize("name", ["IMAGE", "CONTAINER", "SERVICE", "VOLUME", "DOCKER_CONFIG", "SOCKET"])
def test_a_variable_that_has_the_value_of_no_switch_is_no_misspelt_switch(name: str) -> None:
    assert warnings_of({name: "web"}) == []


NESTED = """
sockets:
  outer:
    path: /run/outer/docker.sock
    allow: [ContainerCreate: {binds: [/srv/ci]}]
  inner:
    path: /run/inner/docker.sock
    allow: [ServiceCreate: {binds: ["/srv/ci/cache:ro"]}]
"""
"""One client may write above what the other one may mount."""


def nested_in(file: Path, text: str) -> list[str]:
    file.write_text(text)
    return [f"{warning.what}; {warning.hint}" for warning in read(file).warnings]


def test_two_sockets_whose_clients_are_root_together_are_named(file: Path) -> None:
    [warning] = nested_in(file, NESTED)
    assert warning.startswith('socket inner: "/srv/ci/cache" lies below "/srv/ci", where clients of socket outer may')
    assert warning.endswith('clients of both together are root; write "/srv/ci:ro", use a volume, or move one of them')
    for apart in ("/srv/ci:ro", "/srv/ci/cache", "/srv/cia"):
        assert nested_in(file, NESTED.replace("[/srv/ci]", f'["{apart}"]')) == []


def test_a_socket_that_clients_of_another_can_replace_is_named(file: Path) -> None:
    for above in ("/run/inner", "/run", "/run/i*"):
        [warning] = nested_in(file, NESTED.replace("[/srv/ci]", f'["{above}"]'))
        assert warning.startswith(f'socket inner: "/run/inner/docker.sock" lies below "{above}", where clients of')
    own = NESTED.replace("binds: [/srv/ci]", "binds: [/far]").replace(
        "/run/inner/docker.sock", "/a, own_socket: /far/b"
    )
    own = own.replace("path: /a,", "path: /a\n   ")
    [warning] = nested_in(file, own)
    assert warning.startswith('socket inner: "/far/b" lies below "/far", where clients of socket outer may write')


def test_what_the_client_of_another_socket_can_replace_is_named(file: Path) -> None:
    """A client that calls a directory by a name of its own has it mounted, and may write there."""
    text = NESTED.replace("allow: [C", "paths: {/w: /srv/ci}\n    allow: [C")
    [warning] = nested_in(file, text.replace("[/srv/ci]", "[/w]"))
    assert warning.startswith('socket inner: "/srv/ci/cache" lies below "/w" (on the host "/srv/ci"), where clients of')
    [warning] = nested_in(file, text.replace("binds: [/srv/ci]", "binds: [/far]"))
    assert warning.startswith('socket inner: "/srv/ci/cache" lies below "/w" (on the host "/srv/ci"), where clients of')
    assert warning.endswith("; move one of them")
