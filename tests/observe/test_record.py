"""A record is one exchange, and has no field that its readers do not get."""

import json
import os

from waiting import PATIENCE

from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.process_settings import LogFormat
from dockerproxy.settings import Level

RECORD = Record(
    "docker", Peer(1, 2, 3), "GET", "/_ping", "SystemPing", "", Outcome.ALLOWED, "PING=1", "", 200, 0, 2, 0.5, {}, "x"
)


def fields_of(record: Record) -> dict[str, object]:
    """Return what the log writes of a record."""
    end, ours = os.pipe()
    log = Log(Level.INFO, LogFormat.JSON, ours)
    log.exchange(record)
    log.close(PATIENCE)
    os.close(ours)
    with open(end) as lines:
        return dict(json.loads(lines.read()))


def test_every_field_of_a_record_reaches_the_log() -> None:
    found = set(fields_of(RECORD))
    renamed = {"milliseconds": "ms"}
    expected = {renamed.get(name, name) for name in Record._fields if name != "peer"} | set(Peer._fields)
    assert found == expected | {"time", "level", "event"}


def test_a_line_says_nothing_of_a_body_that_is_not_known() -> None:
    assert "body" not in fields_of(RECORD._replace(body=None))
    assert "created" not in fields_of(RECORD._replace(created=""))


def test_outcomes_are_four() -> None:
    assert [outcome.value for outcome in Outcome] == ["allowed", "denied", "refused", "reported"]
