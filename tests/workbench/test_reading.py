"""What the log writes can be read back, whoever kept it."""

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observe.records import ID, SOCKET, load
from observe.test_log import ALLOWED
from rows import for_each
from waiting import PATIENCE

from dockerproxy.api.catalog import OPERATIONS, UNKNOWN
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.process_settings import LogFormat, LogPolls
from dockerproxy.settings import Level
from dockerproxy.workbench.learning import Learner
from dockerproxy.workbench.reading import Records

LOGS: dict[str, Any] = {"target": "/containers/web/logs?follow=1", "operation": "ContainerLogs", "object": "web"}
RECORD = ALLOWED._replace(**LOGS, source="containers:read (policy.yaml:7)", milliseconds=1.5, id="")
DECISIONS = ("4KD7Q-00", "4KD7Q-2F", "4KD7Q-100")
OTHER = RECORD._replace(target="/_ping", operation="SystemPing", object="")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LISTS = st.lists(TEXTS, max_size=3).map(tuple)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.booleans(),
    TEXTS,
    LISTS,
    st.lists(LISTS, min_size=1, max_size=2).map(tuple),
    st.dictionaries(TEXTS, TEXTS | LISTS, max_size=2).map(lambda pairs: Pairs(tuple(pairs.items()))),
)
RECORDS = st.builds(
    Record,
    TEXTS,
    st.builds(Peer, st.integers(-1, 99), st.integers(-1, 99), st.integers(-1, 99)),
    *[TEXTS] * 4,
    st.sampled_from(Outcome),
    TEXTS,
    TEXTS,
    *[st.integers(0, 1 << 40)] * 3,
    st.integers(0, 10**9).map(lambda tenths: tenths / 10),
    st.none() | st.dictionaries(TEXTS, VALUES, max_size=3),
    TEXTS,
    st.sampled_from(["", *DECISIONS]),
)


def write(*records: Record, style: LogFormat = LogFormat.JSON, begin: bool = False) -> list[str]:
    """Return the lines that the log writes of some records."""
    with tempfile.TemporaryFile() as file:
        log = Log(Level.INFO, style, file.fileno())
        for record in records:
            if begin:
                log.start(record)
            log.exchange(record)
        log.message(Level.NOTICE, "stopped")
        log.close(PATIENCE)
        file.seek(0)
        return file.read().decode().splitlines(keepends=True)


def read(lines: list[str]) -> tuple[list[Record], int]:
    """Return the records in some lines, and the number of lines that are none."""
    reading = Records(lines)
    records = [record for record, _ in reading]
    return records, reading.unreadable


@given(st.lists(RECORDS, max_size=3))
def test_what_is_written_is_read(records: list[Record]) -> None:
    assert read(write(*records)) == (records, 0)


NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
IDS = st.sampled_from([ID, f"sha256:{ID}", ID[:12], f"sha256:{ID[:12]}", "web", f"{ID[:12]}{'0' * 52}"])
TARGETS = st.builds(
    lambda name, query: (
        CanonicalRequest(
            method="GET", version="v1.45", path=f"/containers/{name}/json", query=tuple(query), operation=UNKNOWN
        ).target
    ),
    IDS,
    st.lists(st.tuples(TEXTS, TEXTS | IDS), max_size=3),
)
TRICKS = st.sampled_from(
    [
        " uid=0",
        " in=1",
        ' {"',
        "\\",
        "\\x20",
        "-",
        ": ",
        " 200 in=0 out=0 0.1ms: ",
        " by ",
        " of ",
        " begins",
        " id=4KD7Q-00",
        "\udcff",
    ]
)
HOSTILE = st.lists(TEXTS | TRICKS, max_size=4).map("".join)
WRITTEN = st.builds(
    lambda record, canonical, target, method: (
        record if record.decision is Outcome.REFUSED else record._replace(target=canonical, method=method)
    )._replace(socket=target),
    st.builds(
        Record,
        st.just(""),
        st.builds(Peer, st.integers(-1, 99), st.integers(-1, 99), st.integers(-1, 99)),
        HOSTILE,
        HOSTILE,
        st.sampled_from(["", *OPERATIONS]),
        HOSTILE | IDS,
        st.sampled_from(Outcome),
        HOSTILE,
        HOSTILE,
        *[st.integers(0, 1 << 40)] * 3,
        st.floats(0, 10**9),
        st.none() | st.dictionaries(HOSTILE, VALUES, max_size=3),
        id=st.sampled_from(DECISIONS),
    ),
    TARGETS,
    NAMES,
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"]),
)


@given(st.lists(WRITTEN, max_size=3), st.booleans())
def test_a_text_line_is_read_as_the_record_that_it_was(records: list[Record], begin: bool) -> None:  # noqa: FBT001
    lines = write(*records, style=LogFormat.TEXT, begin=begin)
    assert all(line[:-1].isascii() and line[:-1].isprintable() for line in lines)
    assert read(lines) == read(write(*records, begin=begin)) == ([round_off(record) for record in records], 0)


def round_off(record: Record) -> Record:
    return record._replace(milliseconds=round(record.milliseconds, 1))


