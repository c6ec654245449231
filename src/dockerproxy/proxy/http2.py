"""Deny a client that speaks HTTP/2 from its first byte, in HTTP/2, and end its connection.

Docker 29 gives such gRPC to BuildKit, past its API and its authorization plugins. So nothing of it is forwarded, and no
engine connection is opened for it. Where `/grpc` is allowed, the client is answered like by an engine without HTTP/2:
then it asks for `/grpc`, which is judged. After a denial in gRPC it would not.
"""

import asyncio
from typing import TYPE_CHECKING

from dockerproxy.wire.http2 import Denial

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client


class DeniedEnd(asyncio.Protocol):
    """The client's end of a connection on which nothing but denials are written."""

    def __init__(self, client: "Client", message: str, decision: str) -> None:
        self._client = client
        self._denial = Denial(message, decision)

    def data_received(self, data: bytes) -> None:
        """Deny what came; end the connection when that is said."""
        if self._denial.over:
            return
        self._client.write(self._denial.feed(data))
        if self._denial.over:
            self._client.exchange.linger()

    def eof_received(self) -> bool:
        """End the connection: the client asks for nothing more."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the client's end."""
        self._client.connection_lost(error)
