"""Lookups of the proxy, and an engine that answers them as a test says."""

import json

from policy.policies import ID, grant_on, policy_with
from proxy.harness import OK, Wire, World, request

from dockerproxy.proxy.client import Client

OTHER_ID = "9" * 64
WEB = {"Id": ID, "Name": "/web", "Mounts": []}
OTHER = {"Id": OTHER_ID, "Name": "/other"}
START = request("POST", "/containers/w/start")
POLICY = policy_with(
    *(grant_on(name, "web") for name in ("ContainerStart", "ContainerArchiveInfo", "ContainerAttach")),
    *(grant_on(name, "web") for name in ("PutContainerArchive", "ExecStart", "ContainerExec", "ContainerInspect")),
    grant_on("SystemPing"),
)


def answer(content: object, status: str = "200 OK", *, ends: bool = True) -> bytes:
    """Write an answer of the engine, after which the connection ends or goes on."""
    body = json.dumps(content).encode()
    fields = (
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{'Connection: close' if ends else 'X: y'}"
    )
    return f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + body


async def asked(here: World, target: str = "/containers/w/json") -> Wire:
    """A new connection over which the proxy asks, which it does for nobody else."""
    wire = await here.engine_side()
    assert await wire.head() == f"GET {target} HTTP/1.1\r\nhost: dockerproxy\r\n\r\n".encode()
    return wire


async def tell(here: World, content: object = WEB, target: str = "/containers/w/json", status: str = "200 OK") -> None:
    """Answer a lookup as an engine does."""
    wire = await asked(here, target)
    await wire.send(answer(content, status))
    wire.end()
    assert await wire.rest() == b""


async def serve(here: World, line: str, answer: bytes = OK) -> Wire:
    """Answer the request that comes on a new connection; return it."""
    engine = await here.engine_side()
    assert (await engine.head()).startswith(f"{line} HTTP/1.1\r\n".encode())
    await engine.send(answer)
    return engine


def the_client(here: World) -> Client:
    [client] = here.clients
    return client
