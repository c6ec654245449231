"""The environment, turned into settings: every mistake at once, each with where, what and what to do."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.switches import (
    ACTION_SWITCHES,
    CONDITIONS,
    FOREIGN,
    PART_SWITCHES,
    SECTION_SWITCHES,
    SWITCHES,
    WORDS,
    remedy,
)
from dockerproxy.errors import Problem, UserError
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Denial, Grant, Policy
from dockerproxy.settings import MAX_SOCKET_PATH, Level, Limits, LogFormat, Settings, SocketSettings

OTHERS: Final = (
    "ALLOW",
    "DENY",
    "DOCKER_SOCKET_PATH",
    "SOCKET_PATH",
    "PROXIED_SOCKET_PATH",
    "PROXIED_SOCKET_MODE",
    "PROXIED_SOCKET_UID",
    "PROXIED_SOCKET_GID",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "SHUTDOWN_GRACE",
    "MAX_CONNECTIONS",
    "HEADER_TIMEOUT",
)
"""Variables that are no switches."""

KNOWN: Final = (*SWITCHES, *OTHERS)

_DEFAULT_SOCKET: Final = "/proxied/docker.sock"
_MAX_ID: Final = 2**32 - 2

_Word = TypeVar("_Word", Level, LogFormat)


@dataclass(frozen=True, slots=True)
class Configured:
    """What the environment says.

    Attributes:
        settings: For the server.
        switches: Every switch with its value.
        warnings: Variables that are set and do nothing.
    """

    settings: Settings
    switches: Mapping[str, bool]
    warnings: tuple[Problem, ...]


def read_environment(environment: Mapping[str, str]) -> Configured:
    """Read the environment.

    Raises:
        UserError: With every problem, those that are only warnings too.
    """
    # An empty value counts as not set: compose passes `POST=` for a variable that its own environment lacks.
    reader = _Reader({name: value for name, value in environment.items() if value})
    switches = {name: reader.switch(name, default=default) for name, default in SWITCHES.items()}
    policy = _read_policy(reader, switches)
    path = reader.path("PROXIED_SOCKET_PATH", _DEFAULT_SOCKET)
    settings = Settings(
        engines=_read_engines(reader, path),
        sockets=(
            SocketSettings(
                name="docker",
                path=path,
                mode=reader.mode("PROXIED_SOCKET_MODE", 0o660),
                uid=reader.whole("PROXIED_SOCKET_UID", 0, _MAX_ID),
                gid=reader.whole("PROXIED_SOCKET_GID", 0, _MAX_ID),
                policy=compile_policy(policy),
            ),
        ),
        limits=_read_limits(reader),
        log_level=reader.word("LOG_LEVEL", Level.INFO),
        log_format=reader.word("LOG_FORMAT", LogFormat.TEXT),
    )
    warnings = tuple(_find_strangers(reader.environment, switches))
    if reader.problems:
        raise UserError(*reader.problems, *warnings)
    return Configured(settings, switches, warnings)


def _read_policy(reader: "_Reader", switches: dict[str, bool]) -> Policy:
    """Turn switches, ALLOW and DENY into grants and denials, each with its source."""
    allowed, denied = reader.operations("ALLOW"), reader.operations("DENY")
    taken_out = {name for switch, names in PART_SWITCHES.items() if not switches[switch] for name in names}
    grants = [Grant(frozenset({name}), "ALLOW") for name in sorted(allowed)]
    grants += [Grant(frozenset(names), f"{switch}=1") for switch, names in ACTION_SWITCHES.items() if switches[switch]]
    for switch, section in SECTION_SWITCHES.items():
        if not switches[switch]:
            continue
        opened = {name: operation for name, operation in OPERATIONS.items() if operation.section == section}
        opened = {name: operation for name, operation in opened.items() if name not in taken_out}
        reachable = {name for name, operation in opened.items() if operation.access == "read" or switches["POST"]}
        for name in sorted(reachable & CONDITIONS.keys()):
            condition, besides = CONDITIONS[name]
            if not (besides and switches[besides]):
                reachable.remove(name)
                grants.append(Grant(frozenset({name}), _source(switch, name), condition))
        for access in ("read", "write"):
            names = {name for name in reachable if OPERATIONS[name].access == access}
            if names:
                grants.append(Grant(frozenset(names), _source(switch, next(iter(names)))))
    return Policy(
        grants=tuple(grants),
        denials=(Denial(denied, "DENY"),) if denied else (),
        hints={name: remedy(name, switches, denied) for name in OPERATIONS},
    )


def _source(switch: str, name: str) -> str:
    return f"{switch}=1 POST=1" if OPERATIONS[name].access == "write" else f"{switch}=1"


def _read_engines(reader: "_Reader", ours: str) -> tuple[str, ...]:
    """Where the engine may be: what is said, or else the places where one usually is; never our own socket."""
    ours = os.path.realpath(ours)
    paths = _find_engines(reader)
    others = tuple(path for path in paths if os.path.realpath(path) != ours)
    if not others:
        reader.problem("PROXIED_SOCKET_PATH", f"{ours!r} is where the engine is", "they must be two sockets")
    return others or paths


def _find_engines(reader: "_Reader") -> tuple[str, ...]:
    named = [name for name in ("DOCKER_SOCKET_PATH", "SOCKET_PATH") if name in reader.environment]
    if named:
        paths = [reader.path(name, "") for name in named]
        if len(set(paths)) > 1:
            reader.problem("SOCKET_PATH", "contradicts DOCKER_SOCKET_PATH", "set only DOCKER_SOCKET_PATH")
        return (paths[0],)
    host = reader.environment.get("DOCKER_HOST", "")
    if host.startswith("unix://"):
        return (reader.check_path("DOCKER_HOST", host.removeprefix("unix://")),)
    if host:
        hint = "only unix sockets are spoken here: DOCKER_HOST=unix:///path, or DOCKER_SOCKET_PATH=/path"
        reader.problem("DOCKER_HOST", f"{host!r} is not a unix socket", hint)
    runtime = reader.environment.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    return (
        "/docker/docker.sock",
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        f"{runtime}/podman/podman.sock",
        "/run/podman/podman.sock",
    )


def _read_limits(reader: "_Reader") -> Limits:
    default = Limits()
    return Limits(
        connections=reader.whole("MAX_CONNECTIONS", 1, 1_000_000) or default.connections,
        header_timeout=reader.seconds("HEADER_TIMEOUT", default.header_timeout),
        shutdown_grace=reader.seconds("SHUTDOWN_GRACE", default.shutdown_grace),
    )


def _find_strangers(environment: Mapping[str, str], switches: Mapping[str, bool]) -> list[Problem]:
    """Find variables that someone may believe to be switches."""
    found = []
    for name, value in environment.items():
        where = f"environment variable {name}"
        if name in KNOWN:
            if name in PART_SWITCHES and switches[name] and not switches["CONTAINERS"]:
                hint = f"set CONTAINERS=1, or name what you need: ALLOW={PART_SWITCHES[name][0]}"
                found.append(Problem(where, "has no effect without CONTAINERS=1", hint))
        elif name in FOREIGN:
            found.append(Problem(where, "not a setting", FOREIGN[name]))
        elif value.lower() in WORDS:
            near = difflib.get_close_matches(name, KNOWN, 1, 0.8)
            if near or name.startswith(("ALLOW_", "LIBPOD_")):
                found.append(Problem(where, "not a setting", f"did you mean {near[0]}?" if near else ""))
    return found


@dataclass(slots=True)
class _Reader:
    """Reads single variables and gathers what is wrong with them."""

    environment: Mapping[str, str]
    problems: list[Problem]

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems = []

    def problem(self, name: str, what: str, hint: str = "") -> None:
        self.problems.append(Problem(f"environment variable {name}", what, hint))

    def switch(self, name: str, *, default: bool) -> bool:
        value = self.environment.get(name)
        if value is None:
            return default
        if value.strip().lower() not in WORDS:
            self.problem(name, f"{value!r} is neither 0 nor 1")
        return WORDS.get(value.strip().lower(), default)

    def operations(self, name: str) -> frozenset[str]:
        names = [word.strip() for word in self.environment.get(name, "").split(",") if word.strip()]
        for unknown in (word for word in names if word not in OPERATIONS):
            spellings = {operation.casefold(): operation for operation in OPERATIONS}
            near = difflib.get_close_matches(unknown.casefold(), spellings, 1)
            hint = f"did you mean {spellings[near[0]]}?" if near else "`dockerproxy operations` lists them"
            self.problem(name, f"{unknown!r} is not an operation", hint)
        return frozenset(names) & OPERATIONS.keys()

    def path(self, name: str, default: str) -> str:
        return self.check_path(name, self.environment.get(name, default))

    def check_path(self, name: str, path: str) -> str:
        if not path.startswith("/"):
            self.problem(name, f"{path!r} is not an absolute path", "it is the path of a unix socket, without unix://")
        elif len(os.fsencode(path)) > MAX_SOCKET_PATH:
            self.problem(name, f"longer than {MAX_SOCKET_PATH} bytes, the most a unix socket's path may have")
        elif "\0" in path or path.endswith("/"):
            self.problem(name, f"{path!r} cannot be the path of a socket")
        return path

    def mode(self, name: str, default: int) -> int:
        value = self.environment.get(name)
        if value is None:
            return default
        if re.fullmatch(r"0?[0-7]{3}", value) is None:
            self.problem(name, f"{value!r} is not a file mode", "three octal digits, like 0660")
            return default
        return int(value, 8)

    def whole(self, name: str, least: int, most: int) -> int | None:
        value = self.environment.get(name)
        if value is None:
            return None
        if re.fullmatch(r"[0-9]{1,10}", value) is None or not least <= int(value) <= most:
            self.problem(name, f"{value!r} is not a whole number from {least} to {most}")
            return None
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        value = self.environment.get(name)
        if value is None:
            return default
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", value) is None or not float(value):
            self.problem(name, f"{value!r} is not a number of seconds above 0")
            return default
        return float(value)

    def word(self, name: str, default: _Word) -> _Word:
        value = self.environment.get(name, default.value)
        words = {word.value: word for word in type(default)}
        if value.lower() not in words:
            self.problem(name, f"{value!r} is none of {', '.join(words)}")
        return words.get(value.lower(), default)
