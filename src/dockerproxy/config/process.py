"""Read the variables of the whole process: engine, limits, log, learning."""

import os
from collections.abc import Mapping
from functools import partial
from typing import Final

from dockerproxy.config.limits import LIMITS, with_limits
from dockerproxy.config.values import read_directory, read_limit, read_path, read_seconds
from dockerproxy.config.variables import Variables
from dockerproxy.errors import Problem
from dockerproxy.settings import DEFAULTS, Level, Limits, LogFormat, Sandbox, Settings, SocketSettings

ENGINE_VARIABLES: Final = ("DOCKER_SOCKET_PATH", "SOCKET_PATH")
"""Variables that name the engine's socket and nothing else."""

GRACE: Final = 10.0
"""Seconds for exchanges to finish by default."""


def make_settings(variables: Variables, engines: tuple[str, ...], sockets: tuple[SocketSettings, ...]) -> Settings:
    """Put sockets together with what is the same for all of them."""
    return Settings(
        engines=engines,
        sockets=sockets,
        shutdown_grace=variables.value("SHUTDOWN_GRACE", GRACE, read_seconds),
        log_level=variables.word("LOG_LEVEL", Level.INFO),
        log_format=variables.word("LOG_FORMAT", LogFormat.TEXT),
        learn_directory=variables.value("LEARN_DIR", "", read_directory),
        sandbox=variables.word("SANDBOX", Sandbox.BEST_EFFORT),
    )


def read_limits(variables: Variables) -> Limits:
    """Read the limits of sockets that say nothing of them."""
    said = {
        limit.name: variables.value(limit.variable, getattr(DEFAULTS, limit.name), partial(read_limit, limit))
        for limit in LIMITS
    }
    return with_limits(DEFAULTS, said)


def find_engines(variables: Variables, ours: Mapping[str, str]) -> tuple[str, ...]:
    """Say where the engine may be; never at a socket of ours, of which it is known where its path is written."""
    paths = _list_engines(variables)
    places = {
        os.path.realpath(path): Problem(where, f"{path!r} is the socket of the engine", "choose another path")
        for path, where in ours.items()
    }
    others = tuple(path for path in paths if os.path.realpath(path) not in places)
    if not others:
        variables.problems.append(places[os.path.realpath(paths[0])])
    return others


def _list_engines(variables: Variables) -> tuple[str, ...]:
    """Return what a variable says, or else the places where an engine usually is."""
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
