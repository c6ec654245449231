"""Read records from a JSON log, however it was collected.

Text before the first brace belongs to the collector: a name from compose, the time of `docker logs -t`, fields of a
journal. Docker's `json-file` driver wraps each line in JSON.

Attack: a client that forges a line -> Defence: its text is a string in our JSON, and never ends a line of the text
format (test: test_what_a_client_sends_cannot_forge_a_record).
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar

from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.model import Pairs, Value
from dockerproxy.text import trim

_Value = TypeVar("_Value", str, int)

_MOST_BEGUN: Final = 65_536
"""Streams without an end, more than there ever are. If a log lost more ends, the oldest count twice."""


class Reading:
    """Records of a log, with their times in seconds since 1970. The two lines of a stream give one record.

    Attributes:
        unreadable: Lines so far that are not from our JSON log.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.unreadable = 0
        self._lines = lines
        self._begun: Counter[int] = Counter()

    def __iter__(self) -> Iterator[tuple[Record, float]]:
        for line in self._lines:
            fields = _find_fields(line)
            try:
                if fields.get("event") == "message" or not trim(line, " \t\r\n"):
                    continue
                record, time = _read_record(fields), datetime.fromisoformat(_take(fields, "time", str)).timestamp()
            except (ValueError, OverflowError):
                self.unreadable += 1
                continue
            if self._is_new(record, begins=fields["event"] == "start"):
                yield record, time

    def _is_new(self, record: Record, *, begins: bool) -> bool:
        exchange = hash((record.socket, record.peer, record.method, record.target, record.object))
        if begins:
            self._begun[exchange] += 1
            if len(self._begun) > _MOST_BEGUN:
                del self._begun[next(iter(self._begun))]
        elif exchange in self._begun:
            self._begun[exchange] -= 1
            if not self._begun[exchange]:
                del self._begun[exchange]  # A log may be long.
            return False
        return True


def _find_fields(line: str) -> Mapping[str, object]:
    """Return the fields of a line of ours, however it is wrapped; none if it is not one."""
    fields = _parse(line)
    inner = fields.get("log")
    return _parse(inner) if isinstance(inner, str) else fields


def _parse(line: str) -> Mapping[str, object]:
    try:
        fields = json.loads(line[line.index("{") :])
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _read_record(fields: Mapping[str, object]) -> Record:
    """Read a line of an exchange.

    Raises:
        ValueError: It is none.
    """
    milliseconds = fields.get("ms")
    if fields.get("event") not in ("exchange", "start") or not isinstance(milliseconds, int | float):
        raise ValueError(fields)
    return Record(
        _take(fields, "socket", str),
        Peer(_take(fields, "uid", int), _take(fields, "gid", int), _take(fields, "pid", int)),
        _take(fields, "method", str),
        _take(fields, "target", str),
        _take(fields, "operation", str),
        _take(fields, "object", str) if "object" in fields else "",  # Logs of older versions have none.
        Outcome(_take(fields, "decision", str)),
        _take(fields, "source", str),
        _take(fields, "reason", str),
        _take(fields, "status", int),
        _take(fields, "received", int),
        _take(fields, "sent", int),
        milliseconds,
        _read_body(fields["body"]) if "body" in fields else None,
    )


def _read_body(value: object) -> Mapping[str, Value]:
    """Read what a contained grant would have to say.

    Raises:
        ValueError: That says something else.
    """
    if not isinstance(value, dict):
        raise ValueError(value)  # noqa: TRY004 (what a file says is a wrong value, whatever its type)
    return {word: _read_value(said) for word, said in value.items()}


def _read_value(value: object) -> Value:
    if isinstance(value, str | bool):
        return value
    if isinstance(value, dict):
        return Pairs(
            tuple((name, item if isinstance(item, str) else _read_texts(item)) for name, item in value.items())
        )
    if isinstance(value, list) and value and isinstance(value[0], list):
        return tuple(map(_read_texts, value))
    return _read_texts(value)


def _read_texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(value)
    return tuple(value)


def _take(fields: Mapping[str, object], name: str, kind: type[_Value]) -> _Value:
    value = fields.get(name)
    if not isinstance(value, kind):
        raise ValueError(name)  # noqa: TRY004 (what a file says is a wrong value, whatever its type)
    if isinstance(value, str):
        value.encode(errors="surrogateescape")  # We write no lone surrogate, unless it stands for a byte.
    return value
