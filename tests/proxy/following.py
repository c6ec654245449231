"""Events that an engine tells, and a client that follows them."""

import json
from typing import Any

from proxy.harness import Wire, World, get
from proxy.lookups import answer, serve

from dockerproxy.owner_labels import NONCE, OWNER

MINE = {OWNER: "ci", NONCE: "n1"}
LATER = 4_000_000_000_000_000_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"


def event(kind: str, identity: str, action: str = "start", **attributes: str) -> bytes:
    actor = {"ID": identity, "Attributes": attributes}
    return json.dumps({"Type": kind, "Action": action, "Actor": actor, "timeNano": LATER}).encode() + b"\n"


def mount(time: int) -> bytes:
    fields = json.loads(event("volume", "data", "mount"))
    return json.dumps({**fields, "time": time}).encode() + b"\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def follow(here: World, head: bytes = HEAD) -> tuple[Wire, Wire]:
    """Begin to follow events; return the client's end and the engine's."""
    client = await here.connect()
    await client.send(get("/v1.45/events"))
    engine = await serve(here, "GET /v1.45/events", head)
    assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")
    return client, engine


async def tell(here: World, target: str, document: Any, status: str = "200 OK") -> None:
    (await serve(here, f"GET /v1.45{target}", answer(document, status))).end()
