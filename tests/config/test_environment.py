"""The environment becomes settings, or every mistake in it is said at once with what to do."""

import itertools
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.environment import KNOWN, Configured, read_environment
from dockerproxy.config.process import GRACE
from dockerproxy.config.switches import PART_SWITCHES, SWITCHES, WORDS
from dockerproxy.problems import Problem, UserError
from dockerproxy.process_settings import LogFormat, LogPolls
from dockerproxy.settings import DEFAULTS, Level, SocketSettings


def read(**variables: str) -> Configured:
    return read_environment(variables)


def problems_of(**variables: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        read(**variables)
    return [str(problem) for problem in caught.value.problems]


def socket_of(**variables: str) -> SocketSettings:
    (served,) = read(**variables).settings.sockets
    return served


def value_of(name: str, value: str, setting: str) -> Any:
    found: object = read(**{name: value}).settings
    for part in setting.split("."):
        found = getattr(found, part)[0] if part == "sockets" else getattr(found, part)
    return found


# Defaults


def test_without_any_variable_everything_has_its_default() -> None:
    configured = read()
    settings = configured.settings
    assert configured.switches == SWITCHES
    assert configured.warnings == ()
    assert settings.shutdown_grace == GRACE
    assert (settings.log_level, settings.log_format) == (Level.INFO, LogFormat.TEXT)
    served = socket_of()
    assert (served.name, served.path, served.permissions) == ("docker", "/proxied/docker.sock", 0o660)
    assert (served.uid, served.gid, served.limits) == (None, None, DEFAULTS)


@for_each("name", KNOWN)
def test_an_empty_value_counts_as_not_set(name: str) -> None:
    assert read(**{name: ""}).settings.engines == read().settings.engines
    assert read(**{name: ""}).switches == SWITCHES


def test_variables_of_other_programs_are_no_concern_of_ours() -> None:
    others = {"PATH": "/bin", "HOME": "/root", "LANG": "C", "PYTHONUNBUFFERED": "1", "DEBUG": "0", "TERM": "xterm"}
    assert read(**others).warnings == ()


@for_each("word", WORDS)
def test_a_switch_may_be_spelled_in_several_ways(word: str) -> None:
    for spelling in (word, word.upper(), word.title(), f" {word} "):
        switches = read(**dict.fromkeys(SWITCHES, spelling)).switches
        assert {switches[name] for name in SWITCHES} == {WORDS[word]}


def test_the_words_for_yes_and_no_are_these() -> None:
    assert {word for word, value in WORDS.items() if value} == {"1", "true", "yes", "on"}
    assert {word for word, value in WORDS.items() if not value} == {"0", "false", "no", "off"}


@for_each("value", ["2", "yess", "01", "-1", "enabled", "none", "1,0", "\u0661"])
def test_a_switch_that_is_neither_on_nor_off_is_a_mistake(value: str) -> None:
    assert problems_of(CONTAINERS=value) == [
        f"environment variable CONTAINERS: invalid value {value!r}\n    use 0 or 1"
    ]


# ALLOW and DENY


@pytest.mark.parametrize("separator", [",", ", ", " , ", ",,"])
def test_operations_are_listed_with_commas(separator: str) -> None:
    policy = socket_of(ALLOW=separator.join(("ContainerWait", "SystemInfo")), DENY="SystemPing,").policy
    assert {name for name in ("ContainerWait", "SystemInfo", "SystemPing", "ImageList") if policy.allows(name)} == {
        "ContainerWait",
        "SystemInfo",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ContainerStat", "unknown operation 'ContainerStat'\n    did you mean ContainerStats?"),
        ("containerstart", "unknown operation 'containerstart'\n    did you mean ContainerStart?"),
        ("xyzzy", "unknown operation 'xyzzy'\n    docs/operations.md lists them"),
        ("ProxyHealth", "unknown operation 'ProxyHealth'"),
        ("ContainerStart ContainerStop", "unknown operation 'ContainerStart ContainerStop'"),
    ],
)
def test_an_unknown_operation_is_a_mistake_with_the_near_miss(value: str, expected: str) -> None:
    for name in ("ALLOW", "DENY"):
        (problem,) = problems_of(**{name: value})
        assert problem.startswith(f"environment variable {name}: {expected}")


# Paths, modes, ids, numbers, words


