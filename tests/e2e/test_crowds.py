"""Many clients that do nothing, or come and go, do not keep others from being served."""

import contextlib
import resource
import socket
from collections.abc import Callable, Iterator

import pytest
from e2e.conftest import DockerBefore
from e2e.programs import Client
from e2e.talk import ask, connect, read_until, send_head
from waiting import wait_until

pytestmark = pytest.mark.engine

CROWD = 2_000
PASSERS_BY = 1_100
FEW = 1_024


@pytest.fixture(autouse=True)
def enough_descriptors() -> Iterator[None]:
    """Let this process hold a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * CROWD)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def say_nothing(client: socket.socket) -> None:
    """Connect, no more."""
    assert client.fileno() >= 0


def say_half(client: socket.socket) -> None:
    """Send half a head."""
    client.sendall(b"GET /containers/json HTTP/1.1\r\nHost: local")


def ask_and_stay(client: socket.socket) -> None:
    """Be answered, and keep the connection for later."""
    send_head(client, "GET /_ping")
    read_until(client, b"\r\n\r\nOK")


@pytest.mark.parametrize("behave", [say_nothing, say_half, ask_and_stay], ids=["silent", "slow", "idle"])
@pytest.mark.parametrize("descriptors", [None, FEW], ids=["many descriptors", "few descriptors"])
def test_a_crowd_that_waits_does_not_stop_others(
    docker_before: DockerBefore, behave: Callable[[socket.socket], None], descriptors: int | None
) -> None:
    proxy, other = docker_before(descriptors=descriptors, CONTAINERS="1", HEADER_TIMEOUT="240")
    with contextlib.ExitStack() as stack:
        for _ in range(CROWD):
            behave(stack.enter_context(connect(proxy.socket)))
        for _ in range(20):
            assert ask(proxy.socket, "GET", "/containers/json").status == 200
        other.run("ps")


def test_a_tunnel_that_is_used_is_not_what_makes_room(docker_before: DockerBefore, docker: Client) -> None:
    proxy, follower = docker_before(descriptors=FEW, CONTAINERS="1", POST="1")
    talker = docker.start_container("cat", options=("-i",))
    with follower.watch("attach", talker) as attached, contextlib.ExitStack() as stack:
        attached.write(b"before\n")
        attached.wait_for("before\n")
        for _ in range(CROWD):
            say_nothing(stack.enter_context(connect(proxy.socket)))
        attached.write(b"after\n")
        attached.wait_for("after\n")


def test_clients_that_open_a_stream_and_hang_up_leave_nothing_behind(docker_before: DockerBefore) -> None:
    proxy, other = docker_before(descriptors=FEW, CONTAINERS="1")
    before = proxy.count_descriptors_at_rest()
    for _ in range(PASSERS_BY):
        with connect(proxy.socket) as client:
            send_head(client, "GET /events")
            assert b" 200 OK" in read_until(client, b"\r\n\r\n")
    other.run("ps")
    wait_until(lambda: proxy.count_descriptors() <= before, "all descriptors are given back")
