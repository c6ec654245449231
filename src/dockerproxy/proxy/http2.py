"""Deny a client that speaks HTTP/2 from its first byte, in HTTP/2, and end its connection.

Docker 29 gives such gRPC to BuildKit, past its API and its authorization plugins. So nothing of it is forwarded, and no
engine connection is opened for it. Where `/grpc` is allowed, the client is answered like by an engine without HTTP/2:
then it asks for `/grpc`, which is judged. After a denial in gRPC it would not.
"""

import asyncio
from collections.abc import Callable

from dockerproxy.wire.http2 import deny_http2

Lose = Callable[[Exception | None], None]
"""Hears that the connection is lost, and by what error."""


class DeniedEnd(asyncio.Protocol):
    """The client's end of a connection on which only one denial is written."""

    def __init__(self, write: Callable[[bytes], None], linger: Callable[[], None], lose: Lose) -> None:
        self._write = write
        self._linger = linger
        self._lose = lose
        self._inbox = bytearray()
        self._is_over = False

    def data_received(self, data: bytes) -> None:
        """Deny what came, and end the connection, once it is a request."""
        if self._is_over:
            return
        self._inbox += data
        if denial := deny_http2(self._inbox):
            self._is_over = True
            self._write(denial)
            self._linger()

    def eof_received(self) -> bool:
        """End the connection: the client asks for nothing more."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the client's end."""
        self._lose(error)