@for_each("name", ["PROXIED_SOCKET_PATH", "DOCKER_SOCKET_PATH", "SOCKET_PATH"])
@for_each(
    ("path", "what"),
    [
        ("docker.sock", "'docker.sock' is not an absolute path"),
        ("unix:///docker.sock", "'unix:///docker.sock' is not an absolute path"),
        ("tcp://docker:2375", "'tcp://docker:2375' is not an absolute path"),
        ("/docker/", "'/docker/' is not a valid socket path"),
        ("/" + "x" * 107, "the socket path is longer than 107 bytes"),
        ("/" + "é" * 54, "the socket path is longer than 107 bytes"),
    ],
)
def test_a_path_that_no_socket_can_have_is_a_mistake(name: str, path: str, what: str) -> None:
    (problem,) = problems_of(**{name: path})
    assert problem.partition("\n")[0] == f"environment variable {name}: {what}"


def test_a_path_of_107_bytes_is_as_long_as_can_be() -> None:
    longest = "/" + "x" * 106
    assert socket_of(PROXIED_SOCKET_PATH=longest).path == longest
    assert read(DOCKER_SOCKET_PATH=longest).settings.engines == (longest,)


def test_a_path_may_have_bytes_that_are_no_text() -> None:
    odd = os.fsdecode(b"/run/\xff.sock")
    assert socket_of(PROXIED_SOCKET_PATH=odd).path == odd


@for_each(
    ("name", "setting", "good", "bad"),
    [
        (
            "PROXIED_SOCKET_MODE",
            "sockets.permissions",
            {"0660": 0o660, "660": 0o660, "0600": 0o600, "777": 0o777, "0666": 0o666},
            ["", "rw-rw----", "0o660", "66", "0668", "01777", "1777", "-660", "0x1b0", "432", "438", "0", "000"],
        ),
        (
            "PROXIED_SOCKET_UID",
            "sockets.uid",
            {"0": 0, "1000": 1000, "0065534": 65534, "4294967294": 2**32 - 2},
            ["", "-1", "root", "4294967295", "99999999999", "1.5", "0x1", "1_000", "\u0661"],
        ),
        ("PROXIED_SOCKET_GID", "sockets.gid", {"0": 0, "999": 999}, ["", "docker", "-1", "4294967295"]),
        (
            "MAX_CONNECTIONS",
            "sockets.limits.connections",
            {"1": 1, "4096": 4096, "1000000": 1_000_000},
            ["", "0", "-1", "1000001", "many", "1e3", "4096.0"],
        ),
        (
            "HEADER_TIMEOUT",
            "sockets.limits.header_timeout",
            {"10": 10, "0.5": 0.5, "999999": 999_999},
            ["", "0", "0.0", "-1", "1e3", "10s", ".5", "1000000", "inf", "nan"],
        ),
        ("TAKE_OVER", "takes_over", {"1": True, "0": False}, ["maybe"]),
        ("SHUTDOWN_GRACE", "shutdown_grace", {"1": 1, "0.1": 0.1}, ["", "0", "-1", "forever"]),
        (
            "LOG_LEVEL",
            "log_level",
            {**{level.value: level for level in Level}, "WARN": Level.WARNING, "error": Level.ERR},
            ["", "warns", "fatal", "4", "info "],
        ),
        ("LOG_FORMAT", "log_format", {"text": LogFormat.TEXT, "JSON": LogFormat.JSON}, ["", "xml", "json,text"]),
        ("LOG_POLLS", "log_polls", {"each": LogPolls.EACH, "collapse": LogPolls.COLLAPSE}, ["", "1", "no"]),
    ],
)
def test_a_value_is_read_as_what_it_is_or_is_a_mistake(
    name: str, setting: str, good: dict[str, object], bad: list[str]
) -> None:
    for value, expected in good.items():
        assert value_of(name, value, setting) == expected
    for value in filter(None, bad):
        (problem,) = problems_of(**{name: value})
        assert re.match(f"environment variable {name}: (invalid value )?{re.escape(repr(value))}", problem)


# Where the engine is


def test_the_engine_is_searched_in_the_usual_places_in_this_order() -> None:
    assert read(XDG_RUNTIME_DIR="/run/user/7").settings.engines == (
        "/docker/docker.sock",
        "/var/run/docker.sock",
        "/run/user/7/docker.sock",
        "/run/user/7/podman/podman.sock",
        "/run/podman/podman.sock",
    )
    assert f"/run/user/{os.geteuid()}/docker.sock" in read().settings.engines