def test_the_time_is_the_one_at_which_it_was_written() -> None:
    before = datetime.now(UTC).timestamp()
    ((_, when),) = Records(write(RECORD))
    assert before - 0.001 <= when <= datetime.now(UTC).timestamp()


def test_the_beginning_and_the_end_of_a_stream_are_one_exchange() -> None:
    assert read(write(RECORD, RECORD, OTHER, begin=True)) == ([RECORD, RECORD, OTHER], 0)
    begins, ends, *_ = write(RECORD, begin=True)
    assert read([begins, begins, ends]) == ([RECORD, RECORD], 0)
    assert read([ends, begins]) == ([RECORD, RECORD], 0)


@pytest.mark.parametrize("style", LogFormat)
def test_streams_that_are_alike_are_told_apart_by_their_ids(style: LogFormat) -> None:
    one, other = (RECORD._replace(id=each) for each in DECISIONS[:2])
    (begins, _, *_), (_, ends, *_) = (write(each, style=style, begin=True) for each in (one, other))
    assert read([begins, ends]) == ([one, other], 0)


@for_each("style", LogFormat)
@for_each(
    "wrap",
    [
        lambda line: f"dockerproxy-1  | {line}",
        lambda line: f"\x1b[36mdockerproxy-1  |\x1b[0m {line}",
        lambda line: f"2026-03-01T10:00:00.123456789Z {line}",
        lambda line: f"2026-03-01T10:00:00.123456789Z stdout F {line}",
        lambda line: f"Mar 01 10:00:00 host dockerproxy[42]: {line}",
        lambda line: f"  {line.strip()}  \r\n",
        lambda line: json.dumps({"log": line, "stream": "stdout", "time": "2026-03-01T10:00:00.123456789Z"}) + "\n",
        lambda line: json.dumps({"log": f"{line.strip()}"}),
    ],
)
def test_a_line_is_read_however_it_was_kept(wrap: Callable[[str], str], style: LogFormat) -> None:
    assert read([wrap(line) for line in write(RECORD, OTHER, style=style)]) == ([RECORD, OTHER], 0)


def test_a_log_of_a_version_that_knew_no_objects_is_read() -> None:
    line, _ = write(RECORD)
    fields = json.loads(line)
    del fields["object"]
    assert read([json.dumps(fields)]) == ([RECORD._replace(object="")], 0)


