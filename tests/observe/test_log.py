"""The log: a line a record, whatever a client sends and however slow the reader is."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each
from waiting import PATIENCE

from dockerproxy.observe.log import Log, _dump_said, _write_said
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.process_settings import LogFormat
from dockerproxy.settings import Level

ID = "0123456789ab" * 5 + "0123"
WHO, DONE = "docker uid=1000 gid=999 pid=42", "in=0 out=1234 1.3ms id=4KD7Q-00"
ALLOWED = Record(
    socket="docker",
    peer=Peer(1000, 999, 42),
    method="GET",
    target="/containers/json?all=1",
    operation="ContainerList",
    object="",
    decision=Outcome.ALLOWED,
    source="CONTAINERS=1",
    reason="",
    status=200,
    received=0,
    sent=1234,
    milliseconds=1.26,
    id="4KD7Q-00",
)
DENIED = ALLOWED._replace(
    decision=Outcome.DENIED,
    source="",
    status=403,
    reason="ContainerList denied: no rule allows it; to allow it, set CONTAINERS=1",
)
REFUSED = DENIED._replace(
    decision=Outcome.REFUSED, operation="", status=400, reason="ambiguous path: a dot segment", target="/../x"
)


class Piped:
    """A log into a pipe, and its reader, which does not read before it is told to."""

    def __init__(self, level: Level, style: LogFormat, *, blocking: bool) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, blocking)
        self._data = b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.log = Log(level, style, self._write)
        self.log.open()

    def start_reading(self) -> None:
        """Read from now on, as the logging driver of an engine does."""
        self._thread.start()

    def finish(self) -> list[str]:
        """Close the log and return its lines."""
        if not self._thread.ident:
            self.start_reading()
        self.log.close(PATIENCE)
        self.end()
        *lines, rest = self._data.decode().split("\n")
        assert rest == "", "the last line has no end"
        return lines

    def end(self) -> None:
        """Let the log write what it has, and close both ends."""
        if self._write >= 0:
            if not self._thread.ident:
                os.close(self._read)  # Nobody will read; what is being written ends with an error.
            self.log.close(PATIENCE)
            assert not self.log._thread.is_alive(), "the log does not end"
            os.close(self._write)
            self._write = -1
            if self._thread.ident:
                self._thread.join(PATIENCE)
                os.close(self._read)

    def _run(self) -> None:
        while piece := os.read(self._read, 1 << 16):
            self._data += piece


@contextmanager
def piped(level: Level = Level.INFO, style: LogFormat = LogFormat.JSON, *, blocking: bool = True) -> Iterator[Piped]:
    """Give a log into a pipe; everything is closed at the end."""
    pipe = Piped(level, style, blocking=blocking)
    try:
        yield pipe
    finally:
        pipe.end()


def logged(*records: Record, level: Level = Level.INFO, style: LogFormat = LogFormat.TEXT) -> list[str]:
    """Return the lines that records leave."""
    with piped(Level.DEBUG, style) as pipe:
        for record in records:
            pipe.log.exchange(record, level)
        return pipe.finish()


def parse(line: str) -> dict[str, object]:
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


# What a line says


@for_each(
    ("record", "level", "expected"),
    [
        (
            ALLOWED,
            Level.INFO,
            f"info {WHO} GET /containers/json?all=1 ContainerList allowed by CONTAINERS=1 200 {DONE}",
        ),
        (
            DENIED,
            Level.WARNING,
            f"warning {WHO} GET /containers/json?all=1 ContainerList denied 403 {DONE}: {DENIED.reason}",
        ),
        (
            ALLOWED._replace(operation="ContainerStart", target="/containers/4/start", object="web"),
            Level.INFO,
            f"info {WHO} GET /containers/4/start ContainerStart of web allowed by CONTAINERS=1 200 {DONE}",
        ),
        (
            ALLOWED._replace(target="/x", object="a b\nc\ud800", decision=Outcome.REPORTED, source="", reason="no"),
            Level.WARNING,
            f"warning {WHO} GET /x ContainerList of a\\x20b\\nc\\ud800 reported 200 {DONE}: no",
        ),
        (
            REFUSED,
            Level.WARNING,
            f"warning {WHO} GET /../x - refused 400 {DONE}: ambiguous path: a dot segment",
        ),
        (
            ALLOWED._replace(target="/x", operation="SystemPing", source="PING=1", body={"binds": ("/a b",)}),
            Level.INFO,
            f'info {WHO} GET /x SystemPing allowed by PING=1 200 {DONE} body={{"binds":["/a b"]}}',
        ),
        (
            ALLOWED._replace(operation="ContainerStop", target=f"/containers/{ID}/stop", object=ID, source="A=1"),
            Level.INFO,
            f"info {WHO} GET /containers/{ID}/stop ContainerStop of {ID[:12]} allowed by A=1 200 {DONE}",
        ),
        (
            ALLOWED._replace(operation="ContainerStop", target="/containers/web/stop", object=ID, source="A=1"),
            Level.INFO,
            f"info {WHO} GET /containers/web/stop ContainerStop of {ID} allowed by A=1 200 {DONE}",
        ),
        (
            REFUSED._replace(method="", target=""),
            Level.ERR,
            f"err {WHO} - - - refused 400 {DONE}: ambiguous path: a dot segment",
        ),
    ],
)
def test_a_line_of_text_says_who_asked_for_what_and_what_became_of_it(
    record: Record, level: Level, expected: str
) -> None:
    (line,) = logged(record, level=level)
    when, _, rest = line.partition(" ")
    assert rest == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", when)


def test_a_line_of_json_has_every_field_of_the_record() -> None:
    (line,) = logged(DENIED, level=Level.WARNING, style=LogFormat.JSON)
    found = parse(line)
    assert datetime.now(UTC) - datetime.fromisoformat(str(found.pop("time"))) < timedelta(seconds=PATIENCE)
    assert found == {
        "level": "warning",
        "event": "exchange",
        "socket": "docker",
        "uid": 1000,
        "gid": 999,
        "pid": 42,
        "method": "GET",
        "target": "/containers/json?all=1",
        "operation": "ContainerList",
        "object": "",
        "decision": "denied",
        "source": "",
        "reason": "ContainerList denied: no rule allows it; to allow it, set CONTAINERS=1",
        "status": 403,
        "received": 0,
        "sent": 1234,
        "ms": 1.3,
        "id": "4KD7Q-00",
    }


@pytest.mark.parametrize("style", LogFormat)
def test_the_start_of_a_stream_is_told_from_its_end(style: LogFormat) -> None:
    with piped(style=style) as pipe:
        pipe.log.start(ALLOWED)
        pipe.log.exchange(ALLOWED)
        start, end = pipe.finish()
    if style is LogFormat.JSON:
        assert (parse(start)["event"], parse(end)["event"]) == ("start", "exchange")
    else:
        assert start.endswith("out=1234 1.3ms id=4KD7Q-00 begins")
        assert end.endswith("out=1234 1.3ms id=4KD7Q-00")


@pytest.mark.parametrize("style", LogFormat)
def test_each_line_of_a_message_is_a_line_of_the_log(style: LogFormat) -> None:
    with piped(style=style) as pipe:
        pipe.log.message(Level.NOTICE, "one\n  two\x1b[31m\nthree é")
        lines = pipe.finish()
    if style is LogFormat.JSON:
        found = [parse(line) for line in lines]
        assert [line["text"] for line in found] == ["one", "  two\x1b[31m", "three é"]
        assert {(line["level"], line["event"]) for line in found} == {("notice", "message")}
    else:
        assert [line.partition(" ")[2] for line in lines] == [
            "notice one",
            r"notice   two\x1b[31m",
            r"notice three \xe9",
        ]


# What a client cannot do

HOSTILE = st.text(st.sampled_from("ab/ \n\r\t\x1b\x00\x7f\x85\x9b\u2028\u202eé\\\"'") | st.characters(), max_size=30)


@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(LogFormat))
def test_no_text_of_a_client_makes_a_line_of_its_own_or_reaches_a_terminal(
    method: str, target: str, reason: str, style: LogFormat
) -> None:
    records = [REFUSED._replace(method=method, target=target, reason=reason), ALLOWED]
    first, second = logged(*records, style=style)
    assert first.isascii()
    assert first.isprintable()
    assert ALLOWED.target in second


@given(HOSTILE, HOSTILE, HOSTILE)
def test_in_json_the_text_of_a_client_is_kept_as_it_is(method: str, target: str, reason: str) -> None:
    text = [part.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for part in (method, target, reason)]
    (line,) = logged(REFUSED._replace(method=text[0], target=text[1], reason=text[2]), style=LogFormat.JSON)
    found = parse(line)
    assert [found["method"], found["target"], found["reason"]] == text


@pytest.mark.parametrize("target", ["/x ContainerList allowed by CONTAINERS=1 200 in=0 out=1", "/a b", " "])
def test_a_refused_target_cannot_pass_for_other_fields_of_the_line(target: str) -> None:
    (line,) = logged(REFUSED._replace(target=target))
    honest, *_ = logged(REFUSED)
    assert line.count(" ") == honest.count(" ")


# Which lines are written


@for_each("least", Level)
def test_lines_below_the_level_are_not_written(least: Level) -> None:
    with piped(least) as pipe:
        for level in Level:
            pipe.log.exchange(ALLOWED, level)
            pipe.log.message(level, "x")
        pipe.log.start(ALLOWED)
        found = [parse(line) for line in pipe.finish()]
    written = [level.value for level in Level if level.rank >= least.rank]
    assert [line["level"] for line in found if line["event"] == "exchange"] == written
    assert [line["level"] for line in found if line["event"] == "message"] == written
    assert [line["level"] for line in found if line["event"] == "start"] == ["info"] * (least.rank <= Level.INFO.rank)


def test_lines_come_in_the_order_they_were_left() -> None:
    lines = logged(*(ALLOWED._replace(sent=number) for number in range(5000)), style=LogFormat.JSON)
    assert [parse(line)["sent"] for line in lines] == list(range(5000))


# Readers that are slow or gone


def test_a_reader_that_reads_nothing_never_blocks_a_writer_nor_fills_the_memory() -> None:
    (line,) = logged(ALLOWED, style=LogFormat.JSON)
    most = 5 * 1024 * 1024 // len(line)
    with piped() as pipe:
        for _ in range(2 * most):
            pipe.log.exchange(ALLOWED)
        assert 2 * most - pipe.log.dropped < most


def test_lines_that_found_no_room_are_counted_and_reported_to_the_reader_that_comes_back() -> None:
    with piped() as pipe:
        total = 0
        while pipe.log.dropped < 1000:
            pipe.log.exchange(ALLOWED)
            total += 1
        found = [parse(line) for line in pipe.finish()]
    exchanges = [line for line in found if line["event"] == "exchange"]
    reports = [str(line["text"]) for line in found if line["event"] == "message"]
    assert len(exchanges) + sum(int(report.partition(" lines dropped here")[0]) for report in reports) == total


def test_a_writer_finds_room_again_when_the_reader_has_caught_up() -> None:
    with piped() as pipe:
        while not pipe.log.dropped:
            pipe.log.exchange(ALLOWED)
        pipe.start_reading()
        deadline = time.monotonic() + PATIENCE
        while pipe.log.dropped and time.monotonic() < deadline:
            pipe.log.exchange(ALLOWED._replace(method="LAST"))
        assert pipe.log.dropped == 0
        lines = [parse(line) for line in pipe.finish()]
    report = next(at for at, line in enumerate(lines) if line["event"] == "message")
    assert lines[report]["level"] == "warning"
    assert [line["method"] for line in lines[report + 1 :]] == ["LAST"]


def test_closing_waits_for_a_slow_reader_no_longer_than_it_is_told_to() -> None:
    with piped() as pipe:
        for _ in range(2000):
            pipe.log.exchange(ALLOWED)
        begun = time.monotonic()
        pipe.log.close(0.1)
        assert time.monotonic() - begun < PATIENCE


def test_a_reader_that_has_gone_stops_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    log = Log(Level.INFO, LogFormat.TEXT, write)
    for _ in range(30_000):
        log.exchange(ALLOWED)
    log.close(PATIENCE)
    assert not log._thread.is_alive()
    os.close(write)


def test_a_closed_descriptor_stops_nothing() -> None:
    # A program of its own, so that no other file gets the number of the closed one meanwhile.
    program = """if True:
        import os
        from dockerproxy.observe.log import Log
        from dockerproxy.process_settings import LogFormat
        from dockerproxy.settings import Level
        os.close(1)
        log = Log(Level.INFO, LogFormat.TEXT)
        log.message(Level.CRIT, "nobody hears this")
        log.close(10)
        assert not log._thread.is_alive()
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_descriptor_that_does_not_block_gets_every_line() -> None:
    with piped(blocking=False) as pipe:
        for number in range(3000):
            pipe.log.exchange(ALLOWED._replace(sent=number))
        assert [parse(line)["sent"] for line in pipe.finish()] == list(range(3000))


def test_what_a_body_would_need_is_said_in_json() -> None:
    body: dict[str, Value] = {
        "binds": ("/srv", "/a"),
        "commands": (("ls", "/"),),
        "publish": Pairs((("ports", ("80",)),)),
    }
    (line,) = logged(ALLOWED._replace(body=body), style=LogFormat.JSON)
    expected = {"binds": ["/srv", "/a"], "commands": [["ls", "/"]], "publish": {"ports": ["80"]}}
    assert parse(line)["body"] == expected


@pytest.mark.parametrize("style", LogFormat)
def test_a_name_that_a_client_made_long_is_written_and_not_remembered(style: LogFormat) -> None:
    record = DENIED._replace(object="x" * 200_000)
    before = _write_said.cache_info(), _dump_said.cache_info()
    end, ours = os.pipe()
    os.set_blocking(ours, False)
    log = Log(Level.INFO, style, ours)
    log.exchange(record)
    assert record.object in log._queue[0]
    assert (_write_said.cache_info(), _dump_said.cache_info()) == before
    os.close(end)
    os.close(ours)
