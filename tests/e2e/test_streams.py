"""Streams and tunnels live as long as both their ends, and not a moment longer."""

import contextlib
import json
import select
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from e2e.conftest import DockerBefore, StartProxy
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import EVERYTHING, Proxy
from e2e.talk import connect, read_until, send_head
from waiting import wait_until

pytestmark = pytest.mark.engine

SILENCE = 4.0  # longer than the timeout that the proxies here are given
TUNNEL = ("Connection: Upgrade", "Upgrade: tcp")


@pytest.fixture
def impatient(engine: Engine, start_proxy: StartProxy) -> Proxy:
    """A proxy whose every timeout is short."""
    return start_proxy(engine, **EVERYTHING, HEADER_TIMEOUT="1")


def open_stream(path: Path, line: str, *headers: str) -> socket.socket:
    """Send a request and read the head of its answer."""
    client = connect(path)
    send_head(client, line, *headers)
    head = read_until(client, b"\r\n\r\n")
    assert head.split()[1] in {b"200", b"101"}, head
    return client


@pytest.fixture
def cat(client: Client) -> str:
    """A container that answers each line with the same line."""
    return client.start_container("cat", options=("-i",))


def test_a_silent_stream_outlives_every_timeout(client: Client, impatient: Proxy, cat: str) -> None:
    filters = quote(json.dumps({"container": [cat], "event": ["kill", "die", "died"]}))
    requests = (
        (f"POST /containers/{cat}/attach?stream=1&stdin=1&stdout=1", *TUNNEL),
        (f"GET /containers/{cat}/logs?follow=1&stdout=1",),
        (f"GET /events?filters={filters}",),
    )
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(open_stream(impatient.socket, *words)) for words in requests]
        attach, logs, events = streams
        readable, _, _ = select.select(streams, [], [], SILENCE)
        assert readable == []
        attach.sendall(b"still here\n")
        read_until(attach, b"still here\n")
        read_until(logs, b"still here\n")
        client.run("kill", cat)
        read_until(events, cat.encode())


def test_a_wait_of_the_command_line_outlives_every_timeout(client: Client, impatient: Proxy, cat: str) -> None:
    with replace(client, socket=impatient.socket).watch("wait", cat) as waiting:
        assert waiting.is_silent_for(SILENCE)
        client.run("kill", cat)
        waiting.wait_for("137\n")


def test_killed_logs_close_the_engine_s_side_at_once(
    docker_before: DockerBefore, dockerd: Engine, docker: Client
) -> None:
    chatterer = docker.start_container("sh", "-c", "echo begun; exec sleep 600")
    proxy, follower = docker_before(**EVERYTHING)
    ours, theirs = proxy.count_descriptors_at_rest(), dockerd.count_connections()
    with follower.watch("logs", "--follow", chatterer) as logs:
        logs.wait_for("begun")
        assert proxy.count_descriptors() >= ours + 2
        assert dockerd.count_connections() > theirs
        logs.kill()
        wait_until(lambda: proxy.count_descriptors() <= ours, "the proxy has closed both sides")
        wait_until(lambda: dockerd.count_connections() <= theirs, "the engine has let go")


def test_a_killed_exec_closes_the_engine_s_side_at_once(docker_before: DockerBefore, docker: Client) -> None:
    sleeper = docker.start_container("sleep", "600")
    proxy, follower = docker_before(**EVERYTHING)
    before = proxy.count_descriptors_at_rest()
    with follower.watch("exec", "-i", sleeper, "sh", "-c", "echo begun; cat") as running:
        running.wait_for("begun")
        running.kill()
        wait_until(lambda: proxy.count_descriptors() <= before, "the proxy has closed both sides")


def test_a_stream_leaves_a_record_when_it_starts_and_when_it_ends(docker_before: DockerBefore) -> None:
    proxy, _ = docker_before()
    with open_stream(proxy.socket, "GET /events"):
        proxy.wait_for_record(event="start", operation="SystemEvents", status=200)
    proxy.wait_for_record(event="exchange", operation="SystemEvents", status=200)
