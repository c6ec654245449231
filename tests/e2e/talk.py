"""HTTP over a unix socket, by hand: what no ready client lets a test do."""

import http.client
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waiting import PATIENCE

from dockerproxy.proxy.probing import connect as wait_and_connect


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)

    @property
    def told(self) -> bytes:
        """The body but for the ID of the decision, which is another one each time."""
        return re.sub(rb'(decision(?:": "| ))[0-9A-Z]{5}-[0-9A-Z]+', rb"\1", self.body)


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a unix socket."""

    def __init__(self, path: Path, timeout: float = PATIENCE) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = connect(self._path, timeout=self.timeout or PATIENCE)


def connect(path: Path, *, timeout: float = PATIENCE) -> socket.socket:
    """Connect to a unix socket, after waiting for a place where its queue is full; the caller closes it."""
    client = socket.socket(socket.AF_UNIX)
    try:
        wait_and_connect(client, str(path), timeout)
        client.settimeout(timeout)
    except OSError:
        client.close()
        raise
    return client


def ask(  # noqa: PLR0913 (they are what a request consists of)
    path: Path,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float = PATIENCE,
) -> Answer:
    """Send one request on a connection of its own and read the whole answer."""
    connection = UnixConnection(path, timeout)
    try:
        connection.request(method, target, body, dict(headers or {}))
        with connection.getresponse() as response:
            return Answer(response.status, response.read())
    finally:
        connection.close()


def send_head(client: socket.socket, line: str, *headers: str) -> None:
    """Send a request head without a body."""
    client.sendall("\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())


def read_until(client: socket.socket, mark: bytes) -> bytes:
    """Read until the mark has come, and return all that came.

    Raises:
        ConnectionError: the peer ended before.
        TimeoutError: nothing came for the socket's timeout.
    """
    received = b""
    while mark not in received:
        piece = client.recv(65536)
        if not piece:
            message = f"ended before {mark!r}: {received!r}"
            raise ConnectionError(message)
        received += piece
    return received
