"""What `schema` prints is a schema: of a file that editors read, or of the log, each line of which it accepts."""

import json

import pytest
from cli.programs import run
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from observe.records import records
from observe.test_log import ALLOWED, DENIED, HOSTILE, REFUSED, parse, piped
from rows import for_each

from dockerproxy.cli.main import USAGE
from dockerproxy.config.schema import make_schema
from dockerproxy.observe.log import Log
from dockerproxy.observe.record import MAX_TARGET, Outcome, Peer, Record
from dockerproxy.policy.values import Pairs
from dockerproxy.process_settings import LogFormat, LogPolls
from dockerproxy.settings import Level

SCHEMA = json.loads(run("schema", "log").out)
CHECK = Draft202012Validator(
    SCHEMA | {"additionalProperties": False}, format_checker=Draft202012Validator.FORMAT_CHECKER
).validate
"""Of a reader that takes no field that it does not know."""

FULL = DENIED._replace(
    body={"user": "any", "tty": True, "labels": Pairs((("a", "b"), ("c", ("d",)))), "binds": (), "commands": (("x",),)},
    created="web",
    decision=Outcome.REPORTED,
)


def lines_of(*records: Record) -> list[dict[str, object]]:
    """Return a line of each event for each record, each also counted as a poll."""
    with piped(Level.DEBUG) as pipe:
        polls = Log(Level.DEBUG, LogFormat.JSON, pipe.log._descriptor, polls=LogPolls.COLLAPSE)
        for record in records:
            pipe.log.start(record)
            pipe.log.exchange(record, Level.WARNING)
            pipe.log.message(Level.EMERG, f"{record.target}\n{record.reason}")
            for _ in range(3):
                polls.exchange(record)
        polls.open()
        polls.close()
        return [parse(line) for line in pipe.finish()]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@given(st.lists(records(), max_size=5))
def test_each_line_of_the_log_is_accepted(those: list[Record]) -> None:
    for line in lines_of(*those):
        CHECK(line)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_each_line_is_accepted_whatever_a_client_sends(method: str, target: str, reason: str) -> None:
    for line in lines_of(REFUSED._replace(method=method, target=target, reason=reason, object=reason)):
        CHECK(line)


def test_the_schema_has_the_fields_that_a_line_has_and_no_others() -> None:
    lines = lines_of(ALLOWED, FULL)
    for line in lines:
        CHECK(line)
    assert {name for line in lines for name in line} == SCHEMA["properties"].keys()
    assert {tuple(line) for line in lines if line["event"] == "message"} == {tuple(SCHEMA["then"]["required"])}
    every = set.intersection(*(set(line) for line in lines if line["event"] != "message"))
    assert every == set(SCHEMA["else"]["required"])


@for_each(
    "change",
    [
        {"decision": "perhaps"},
        {"level": "warn"},
        {"event": "other"},
        {"uid": "0"},
        {"status": -1},
        {"status": True},
        {"target": "x" * (MAX_TARGET + 1)},
        {"time": "2026-11-24 16:18:13"},
        {"body": {"binds": [1]}},
        {"times": 2},
        {"more": ""},
    ],
)
def test_what_the_log_never_writes_is_not_accepted(change: dict[str, object]) -> None:
    line = lines_of(ALLOWED._replace(peer=Peer(0, 0, 0)))[0]
    CHECK(line)
    with pytest.raises(ValidationError):
        CHECK(line | change)


@pytest.mark.parametrize("event", ["exchange", "message"])
def test_a_line_that_lacks_a_field_is_not_accepted(event: str) -> None:
    line = next(line for line in lines_of(ALLOWED) if line["event"] == event)
    for name in line:
        with pytest.raises(ValidationError):
            CHECK({other: value for other, value in line.items() if other != name})


def test_each_field_says_how_stable_it_is_and_only_texts_for_people_change_their_words() -> None:
    said = {name: field["x-stability"] for name, field in SCHEMA["properties"].items()}
    assert set(said.values()) == {"stable", "wording", "growing"}
    assert {name for name, stability in said.items() if stability == "wording"} == {"source", "reason", "text"}
    assert {name for name, stability in said.items() if stability == "growing"} == {"body"}


def test_each_level_and_decision_is_listed() -> None:
    assert SCHEMA["properties"]["level"]["enum"] == [*Level]
    assert SCHEMA["properties"]["decision"]["enum"] == [*Outcome]
    assert SCHEMA["properties"]["target"]["maxLength"] == MAX_TARGET


def test_the_schema_is_printed_whole() -> None:
    done = run("schema")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == json.loads(json.dumps(make_schema()))
    assert done.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert done.out.endswith("\n}\n")


def test_its_help_says_how_an_editor_gets_it() -> None:
    assert "# yaml-language-server: $schema=" in run("schema", "--help").out


def test_the_schema_of_the_log_is_printed_whole() -> None:
    done = run("schema", "log")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert done.out.endswith("\n}\n")


def test_there_are_no_other_schemas() -> None:
    assert run("schema", "metrics").status == USAGE
