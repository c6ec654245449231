"""Operators get lines, whatever clients send; a reader that does not behave is cut off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from folders import short_folder
from proxy.harness import in_loop
from proxy.stage import until
from rows import for_each
from waiting import PATIENCE

from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.process_settings import LogFormat
from dockerproxy.proxy import control
from dockerproxy.proxy.control import Control, Reader
from dockerproxy.settings import Level

RECORD = Record("web", Peer(1, 2, 3), "GET", "/info", "SystemInfo", "", Outcome.ALLOWED, "INFO=1", "", 200, 0, 9, 1.0)


@dataclass
class Desk:
    """A control socket without a proxy."""

    path: str
    control: Control
    log: Log

    async def sit(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(self.path)
        assert (await line(reader))["kind"] == "hello"
        return reader, writer


async def line(reader: asyncio.StreamReader) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(await asyncio.wait_for(reader.readline(), PATIENCE))
    return read


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    log = Log(Level.EMERG, LogFormat.TEXT)
    held = Control(log)
    with short_folder() as folder:
        path = f"{folder}/c.sock"
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: Reader(held, lambda reader: reader.tell("hello", {})), path
        )
        try:
            yield Desk(path, held, log)
        finally:
            server.close()
            for each in tuple(held.readers):
                each.abort()


@in_loop
async def test_who_reads_gets_each_record_whatever_the_level_of_the_log() -> None:
    async with desk() as at:
        assert at.log.watch is None
        reader, writer = await at.sit()
        at.log.exchange(RECORD, Level.DEBUG)
        at.log.start(RECORD)
        told, started = await line(reader), await line(reader)
        assert (told["kind"], told["event"], told["operation"], told["pid"]) == ("record", "exchange", "SystemInfo", 3)
        assert (started["kind"], started["event"]) == ("record", "start")
        writer.close()
        await until(lambda: at.log.watch is None, "nobody reads any more")


@in_loop
async def test_a_line_is_printable_ascii() -> None:
    async with desk() as at:
        reader, writer = await at.sit()
        hostile = "\x1b[2J\x07\r\n\x7f\x9b\u202e\ud800"
        at.log.exchange(RECORD._replace(target=hostile, reason=hostile))
        written = await asyncio.wait_for(reader.readline(), PATIENCE)
        assert all(0x20 <= byte < 0x7F for byte in written[:-1])
        assert json.loads(written)["target"] == hostile
        writer.close()


@for_each(
    "sent",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"[]\n",
        b"[" * 2000 + b"\n",
        b'{"id":"A","answer":"yes"}\n',
        b'{"id":"A","answer":"always"}\n',
        b'{"id":1,"answer":"deny"}\n',
        b'{"id":"A","answer":["deny"]}\n',
        b'{"id":"A","answer":"deny","by":"me"}\n',
        b'{"id":"A","id":"B","answer":"deny"}\n',
        b'{"answer":"deny"}\n',
        b'{"id":"A","answer":"deny"}\n{}\n',
        b"x" * (control._LONGEST + 1),
        b'"' + b"x" * control._LONGEST + b'"\n',
    ],
)
@in_loop
async def test_what_is_no_answer_ends_the_connection(sent: bytes) -> None:
    async with desk() as at:
        reader, writer = await at.sit()
        writer.write(sent)
        with pytest.raises((ConnectionError, AssertionError)):
            assert await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        await until(lambda: not at.control.readers, "it is forgotten")


@in_loop
async def test_an_answer_to_a_request_that_has_gone_changes_nothing() -> None:
    async with desk() as at:
        reader, writer = await at.sit()
        for piece in (b'{"id":"4KD7Q-00",', b'"answer":"once"}\n', b'{"id":"","answer":"deny"}\n'):
            writer.write(piece)
            await asyncio.sleep(0)
        at.log.exchange(RECORD)
        assert (await line(reader))["kind"] == "record"
        writer.close()


@in_loop
async def test_no_more_than_so_many_read() -> None:
    async with desk() as at:
        seated = [await at.sit() for _ in range(control.MOST_READERS)]
        reader, writer = await asyncio.open_unix_connection(at.path)
        with pytest.raises((ConnectionError, AssertionError)):
            assert await asyncio.wait_for(reader.read(), PATIENCE)
        for _, each in (*seated, (reader, writer)):
            each.close()
        await until(lambda: not at.control.readers, "there is room again")
        (await at.sit())[1].close()


@in_loop
async def test_who_does_not_read_costs_a_bounded_part_of_memory() -> None:
    async with desk() as at:
        _, writer = await at.sit()
        writer.transport.pause_reading()  # type: ignore[attr-defined] # asyncio promises a Transport
        [each] = at.control.readers
        big = RECORD._replace(target="x" * 4096)
        for _ in range(3000):
            at.log.exchange(big)
        assert each._transport.get_write_buffer_size() < 2 * control._SLOW
        assert each._lost > 0
        for _ in range(control._PATIENCE + 1):
            at.control.tell_open({})
        await until(lambda: not at.control.readers, "it is cut off")
        writer.close()


@in_loop
async def test_what_is_never_left_out_cuts_a_slow_reader_off() -> None:
    async with desk() as at:
        _, writer = await at.sit()
        writer.transport.pause_reading()  # type: ignore[attr-defined] # asyncio promises a Transport
        [each] = at.control.readers
        while at.control.readers:
            each.tell("asked", {"text": "x" * 65536})
            await asyncio.sleep(0)
        writer.close()


@in_loop
async def test_a_reader_that_was_slow_is_told_how_much_it_missed() -> None:
    async with desk() as at:
        reader, writer = await at.sit()
        [each] = at.control.readers
        while not each._is_slow:
            each.tell("asked", {"text": "x" * 16384})
        at.log.exchange(RECORD)
        at.control.tell_open({"more": 0})
        while each._is_slow:
            assert (await line(reader))["kind"] == "asked"
        at.control.tell_open({"more": 0})
        while (told := await line(reader))["kind"] == "asked":
            pass
        assert told == {"kind": "open", "more": 0, "lost": 1}
        writer.close()