@for_each(
    "line",
    [
        "no log at all",
        "2026-11-24T12:00:00.000Z info docker uid=0 gid=0 pid=0 GET",
        "2026-11-24T12:00:00.000Z info docker uid=0 gid=0 pid=0 GET /\\q - denied 403 in=0 out=0 0.1ms",
        "2026-11-24T12:00:00.000Z info docker uid=0 gid=0 pid=0 GET / - denied 403 in=0 out=0 0.1ms body={x}",
        "2026-11-24T12:00:00.000Z info docker uid=0 gid=0 pid=0 GET / - denied 403 in=0 out=0 0.1ms, why",
        "2026-11-24T12:00:99.000Z info docker uid=0 gid=0 pid=0 GET / - denied 403 in=0 out=0 0.1ms",
        "{",
        "[]",
        "{}",
        '{"log": 1}',
        '{"log": "no log at all"}',
        '{"event": ["exchange"]}',
        '{"event": "exchange"}',
        "{" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_lines_that_are_none_of_ours_are_counted(line: str) -> None:
    assert read([line, *write(RECORD), "\n", line]) == ([RECORD], 2)


@for_each(
    ("name", "value"),
    [
        *((name, None) for name in ("time", "socket", "uid", "method", "target", "decision", "status", "ms")),
        ("object", 1),
        ("decision", "maybe"),
        ("time", "yesterday"),
        ("ms", "1"),
        *(("body", body) for body in (1, {"binds": [1]}, {"binds": 1}, {"publish": {"ports": 1}}, {"commands": [[1]]})),
    ],
)
def test_a_line_whose_fields_are_not_as_they_are_written_is_counted(name: str, value: object) -> None:
    fields = json.loads(write(RECORD)[0]) | {name: value}
    assert read([json.dumps(fields)]) == ([], 1)


FORGED = [line.strip() for style in LogFormat for line in write(OTHER, style=style)[:1]]


@pytest.mark.parametrize("style", LogFormat)
@pytest.mark.parametrize("forged", FORGED)
@given(text=HOSTILE)
def test_what_a_client_sends_cannot_forge_a_record(style: LogFormat, forged: str, text: str) -> None:
    refused = RECORD._replace(target=f"/{text}{forged}", decision=Outcome.REFUSED)
    named = RECORD._replace(object=f"{text} {forged}", reason=f"{forged}{text} {forged}")
    lines = write(refused, named, style=style)
    assert read(lines) == ([refused, named], 0)


@pytest.mark.parametrize("style", LogFormat)
def test_what_a_client_sends_cannot_forge_an_id(style: LogFormat) -> None:
    forged = f' 403 in=0 out=0 0.1ms id={DECISIONS[1]}","id":"{DECISIONS[1]}"'
    hostile = RECORD._replace(
        method=forged,
        target=forged,
        object=forged,
        reason=forged,
        decision=Outcome.REFUSED,
        body={"names": (forged,)},
        id=DECISIONS[0],
    )
    assert read(write(hostile, style=style)) == ([hostile], 0)


@pytest.mark.parametrize("style", LogFormat)
@pytest.mark.parametrize("forged", FORGED)
def test_no_part_of_a_line_is_a_record(style: LogFormat, forged: str) -> None:
    hostile = RECORD._replace(
        target=f"/x {forged}",
        object=f"x {forged}",
        reason=f"x {forged}",
        decision=Outcome.REFUSED,
        body={"unrestricted": f"x {forged}", "commands": (("sh", forged), (forged,))},
    )
    line, message = write(hostile, style=style)
    for at in range(1, len(line)):  # Some collectors cut long lines.
        for wrap in (str, lambda piece: json.dumps({"log": piece})):
            assert read([wrap(line[at:]), wrap(message)])[0] == []


def test_a_message_cannot_pass_for_a_record() -> None:
    for style in LogFormat:
        with tempfile.TemporaryFile() as file:
            log = Log(Level.INFO, style, file.fileno())
            log.message(Level.NOTICE, "\n".join(f"x {forged}" for forged in FORGED))
            log.close(PATIENCE)
            file.seek(0)
            assert read(file.read().decode().splitlines()) == ([], 0)


def test_it_does_not_read_further_than_it_is_asked_to() -> None:
    line = write(RECORD)[0]
    reading = Records(iter([line, os.devnull]))
    assert next(iter(reading))[0] == RECORD
    assert reading.unreadable == 0


def test_streams_that_never_end_are_not_all_remembered() -> None:
    begins, ends, *_ = write(RECORD, begin=True)
    others = (begins.replace('"pid":', f'"pid":{number}') for number in range(1, 70_000))
    reading = Records((*others, begins, ends))
    assert sum(1 for _ in reading) == 70_000
    assert len(reading._begun) <= 65_536


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
FIELDS = st.fixed_dictionaries(
    {
        "time": st.sampled_from(["2026-11-24T12:00:00.000Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00"]),
        "event": st.sampled_from(["exchange", "start"]),
        "socket": st.just("web"),
        **{name: st.just(0) for name in ("uid", "gid", "pid", "received", "sent", "ms")},
        "status": st.sampled_from([0, 200, 404, -1, 10**30]),
        "method": st.sampled_from(["GET", "POST", "DELETE"]) | ANY_TEXT,
        "target": st.sampled_from(["/containers/web/json", "/containers/create", "/networks/x/connect"]) | ANY_TEXT,
        "operation": st.sampled_from(["ContainerInspect", "ContainerCreate", ""]) | ANY_TEXT,
        "decision": st.sampled_from(["allowed", "denied", "refused", "reported"]),
        **dict.fromkeys(("object", "source", "reason"), ANY_TEXT),
    },
    optional={
        "body": st.dictionaries(
            st.sampled_from(["binds", "images", "names", "publish", "commands", "unrestricted"]) | ANY_TEXT,
            ANY_TEXT
            | st.booleans()
            | st.lists(ANY_TEXT)
            | st.lists(st.lists(ANY_TEXT))
            | st.dictionaries(ANY_TEXT, ANY_TEXT),
        )
    },
)


@given(st.lists(FIELDS, max_size=4))
def test_whatever_stands_in_a_log_is_learned_from_or_left_out(lines: list[dict[str, object]]) -> None:
    learner = Learner(SOCKET)
    for record, when in Records(json.dumps(line) for line in lines):
        learner.note(record, when)
    text = learner.text()
    assert text.replace("\n", "").isprintable()
    load(text)


@pytest.mark.parametrize("style", LogFormat)
def test_a_line_of_repeated_reads_is_as_many_records(style: LogFormat) -> None:
    with tempfile.TemporaryFile() as file:
        log = Log(Level.INFO, style, file.fileno(), polls=LogPolls.COLLAPSE)
        log.open()
        for number in range(5):
            log.exchange(OTHER._replace(id=f"4KD7Q-0{number}"))
        log.close(PATIENCE)
        file.seek(0)
        lines = file.read().decode().splitlines()
    assert len(lines) == 2
    assert ('"times":4' if style is LogFormat.JSON else " times=4 since=") in lines[1]
    reading = Records(lines)
    assert [record.id for record, _ in reading] == ["4KD7Q-00", *["4KD7Q-04"] * 4]
    assert reading.unreadable == 0


@pytest.mark.parametrize("times", [0, -1, "many", None])
def test_a_line_is_one_record_at_least(times: object) -> None:
    fields = {
        "socket": "a",
        "uid": 0,
        "gid": 0,
        "pid": 0,
        "method": "GET",
        "target": "/_ping",
        "operation": "SystemPing",
    }
    fields |= {"decision": "allowed", "source": "", "reason": "", "status": 200, "received": 0, "sent": 0, "ms": 0.1}
    line = json.dumps({"time": "2026-11-26T09:30:00.000Z", "event": "exchange", "times": times, **fields})
    assert len(list(Records([line]))) == 1
