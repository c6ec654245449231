"""A stand-in for an engine, for the demo on a machine without one. It answers only a few reads."""

import asyncio
import json
from typing import Final

_CONTAINERS: Final = [
    {
        "Id": "5ab1e" + "0" * 59,
        "Names": ["/stand-in"],
        "Image": "none",
        "ImageID": "",
        "Command": "this engine is a stand-in",
        "Created": 0,
        "Ports": [],
        "Labels": {},
        "State": "running",
        "Status": "Up for the demo",
        "Mounts": [],
    }
]
_VERSION: Final = {"Version": "0-stand-in", "ApiVersion": "1.45", "MinAPIVersion": "1.24", "Os": "linux"}


def _answer(path: str) -> tuple[str, str, bytes]:
    if path.endswith("/_ping"):
        return "200 OK", "text/plain", b"OK"
    if path.endswith("/version"):
        return "200 OK", "application/json", json.dumps(_VERSION).encode()
    if path.endswith("/containers/json"):
        return "200 OK", "application/json", json.dumps(_CONTAINERS).encode()
    return "404 Not Found", "application/json", b'{"message": "the stand-in engine does not do this"}'


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests without bodies, one at a time."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.decode("latin-1").split(" ", 2)
            status, kind, body = _answer(target.partition("?")[0])
            lines = [
                f"HTTP/1.1 {status}",
                "Api-Version: 1.45",
                "Ostype: linux",
                f"Content-Type: {kind}",
                f"Content-Length: {len(body)}",
            ]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def start_standin(path: str) -> asyncio.Server:
    """Listen on a path until the server is closed."""
    return await asyncio.start_unix_server(_serve, path)
