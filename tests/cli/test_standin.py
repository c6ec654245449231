"""The stand-in for an engine answers what the demo shows, in the shape of an engine."""

import asyncio
import json
from pathlib import Path

import pytest
from folders import short_folder

from dockerproxy.cli.standin import start_standin


async def ask_standin(path: Path, *requests: str) -> list[tuple[bytes, bytes]]:
    """Send requests one after the other over one connection; return heads and bodies of the answers."""
    engine = await start_standin(str(path))
    reader, writer = await asyncio.open_unix_connection(str(path))
    answers = []
    for request in requests:
        writer.write(f"{request} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        answers.append((head, b"" if request.startswith("HEAD") else await reader.readexactly(length)))
    writer.close()
    await writer.wait_closed()
    engine.close()
    await engine.wait_closed()
    return answers


@pytest.mark.parametrize(
    ("request_line", "status", "part"),
    [
        ("GET /_ping", 200, "OK"),
        ("HEAD /_ping", 200, ""),
        ("GET /v1.45/version", 200, '"ApiVersion": "1.45"'),
        ("GET /containers/json?all=1", 200, '"this engine is a stand-in"'),
        ("GET /v1.45/containers/json", 200, '"/stand-in"'),
        ("POST /containers/create", 404, "the stand-in engine does not do this"),
    ],
)
def test_it_answers_a_few_reads_and_nothing_else(request_line: str, status: int, part: str) -> None:
    with short_folder() as folder:
        ((head, body),) = asyncio.run(ask_standin(folder / "s", request_line))
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nApi-Version: 1.45\r\n" in head
    assert part in body.decode()
    if b"application/json" in head:
        assert json.loads(body)


def test_it_answers_one_request_after_the_other() -> None:
    with short_folder() as folder:
        answers = asyncio.run(ask_standin(folder / "s", "HEAD /_ping", "GET /_ping", "GET /version"))
    assert [body[:2] for _, body in answers] == [b"", b"OK", b'{"']
    assert all(head.startswith(b"HTTP/1.1 200 OK\r\n") for head, _ in answers)
