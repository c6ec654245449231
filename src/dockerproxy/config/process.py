"""Read the variables of the whole process: engine, limits, log, learning.

Attacks: docs/attacks.md, config/process.
"""

import os
from collections.abc import Mapping
from typing import Final

from dockerproxy.config.values import LIMITS, read_directory, read_metrics_file, read_path, read_seconds, with_limits
from dockerproxy.config.variables import Variables
from dockerproxy.problems import Problem
from dockerproxy.process_settings import LogFormat, LogPolls, Sandbox, Settings
from dockerproxy.settings import DEFAULTS, Level, Limits, SocketSettings

ENGINE_VARIABLES: Final = ("DOCKER_SOCKET_PATH", "SOCKET_PATH")
"""Variables that only name the engine's socket."""

_METRICS_SOCKET: Final = "METRICS_SOCKET"
_CONTROL_SOCKET: Final = "CONTROL_SOCKET"

_ASK_TIMEOUT: Final = 60.0
"""Default seconds for a person's answer."""

_LEVELS: Final = {"warn": Level.WARNING, "error": Level.ERR}
"""Further names of log levels, as in wollomatic's proxy and most programs."""

GRACE: Final = 10.0
"""Default seconds for exchanges to finish."""


def make_settings(variables: Variables, engines: tuple[str, ...], sockets: tuple[SocketSettings, ...]) -> Settings:
    """Combine sockets with the settings that they share."""
    return Settings(
        engines=engines,
        sockets=sockets,
        shutdown_grace=variables.value("SHUTDOWN_GRACE", GRACE, read_seconds),
        log_level=variables.word("LOG_LEVEL", Level.INFO, _LEVELS),
        log_format=variables.word("LOG_FORMAT", LogFormat.TEXT),
        log_polls=variables.word("LOG_POLLS", LogPolls.EACH),
        learn_directory=variables.value("LEARN_DIR", "", read_directory),
        metrics_socket=variables.value(_METRICS_SOCKET, "", read_path),
        metrics_file=variables.value("METRICS_FILE", "", read_metrics_file),
        control_socket=_read_control_socket(variables, sockets),
        ask_timeout=variables.value("ASK_TIMEOUT", _ASK_TIMEOUT, read_seconds),
        sandbox=variables.word("SANDBOX", Sandbox.BEST_EFFORT),
        takes_over=variables.switch("TAKE_OVER", default=False),
    )


def _read_control_socket(variables: Variables, sockets: tuple[SocketSettings, ...]) -> str:
    """Read the path of the control socket."""
    path = variables.value(_CONTROL_SOCKET, "", read_path)
    folder = os.path.realpath(os.path.dirname(path))
    for socket in sockets if path else ():
        theirs = os.path.realpath(os.path.dirname(socket.path))
        if os.path.commonpath((theirs, folder)) == theirs:
            what = f"{path!r} is in the directory of the socket {socket.name}, which its clients may mount"
            variables.problem(_CONTROL_SOCKET, what, "choose a directory that no client reaches")
            break
    return path


def read_limits(variables: Variables) -> Limits:
    """Read the default limits of sockets."""
    said = {limit.name: variables.value(limit.variable, getattr(DEFAULTS, limit.name), limit.read) for limit in LIMITS}
    return with_limits(DEFAULTS, said)


def find_engines(variables: Variables, ours: Mapping[str, str]) -> tuple[str, ...]:
    """Return the engine's possible paths, never a socket of the proxy. `ours` has these with their source."""
    paths, taken = _list_engines(variables), {*map(os.path.realpath, ours)}
    for name in (_METRICS_SOCKET, _CONTROL_SOCKET):
        path = variables.environment.get(name)
        if path:
            if os.path.realpath(path) in taken:
                variables.problem(name, f"{path!r} is another socket of this proxy", "choose another path")
            taken.add(os.path.realpath(path))
            ours = {**ours, path: f"environment variable {name}"}
    places = {
        os.path.realpath(path): Problem(where, f"{path!r} is the socket of the engine", "choose another path")
        for path, where in ours.items()
    }
    others = tuple(path for path in paths if os.path.realpath(path) not in places)
    if not others:
        variables.problems.append(places[os.path.realpath(paths[0])])
    return others


def _list_engines(variables: Variables) -> tuple[str, ...]:
    """Return the path from a variable, or the usual paths of engines."""
    named = [name for name in ENGINE_VARIABLES if name in variables.environment]
    if named:
        paths = [variables.value(name, "", read_path) for name in named]
        if len(set(paths)) > 1:
            variables.problem("SOCKET_PATH", "conflicts with DOCKER_SOCKET_PATH", "set only DOCKER_SOCKET_PATH")
        return (paths[0],)
    host = variables.environment.get("DOCKER_HOST", "")
    if host.startswith("unix://"):
        return (variables.value("DOCKER_HOST", "", lambda host: read_path(host.removeprefix("unix://"))),)
    if host:
        hint = "only unix sockets are supported; set DOCKER_HOST=unix:///path or DOCKER_SOCKET_PATH=/path"
        variables.problem("DOCKER_HOST", f"{host!r} is not a unix socket", hint)
    runtime = variables.environment.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    return (
        "/docker/docker.sock",
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        f"{runtime}/podman/podman.sock",
        "/run/podman/podman.sock",
    )
