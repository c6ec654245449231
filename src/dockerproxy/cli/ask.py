"""One request through a unix socket, for the verbs that ask a running proxy."""

import json
import socket
from http.client import HTTPConnection, HTTPException
from typing import Final

_PATIENCE: Final = 5.0
"""Seconds to wait for an answer."""


class _UnixConnection(HTTPConnection):
    """An HTTP connection over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("dockerproxy", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(self._path)


def ask(path: str, method: str, target: str) -> tuple[int, str]:
    """Send a request; return the status, and the message of the answer if it has one.

    Raises:
        OSError: Nobody answers there.
    """
    connection = _UnixConnection(path)
    try:
        connection.request(method, target)
        response = connection.getresponse()
        return response.status, _message(response.read())
    except HTTPException as error:
        raise ConnectionError(f"no answer in HTTP: {error!r}") from error
    finally:
        connection.close()


def _message(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""
