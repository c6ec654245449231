"""Where clients' directories and sockets are on the host is read with all mistakes at once."""

import pytest
from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.places import Places
from dockerproxy.problems import UserError

FILE = "engine: /run/engine.sock\nsockets: {ci: {path: /ci.sock, allow: [], SAID}}"


def test_places_are_as_they_are_written() -> None:
    said = "own_socket: /host/ci.sock, paths: {/app: /srv/app, /: /srv}"
    (socket,) = read_policy(FILE.replace("SAID", said), "p").sockets
    found = Places({"/app": "/srv/app", "/": "/srv"}, "/host/ci.sock", frozenset({"/run/engine.sock", "/ci.sock"}))
    assert socket.policy.policy.places == found


@for_each(
    ("said", "problem"),
    [
        ("paths: {work: /srv}", "'work' is not a clean absolute path"),
        ("paths: {/app: srv}", "'srv' is not a clean absolute path"),
        ("paths: {/app/: /srv}", "'/app/' is not a clean absolute path"),
        ("paths: {/app: /srv/../etc}", "'/srv/../etc' is not a clean absolute path"),
        ("paths: {/app: '/srv:z'}", "'/srv:z' is not a clean absolute path"),
        ("paths: {/app: '/srv,ro'}", "'/srv,ro' is not a clean absolute path"),
        ("paths: {/app: '/srv/*'}", "'/srv/*' is not a clean absolute path"),
        ("paths: {/app: [/srv]}", "/app must be a single value"),
        ("paths: [/app]", "paths must be a mapping"),
        ("paths: {/app: /a, /app: /b}", "duplicate key '/app'"),
        ("own_socket: ci.sock", "'ci.sock' is not a clean absolute path"),
        ("own_socket: /var/run/docker.sock", "'/var/run/docker.sock' is the engine's socket"),
        ("own_socket: /run/user/1000/docker.sock", "'/run/user/1000/docker.sock' is the engine's socket"),
        ("own_socket: /run/engine.sock", "'/run/engine.sock' is the engine's socket"),
        ("own_socket: true", "'true' is not a clean absolute path"),
    ],
)
def test_a_place_that_an_engine_could_read_otherwise_is_a_mistake(said: str, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        read_policy(FILE.replace("SAID", said), "p")
    first, *_ = raised.value.problems
    assert first.what.startswith(problem)