@pytest.mark.parametrize(
    ("variables", "engine"),
    [
        ({"DOCKER_SOCKET_PATH": "/a"}, "/a"),
        ({"SOCKET_PATH": "/b"}, "/b"),
        ({"DOCKER_SOCKET_PATH": "/a", "SOCKET_PATH": "/a"}, "/a"),
        ({"DOCKER_HOST": "unix:///c"}, "/c"),
        ({"DOCKER_HOST": "unix:///c", "DOCKER_SOCKET_PATH": "/a"}, "/a"),
        ({"DOCKER_HOST": "tcp://docker:2375", "SOCKET_PATH": "/b"}, "/b"),
    ],
)
def test_an_engine_that_is_named_is_the_only_one(variables: dict[str, str], engine: str) -> None:
    assert read(**variables).settings.engines == (engine,)


def test_two_names_for_two_engines_contradict_each_other() -> None:
    assert problems_of(DOCKER_SOCKET_PATH="/a", SOCKET_PATH="/b") == [
        "environment variable SOCKET_PATH: conflicts with DOCKER_SOCKET_PATH\n    set only DOCKER_SOCKET_PATH"
    ]


@pytest.mark.parametrize(
    "host", ["tcp://docker:2375", "ssh://root@docker", "/var/run/docker.sock", "npipe:////./pipe/x"]
)
def test_an_engine_elsewhere_than_on_a_unix_socket_is_a_mistake(host: str) -> None:
    (problem,) = problems_of(DOCKER_HOST=host)
    assert problem.startswith(f"environment variable DOCKER_HOST: {host!r} is not a unix socket\n    only unix sockets")


def test_a_unix_host_without_an_absolute_path_is_a_mistake() -> None:
    (problem,) = problems_of(DOCKER_HOST="unix://docker.sock")
    assert problem.startswith("environment variable DOCKER_HOST: 'docker.sock' is not an absolute path")


def test_our_own_socket_is_never_taken_for_the_engines(tmp_path: Path) -> None:
    usual = read().settings.engines
    assert read(PROXIED_SOCKET_PATH=usual[1]).settings.engines == (usual[0], *usual[2:])
    (folder := tmp_path / "d").mkdir()  # A path of a socket has 107 bytes at most.
    (folder / "link").symlink_to(folder)
    for other in ("s", "link/s", "link/../d/s"):
        (problem,) = problems_of(PROXIED_SOCKET_PATH=f"{folder}/s", DOCKER_SOCKET_PATH=f"{folder}/{other}")
        assert f"variable PROXIED_SOCKET_PATH: '{folder}/s' is the socket of the engine\n" in problem


# Everything at once

MISTAKES = {
    "CONTAINERS": "yess",
    "ALLOW": "Nothing",
    "DENY": "Noone",
    "DOCKER_SOCKET_PATH": "relative/engine",
    "PROXIED_SOCKET_PATH": "relative/ours",
    "PROXIED_SOCKET_MODE": "rw",
    "PROXIED_SOCKET_UID": "me",
    "PROXIED_SOCKET_GID": "us",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "xml",
    "SHUTDOWN_GRACE": "never",
    "MAX_CONNECTIONS": "all",
    "HEADER_TIMEOUT": "soon",
    "LEARN_DIR": "here",
    "CONTAINED": "partly",
    "MAX_BODY": "1MB",
}


@given(st.sets(st.sampled_from(sorted(MISTAKES)), min_size=1))
def test_every_mistake_is_said_at_once_and_each_once(names: set[str]) -> None:
    found = problems_of(**{name: MISTAKES[name] for name in names})
    assert sorted(re.match(r"environment variable (\w+): ", problem)[1] for problem in found) == sorted(names)  # type: ignore[index] # each starts so


@for_each(("one", "other"), list(itertools.pairwise(MISTAKES)))
def test_warnings_are_said_together_with_mistakes(one: str, other: str) -> None:
    found = problems_of(**{one: MISTAKES[one], other: MISTAKES[other], "CONTAINER": "1"})
    assert len(found) == 3
    assert found[-1] == "environment variable CONTAINER: unknown setting\n    did you mean CONTAINERS?"


