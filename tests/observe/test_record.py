"""A record is one exchange, and has no field that its readers do not get."""

from dockerproxy.observe.log import _fields
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.settings import Level

RECORD = Record(
    "docker", Peer(1, 2, 3), "GET", "/_ping", "SystemPing", "", Outcome.ALLOWED, "PING=1", "", 200, 0, 2, 0.5, {}, "x"
)


def test_every_field_of_a_record_reaches_the_log() -> None:
    found = set(_fields(RECORD, "now", Level.INFO, "exchange"))
    renamed = {"milliseconds": "ms"}
    expected = {renamed.get(name, name) for name in Record._fields if name != "peer"} | set(Peer._fields)
    assert found == expected | {"time", "level", "event"}


def test_a_line_says_nothing_of_a_body_that_is_not_known() -> None:
    assert "body" not in _fields(RECORD._replace(body=None), "now", Level.INFO, "exchange")
    assert "created" not in _fields(RECORD._replace(created=""), "now", Level.INFO, "exchange")


def test_outcomes_are_four() -> None:
    assert [outcome.value for outcome in Outcome] == ["allowed", "denied", "refused", "reported"]
