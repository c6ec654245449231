"""One request through a unix socket, for the verbs that ask a running proxy.

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
"""Seconds for an answer, from connecting on to its end."""

_LONGEST: Final = 1 << 20
"""Bytes of an answer. Those of the proxy have some hundred; a list of the engine's is longer, and only its status is
shown."""

_SHORTEST: Final = 0.001
"""Seconds to wait where no time is left: 0 would mean not to wait, and is another error."""


def ask(path: str, method: str, target: str, patience: float = PATIENCE) -> tuple[int, str]:
    """Send a request to a socket; return the status, and the message of the answer if it has one.

    An `OSError` says that nobody answers there, or not in time.
    """
    status, content = fetch(path, method, target, patience)
    return status, read_message(content)


def fetch(path: str, method: str, target: str, patience: float = PATIENCE, most: int = _LONGEST) -> tuple[int, bytes]:
    """Send a request to a socket; return the status and the content of the answer, which has so many bytes at most.

    An `OSError` says that nobody answers there, or not in time.
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
    """Return the status and the content of an answer, once all of it is there or nothing more is read."""
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