@given(st.dictionaries(st.sampled_from(KNOWN), st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_any_value_is_read_or_named_as_a_mistake_and_nothing_else_is_raised(environment: dict[str, str]) -> None:
    try:
        read_environment(environment)
    except UserError as error:
        said = str(error)
        event("a mistake")
    else:
        return
    assert any(said.startswith(f"environment variable {name}: ") for name in environment)


def test_a_policy_file_is_named_and_not_read_here() -> None:
    configured = read(POLICY_FILE="/nowhere", LEARN_DIR="/learned")
    assert (configured.policy_file, configured.warnings) == ("", ())
    assert configured.settings.learn_directory == "/learned"


# Warnings


def warnings_of(**variables: str) -> list[str]:
    return [str(warning) for warning in read(**variables).warnings]


@for_each(
    ("name", "meant"),
    [
        ("CONTAINER", "CONTAINERS"),
        ("SESSSION", "SESSION"),
        *((name, f"{name}S") for name in ("IMAGE", "NETWORK", "EVENT", "VOLUME")),
        ("ALLOW_RESTART", "ALLOW_RESTARTS"),
        ("ALLOW_STARTS", "ALLOW_START"),
        ("LIBPOD_CONTAINER", "LIBPOD_CONTAINERS"),
        ("LIBPOD_POD", "LIBPOD_PODS"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("POTS", "POST"),
        ("ALLOWSTART", "ALLOW_START"),
        ("POSTS", "POST"),
        ("SANDBX", "SANDBOX"),
        ("CON_TAINERS", "CONTAINERS"),
    ],
)
def test_a_variable_that_is_nearly_a_switch_is_a_warning(name: str, meant: str) -> None:
    expected = [f"environment variable {name}: unknown setting\n    did you mean {meant}?"]
    assert [warnings_of(**{name: value}) for value in ("1", "0", "true")] == [expected] * 3


@pytest.mark.parametrize("name", ["IS_SANDBOX", "IN_CONTAINER", "MY_VOLUMES", "CI_EVENTS", "RUN_POST"])
def test_a_variable_with_a_word_of_its_own_is_no_misspelt_one(name: str) -> None:
    assert [warnings_of(**{name: value}) for value in ("1", "0", "yes")] == [[]] * 3


@pytest.mark.parametrize("name", ["ALLOW_ANYTHING_AT_ALL", "LIBPOD_KUBERNETES"])
def test_a_variable_that_begins_like_a_switch_is_a_warning(name: str) -> None:
    (warning,) = warnings_of(**{name: "1"})
    assert warning.startswith(f"environment variable {name}: unknown setting")


@pytest.mark.parametrize(("name", "operations"), PART_SWITCHES.items())
def test_a_part_of_containers_without_containers_is_a_warning(name: str, operations: tuple[str, ...]) -> None:
    [warning] = warnings_of(**{name: "1"})
    assert warning.startswith(f"environment variable {name}: has no effect without CONTAINERS=1 or ")
    assert warning.endswith(f"\n    set CONTAINERS=1, or name what you need: ALLOW={operations[0]}")
    assert warnings_of(**{name: "0"}) == []
    assert not any(warnings_of(**{name: "1", each: "1"}) for each in re.findall(r"(?<= )[A-Z_]+(?==1\s)", warning))


@pytest.mark.parametrize("name", ["CONTAINER", "SESSSION"])
def test_a_word_that_is_no_switchs_value_is_no_warning(name: str) -> None:
    assert warnings_of(**{name: "abc123"}) == []


# Grants and their sources


@pytest.mark.parametrize(
    ("variables", "name", "source"),
    [
        ({"CONTAINERS": "1"}, "ContainerList", "CONTAINERS=1"),
        ({"CONTAINERS": "1", "POST": "1"}, "ContainerCreate", "CONTAINERS=1 POST=1"),
        ({"ALLOW_RESTARTS": "1"}, "ContainerKill", "ALLOW_RESTARTS=1"),
        ({"ALLOW": "ContainerKill", "CONTAINERS": "1"}, "ContainerKill", "ALLOW"),
        ({"LIBPOD_PODS": "1"}, "PodListLibpod", "LIBPOD_PODS=1"),
        ({}, "SystemPing", "PING=1"),
    ],
)
def test_a_permission_names_the_setting_that_gave_it(variables: dict[str, str], name: str, source: str) -> None:
    assert socket_of(**variables).policy.cases[name][0].decision.source == source


def test_every_operation_has_a_hint() -> None:
    policy = socket_of().policy
    assert all(policy.deny(name).message.count("; ") == 1 for name in OPERATIONS)


@for_each("mode", range(0o600, 0o1000))
def test_a_mode_that_yaml_read_as_octal_is_told_to_be_quoted(mode: int) -> None:
    (problem,) = problems_of(PROXIED_SOCKET_MODE=str(mode))
    assert problem.endswith(f'quote it, "0{mode:o}": YAML turns 0{mode:o} without quotes into {mode}')


def test_a_mistake_is_a_problem_with_where_what_and_hint() -> None:
    with pytest.raises(UserError) as caught:
        read(PROXIED_SOCKET_MODE="432")
    what = "'432' does not let the owner of the socket read and write"
    hint = 'quote it, "0660": YAML turns 0660 without quotes into 432'
    assert caught.value.problems == (Problem("environment variable PROXIED_SOCKET_MODE", what, hint),)
