"""Rounds of honest work on a real engine: each sends or fetches bytes, and looks whether they are the same there."""

import hashlib
import io
import json
import os
import socket
import tarfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.utils.socket import frames_iter
from e2e.programs import Client
from e2e.talk import UnixConnection, connect, read_until, send_head
from waiting import PATIENCE

LINES = 100_000
PRINTED = b"".join(b"%d\n" % number for number in range(1, LINES + 1))
IMAGE = "/images/get?names=busybox%3Alatest"


@dataclass(frozen=True)
class Tools:
    """What a round works with.

    Attributes:
        docker: The command line on the proxy's socket.
        saved: The image as the engine itself gives it away.
        printer: A container that has printed `PRINTED`.
        talker: A running container.
    """

    docker: Client
    saved: bytes
    printer: str
    talker: str

    @property
    def socket(self) -> Path:
        return self.docker.socket


def read_files(archive: bytes) -> dict[str, bytes]:
    """Return what is in an archive; the engine puts the time of the saving beside it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member)) is not None}


def run_with_input(tools: Tools) -> None:
    """`docker run -i`: create, attach, start, wait, and half-closed input."""
    data = os.urandom(200_000)
    words = ("run", "--rm", "--interactive", "--network=none", "busybox", "sh", "-c", "sha256sum; sleep 0.3")
    printed = tools.docker.run(*words, data=data)
    assert printed.split()[0].decode() == hashlib.sha256(data).hexdigest()


def save(tools: Tools) -> None:
    """`docker save`: an answer of megabytes, in chunks."""
    assert read_files(tools.docker.run("save", "busybox:latest")) == read_files(tools.saved)


def load(tools: Tools) -> None:
    """An upload of megabytes, in chunks of odd sizes, on a connection of its own."""
    pieces = (tools.saved[start : start + 77_777] for start in range(0, len(tools.saved), 77_777))
    with closing(UnixConnection(tools.socket)) as connection:
        fields = {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}
        connection.request("POST", "/images/load", pieces, fields, encode_chunked=True)
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert b"Loaded image" in answer.read()


def copy(tools: Tools) -> None:
    """`docker cp`: an archive that is looked at as it passes, there and back."""
    data = os.urandom(1_000_000)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("data")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    name = f"/tmp/{os.urandom(4).hex()}"
    tools.docker.run("exec", tools.talker, "mkdir", name)
    tools.docker.run("cp", "-", f"{tools.talker}:{name}", data=buffer.getvalue())
    back = tools.docker.run("cp", f"{tools.talker}:{name}/data", "-")
    with tarfile.open(fileobj=io.BytesIO(back)) as tar:
        file = tar.extractfile("data")
        assert file is not None
        assert file.read() == data
    tools.docker.run("exec", tools.talker, "rm", "-r", name)


def exec_with_input(tools: Tools) -> None:
    """Docker's Python library: a tunnel that is spoken into in pieces, and ended in one direction."""
    data = os.urandom(300_000)
    with closing(docker.DockerClient(base_url=f"unix://{tools.socket}", timeout=PATIENCE)) as library:
        container = library.containers.get(tools.talker)
        stream: Any = container.exec_run(["sh", "-c", "sha256sum; sleep 0.2"], stdin=True, socket=True).output
        with closing(stream._response), closing(stream._sock) as tunnel:
            tunnel.settimeout(PATIENCE)
            for start in range(0, len(data), 9_999):
                tunnel.sendall(data[start : start + 9_999])
            tunnel.shutdown(socket.SHUT_WR)
            frames = frames_iter(stream, tty=False)  # type: ignore[no-untyped-call] # untyped there
            printed = b"".join(piece for _, piece in frames)
    assert printed.split()[0].decode() == hashlib.sha256(data).hexdigest()


def read_logs(tools: Tools) -> None:
    """`docker logs`, and the same by the library as a stream."""
    assert tools.docker.run("logs", tools.printer) == PRINTED
    with closing(docker.DockerClient(base_url=f"unix://{tools.socket}", timeout=PATIENCE)) as library:
        assert b"".join(library.containers.get(tools.printer).logs(stream=True, follow=True)) == PRINTED


def poll(tools: Tools) -> None:
    """A program that polls over one connection, and one that sends many requests at one time."""
    with closing(UnixConnection(tools.socket)) as connection:
        for _ in range(50):
            connection.request("GET", f"/containers/{tools.talker}/json")
            with connection.getresponse() as answer:
                assert json.loads(answer.read())["Id"] == tools.talker
    with connect(tools.socket) as client:
        for number in range(50):
            send_head(client, f"GET /_ping?{number}")
        answers = b""
        while answers.count(b"\r\n\r\nOK") < 50:
            answers += read_until(client, b"OK")


ROUNDS: tuple[Callable[[Tools], None], ...] = (
    *(run_with_input, save, load, copy),
    *(exec_with_input, read_logs, poll),
)
