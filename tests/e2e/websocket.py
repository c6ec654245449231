"""A websocket client of a page, enough to attach to a container: RFC 6455, binary frames, no fragments."""

import base64
import os
import socket
from pathlib import Path

from e2e.talk import connect, read_until, send_head

BINARY = 0x82
MASKED = 0x80


class WebSocket:
    """An open websocket; `answer` is the head of the server's answer to the handshake."""

    def __init__(self, path: Path, target: str) -> None:
        self.socket: socket.socket = connect(path)
        key = base64.b64encode(os.urandom(16)).decode()
        headers = (
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        )
        send_head(self.socket, f"GET {target}", *headers)
        self.answer, _, self._rest = read_until(self.socket, b"\r\n\r\n").partition(b"\r\n\r\n")

    def send(self, data: bytes) -> None:
        """Send a short binary frame, masked as a client's must be."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self.socket.sendall(bytes([BINARY, MASKED | len(data)]) + mask + masked)

    def receive(self, count: int) -> bytes:
        """Receive frames until they carried that many bytes."""
        payload = b""
        while len(payload) < count:
            _, length = self._take(2)
            payload += self._take(length)
        return payload

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            piece = self.socket.recv(4096)
            if not piece:
                message = "the websocket ended"
                raise ConnectionError(message)
            self._rest += piece
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken
