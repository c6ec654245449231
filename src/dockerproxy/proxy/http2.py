"""Deny a client that speaks HTTP/2 from its first byte, in HTTP/2, and end its connection.

Docker 29 gives such gRPC to BuildKit, past its API and its authorization plugins. So nothing of it is forwarded, and no
engine connection is opened for it. Where `/grpc` is allowed, the client is answered like by an engine without HTTP/2:
then it asks for `/grpc`, which is judged. After a denial in gRPC it would not.
"""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.settings import Level
from dockerproxy.wire.exchange import Signal, step
from dockerproxy.wire.http2 import SETTINGS, Denial

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

_ASKED_FOR: Final = b"POST /grpc HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
"""What it would be over HTTP/1."""


class _DeniedEnd(asyncio.Protocol):
    """The client's end of a connection on which nothing but denials are written."""

    def __init__(self, client: "Client", message: str) -> None:
        self._client = client
        self._denial = Denial(message)

    def data_received(self, data: bytes) -> None:
        """Deny what came; end the connection when that is said."""
        if self._denial.over:
            return
        self._client.transport.write(self._denial.feed(data))
        if self._denial.over:
            self._client.linger()

    def eof_received(self) -> bool:
        """End the connection: the client asks for nothing more."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the client's end."""
        self._client.connection_lost(error)


def deny_http2(client: "Client") -> bool:
    """Deny whatever comes, with one record for the connection; return False if `/grpc` is allowed, which is judged."""
    judged = client.served.judge(_ASKED_FOR)
    if isinstance(judged, Refusal) or judged.passes:
        return False
    client.served.usage.enter(judged.shape)
    client.state = step(client.state, Signal.REFUSE)
    client.tally.judged, client.tally.status = judged, HTTPStatus.FORBIDDEN
    client.send(SETTINGS)
    client.tally.end(Outcome.DENIED, judged.decision.message, Level.WARNING)
    client.wait(client.connections.heads)
    end, early = _DeniedEnd(client, judged.decision.message), client.inbox.clear()
    client.transport.set_protocol(end)
    if early:
        end.data_received(early)
    if client.ended:
        client.close()
    return True
