"""Docker's own Python library, which takes streams and sockets out of HTTP in its own way."""

import io
import socket
import tarfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from docker.utils.socket import frames_iter
from e2e.programs import Client
from waiting import PATIENCE

pytestmark = pytest.mark.engine


@pytest.fixture
def library(client: Client) -> Iterator[docker.DockerClient]:
    """A library client on the same socket as the command line."""
    with closing(docker.DockerClient(base_url=f"unix://{client.socket}", timeout=PATIENCE)) as library:
        yield library


@pytest.fixture
def cat(library: docker.DockerClient, client: Client) -> Container:
    """A container that answers each line with the same line."""
    return library.containers.get(client.start_container("cat", options=("-i",)))


class Tunnel:
    """What the library calls a socket, of which it types and closes little."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.socket: socket.socket = stream._sock

    def receive(self) -> Iterator[tuple[int, bytes]]:
        """Receive pieces, each with the number of the stream that it is of."""
        return iter(frames_iter(self._stream, tty=False))  # type: ignore[no-untyped-call] # untyped there

    def close(self) -> None:
        """Close what the library leaves to the garbage collector."""
        self._stream._response.close()
        self.socket.close()


def test_a_container_is_run_to_its_end(library: docker.DockerClient) -> None:
    # It lives a moment longer than it prints: podman loses logs that are asked for as their container ends.
    command = ["sh", "-c", "echo hello; sleep 0.5"]
    assert library.containers.run("busybox", command, remove=True, network_mode="none") == b"hello\n"


def test_a_failing_container_raises_its_status(library: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.ContainerError, match="status 4"):
        library.containers.run("busybox", ["sh", "-c", "exit 4"], remove=True, network_mode="none")


def test_an_exec_is_spoken_with_over_its_socket(cat: Container) -> None:
    with closing(Tunnel(cat.exec_run(["cat"], stdin=True, socket=True).output)) as tunnel:
        tunnel.socket.sendall(b"one\ntwo\n")
        tunnel.socket.shutdown(socket.SHUT_WR)
        assert b"".join(data for _, data in tunnel.receive()) == b"one\ntwo\n"


def test_an_attached_socket_speaks_with_the_container(cat: Container) -> None:
    with closing(Tunnel(cat.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1}))) as tunnel:
        tunnel.socket.sendall(b"line\n")
        assert next(tunnel.receive()) == (1, b"line\n")


def test_logs_are_streamed_to_their_end(library: docker.DockerClient, client: Client) -> None:
    identity = client.start_container("sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.1; done")
    logs = library.containers.get(identity).logs(stream=True, follow=True)
    assert b"".join(logs) == b"line 1\nline 2\nline 3\n"


def test_events_are_streamed(library: docker.DockerClient, cat: Container) -> None:
    events = library.events(decode=True, since=1, filters={"container": cat.id, "event": ["pause", "unpause"]})
    cat.pause()
    cat.unpause()
    assert [next(events)["Action"], next(events)["Action"]] == ["pause", "unpause"]
    events.close()


def test_an_archive_is_put_into_a_container_and_got_back(cat: Container) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = 7
        tar.addfile(member, io.BytesIO(b"content"))
    assert cat.put_archive("/tmp", buffer.getvalue())
    pieces, status = cat.get_archive("/tmp/file")
    assert status is not None
    assert (status["name"], status["size"]) == ("file", 7)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        file = tar.extractfile("file")
        assert file is not None
        assert file.read() == b"content"
