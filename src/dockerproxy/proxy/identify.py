"""Which engine a connection leads to, as that says over the same connection."""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.steps import UnknownObjectError
from dockerproxy.proxy.engine import Engine, open_connection
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.proxy.resolver import Inquiry, read_answer
from dockerproxy.wire.head import END_OF_HEAD

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

_PING: Final = b"GET /_ping HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
_SAID: Final = re.compile(rb"\r\n(?:server|libpod-api-version):[ \t]*([^\r\n]*)", re.IGNORECASE | re.ASCII).findall
"""Finds by what engines say which they are: Docker `Server: Docker/29.1.3 (linux)`, Podman `Libpod/` and its API."""


async def find_docker(client: "Client", then: Callable[[bool], None]) -> None:
    """Open an engine connection, ask over it whether the engine is Docker, and leave it to the client.

    Attack: another engine at the same path a moment later -> Defence: what follows goes over the connection that was
    asked (test: test_a_build_goes_to_the_engine_that_said_that_it_is_docker).
    """
    exchange, engines = client.exchange, client.shared.engines
    path = choose_engine(engines)
    try:
        async with asyncio.timeout(client.socket.patience):
            transport, inquiry = await open_connection(Inquiry, path)
            answer = await inquiry.ask(_PING)
        head, _ = read_answer(answer)
    except TimeoutError:
        exchange.fail(504, f"the engine does not say within {client.socket.patience:g} seconds which engine it is")
    except UnknownObjectError as error:
        inquiry.close()
        exchange.fail(502, str(error))
    except OSError as error:
        exchange.fail(503, explain_unreachable(engines, path, error))
    else:
        if not exchange.is_held:
            inquiry.close()
        elif not inquiry.is_open:
            exchange.fail(502, "the engine closed the connection after it said which engine it is")
        else:
            engine, said = Engine(client), _SAID(answer.partition(END_OF_HEAD)[0])
            transport.set_protocol(engine)
            engine.connection_made(transport)
            client.take_engine(engine)
            then(head.status == HTTPStatus.OK and len(said) == 1 and said[0].startswith(b"Docker/"))
