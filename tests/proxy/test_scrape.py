"""Whoever asks for metrics gets them, and nobody is waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from folders import short_folder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
from proxy.harness import in_loop
from proxy.stage import until
from waiting import PATIENCE

from dockerproxy.proxy import scrape
from dockerproxy.proxy.scrape import Scrape

TEXT = "# TYPE x gauge\nx 1\n# EOF\n"
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def scraping(patience: float = PATIENCE) -> AsyncIterator[tuple[str, set[Scrape]]]:
    scrapes: set[Scrape] = set()
    with short_folder() as folder:
        path = f"{folder}/m.sock"
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: Scrape(scrapes, lambda: TEXT, patience), path
        )
        try:
            yield path, scrapes
        finally:
            server.close()
            for each in tuple(scrapes):
                each.abort()


async def ask(path: str, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0)
    answer = await reader.read()
    writer.close()
    return answer


@in_loop
async def test_metrics_are_told_also_if_they_are_asked_for_in_pieces() -> None:
    async with scraping() as (path, _):
        for pieces in ((GET,), (GET[:9], GET[9:]), (GET.replace(b"metrics", b"metrics?x=1"),)):
            head, _, body = (await ask(path, *pieces)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0")
            families = parse(body.decode())  # type: ignore[no-untyped-call] # a library without types
            assert [each.name for each in families] == ["x"]
        assert (await ask(path, GET.replace(b"GET", b"HEAD"))).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /containers/json HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
        (b"nonsense\r\n\r\n", 400),
        (b"x" * 9000, 431),
    ],
)
@in_loop
async def test_what_is_no_request_for_metrics_gets_none(request_: bytes, status: int) -> None:
    async with scraping() as (path, _):
        answer = await ask(path, request_)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"# EOF" not in answer


@in_loop
async def test_who_sends_nothing_is_not_waited_for() -> None:
    async with scraping(0.01) as (path, _):
        assert await ask(path, GET[:9]) == b""


@in_loop
async def test_too_many_at_one_time_are_turned_away() -> None:
    async with scraping() as (path, scrapes):
        writers = [(await asyncio.open_unix_connection(path))[1] for _ in range(scrape._MOST)]
        await until(lambda: len(scrapes) == scrape._MOST, "all are there")
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.read() == b""
        for each in (*writers, writer):
            each.close()
        await until(lambda: not scrapes, "there is room again")
        assert (await ask(path, GET)).startswith(b"HTTP/1.1 200 ")
