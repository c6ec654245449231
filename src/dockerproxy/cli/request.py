"""Send one request over a unix socket, for verbs that ask a running proxy.

Attacks: docs/attacks.md, cli/request.
"""

import socket
import time
from typing import Final

from dockerproxy.proxy.probing import connect
from dockerproxy.wire.answer import read_message
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, parse_response

PATIENCE: Final = 5.0
"""Seconds for the whole exchange, from connecting to the end of the answer."""

_LONGEST: Final = 1 << 20
"""Bytes of an answer that are read. The proxy's own answers have some hundred. For longer ones, such as lists of the
engine, only the status is used."""

_SHORTEST: Final = 0.001
"""The least timeout in seconds: 0 would make the socket non-blocking, with another error."""


def ask(path: str, method: str, target: str, patience: float = PATIENCE) -> tuple[int, str]:
    """Send a request to a socket; return the status and the `message` of the answer, if it has one.

    Raises `OSError` if there is no answer, or none in time.
    """
    status, content = fetch(path, method, target, patience)
    return status, read_message(content)


def fetch(path: str, method: str, target: str, patience: float = PATIENCE, most: int = _LONGEST) -> tuple[int, bytes]:
    """Send a request to a socket; return the status and at most `most` bytes of the answer's content.

    Raises `OSError` if there is no answer, or none in time.
    """
    request = f"{method} {target} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n"
    deadline, received = time.monotonic() + patience, bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connect(connection, path, patience)
        connection.sendall(request.encode())
        while True:
            connection.settimeout(max(deadline - time.monotonic(), _SHORTEST))
            content = connection.recv(_LONGEST)
            received += content
            answer = _read(bytes(received), ended=not content or len(received) > most)
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError("timed out")


def _read(received: bytes, *, ended: bool) -> tuple[int, bytes] | None:
    """Return the status and the content of an answer, once it is complete or reading has ended."""
    end = received.find(END_OF_HEAD) + len(END_OF_HEAD)
    head = parse_response(received[:end]) if end >= len(END_OF_HEAD) else None
    if head is None:
        if ended or end >= len(END_OF_HEAD):
            raise ConnectionError("invalid HTTP response")
        return None
    content = received[end:]
    if head.framing is Framing.CHUNKED:
        chunks = Chunks()
        content = b"".join(content[start:stop] for start, stop in chunks.feed(content).payload)
        ended |= chunks.ended
    if head.framing is Framing.LENGTH and len(content) >= head.length:
        return head.status, content[: head.length]
    return (head.status, content) if ended or head.framing is Framing.NONE else None
