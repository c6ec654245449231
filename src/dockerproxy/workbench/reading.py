"""Read records back from a log, in either format, even if a log collector changed its lines.

A collector may prefix a line: Compose with a name, `docker logs -t` with a time, a journal with fields. Docker's
`json-file` driver wraps each line in a JSON string. The format of a line is that of the first match: the head of a text
record, or a brace. The log escapes both in client text (`log.py`).
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import repeat
from types import MappingProxyType
from typing import Final, TypeVar, cast

from dockerproxy.observe.log import find_whole_id
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.settings import Level
from dockerproxy.text import trim

_Value = TypeVar("_Value", str, int)

_MOST_TIMES: Final = 100_000
"""Exchanges that one line may count."""

_LARGEST: Final = 1 << 63
"""An upper bound for numbers in a record. Sums of larger ones cannot be printed."""

_MOST_BEGUN: Final = 65_536
"""Open streams that are kept. There are never so many at a time. If a log has lost more ends, the oldest are forgotten,
and may count twice."""


class Records:
    """The records in the lines of a log, each with its time in seconds since 1970, and the count of unreadable lines.

    The first and last line of a stream give one record. A line for repeated reads gives as many as it counts. Lines in
    other formats go to `others`.
    """

    def __init__(
        self, lines: Iterable[str], others: Callable[[str], Mapping[str, object]] = lambda _: MappingProxyType({})
    ) -> None:
        self.unreadable = 0
        self._lines = lines
        self._others = others
        self._begun: Counter[int] = Counter()

    def __iter__(self) -> Iterator[tuple[Record, float]]:
        for record, time, times in self.grouped():
            yield from repeat((record, time), times)

    def grouped(self) -> Iterator[tuple[Record, float, int]]:
        """Yield each record once, with its time and the number of exchanges that it counts."""
        for line in self._lines:
            try:
                fields = _find_fields(line)
                fields = fields if "event" in fields else self._others(line)
                if fields.get("event") == "message" or not trim(line, " \t\r\n"):
                    continue
                record, time = read_record(fields), read_time(fields.get("time"))
            except (ValueError, OverflowError, RecursionError):
                self.unreadable += 1
                continue
            if self._is_new(record, begins=fields["event"] == "start"):
                times = fields.get("times", 1)
                yield record, time, max(1, min(times, _MOST_TIMES)) if isinstance(times, int) else 1

    def _is_new(self, record: Record, *, begins: bool) -> bool:
        exchange = hash((record.socket, record.peer, record.method, record.target, record.object, record.id))
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


_LINE: Final = re.compile(
    rf"(?P<time>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:]{{8}}\.[0-9]{{3}}Z) (?:{'|'.join(Level)}) (?P<rest>.*)",
    re.DOTALL,
)
"""A line of the text format, from its timestamp on."""

_NUMBER: Final = "-?[0-9]{1,18}"
_EXCHANGE: Final = re.compile(
    rf"(?P<socket>\S+) uid=(?P<uid>{_NUMBER}) gid=(?P<gid>{_NUMBER}) pid=(?P<pid>{_NUMBER})"
    r" (?P<method>\S+) (?P<target>\S+) (?P<operation>\S+)(?: of (?P<object>\S+))?"
    rf" (?P<decision>{'|'.join(Outcome)})(?: by (?P<source>.+?))?"
    rf" (?P<status>{_NUMBER})(?: created=(?P<created>\S+))?"
    rf" in=(?P<received>{_NUMBER}) out=(?P<sent>{_NUMBER}) (?P<ms>[0-9]{{1,18}}\.[0-9])ms"
    r"(?: id=(?P<id>[0-9A-Z-]*))?(?P<start> begins)?(?: times=(?P<times>[0-9]{1,18}) since=\S+)?(?P<rest>.*)"
).fullmatch
_TEXTS: Final = ("socket", "method", "target", "operation", "decision", "source", "reason")
_NUMBERS: Final = ("uid", "gid", "pid", "status", "received", "sent")
_OPTIONAL: Final = {"object": "", "created": "", "id": ""}
"""Text fields that most records, or logs of older versions, lack."""

_BODY: Final = " body="
_DECODER: Final = json.JSONDecoder()
_ESCAPED: Final = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.|$)")
_SIGNS: Final = {r"\\": "\\", r"\n": "\n", r"\r": "\r", r"\t": "\t"}


def _find_fields(line: str) -> Mapping[str, object]:
    """Return the fields of a line, unwrapped if necessary; empty if it is not in our format."""
    brace = line.find("{")
    text = _LINE.search(line) if brace else None
    if text is not None and (brace < 0 or text.start() < brace):
        return _read_text(text["time"], trim(text["rest"], " \t\r\n"))
    fields = parse(line)
    inner = fields.get("log")
    return _find_fields(inner) if isinstance(inner, str) else fields


def _read_text(time: str, text: str) -> Mapping[str, object]:
    """Return the fields of a line in the text format, as in JSON."""
    found = _EXCHANGE(text)
    if found is None:
        return {} if " uid=" in text else {"event": "message"}
    said = {name: value or "" for name, value in found.groupdict().items()}
    rest, begins, times = said.pop("rest"), said.pop("start"), int(said.pop("times") or 1)
    whole = find_whole_id(said["object"], said["target"])
    body: dict[str, object] = {}
    if rest.startswith(_BODY):
        body["body"], end = _DECODER.raw_decode(rest, len(_BODY))
        rest = rest[end:]
    if rest and not rest.startswith(": "):
        return {}
    fields: dict[str, object] = {
        name: int(value) if name in _NUMBERS else _decode(value) for name, value in said.items()
    }
    fields |= {"time": time, "event": "start" if begins else "exchange", "ms": float(said["ms"]), "times": times}
    return {**fields, **body, "object": whole or fields["object"], "reason": _decode(rest.removeprefix(": "))}


def _decode(text: str) -> str:
    """Unescape a text of the log. Raises `ValueError` if the log did not write it."""
    return "" if text == "-" else _ESCAPED.sub(_unescape, text)


def _unescape(found: re.Match[str]) -> str:
    escaped = found[0]
    return _SIGNS[escaped] if escaped in _SIGNS else chr(int(escaped[2:] or "none", base=16))


def parse(line: str) -> Mapping[str, object]:
    """Return the JSON object in a line, from its first brace to its end; empty if there is none."""
    try:
        fields = json.loads(line[line.index("{") :])
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def read_record(fields: Mapping[str, object]) -> Record:
    """Read the record of an exchange. Raises `ValueError` if the fields are not one."""
    event, milliseconds = fields.get("event"), fields.get("ms")
    if event not in ("exchange", "start") or not isinstance(milliseconds, int | float):
        raise ValueError(fields)
    if not 0 <= milliseconds < _LARGEST:  # JSON has NaN and Infinity here.
        raise ValueError(milliseconds)
    socket, method, target, operation, decision, source, reason = _take(fields, _TEXTS, str)
    named, created, decision_id = _take({**_OPTIONAL, **fields}, _OPTIONAL, str)
    uid, gid, pid, status, received, sent = numbers = _take(fields, _NUMBERS, int)
    if not -_LARGEST < min(numbers) <= max(numbers) < _LARGEST:
        raise ValueError(numbers)
    asked = socket, Peer(uid, gid, pid), method, target, operation, named, Outcome(decision), source, reason
    body = read_body(fields["body"]) if "body" in fields else None
    return Record(*asked, status, received, sent, milliseconds, body, created, decision_id)


def read_time(text: object) -> float:
    """Read a time. Raises `ValueError` if it is not a valid time in UTC."""
    if not isinstance(text, str):
        raise ValueError(text)  # noqa: TRY004 (what a file says is a wrong value, whatever its type)
    time = datetime.fromisoformat(text).timestamp()
    datetime.fromtimestamp(time, UTC)
    return time


def read_body(value: object) -> Mapping[str, Value]:
    """Read the conditions that a contained grant would need. Raises `ValueError` if they are invalid."""
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


def _take(fields: Mapping[str, object], names: Iterable[str], kind: type[_Value]) -> list[_Value]:
    """Return values, all of one type. Must be fast: it runs for each of a million lines."""
    values: list[object] = [fields.get(name) for name in names]
    if {*map(type, values)} != {kind}:
        raise ValueError(values)
    if kind is str:
        text = "".join(cast("list[str]", values))
        if not text.isascii():
            text.encode(errors="surrogateescape")  # We write no lone surrogate, except for a raw byte.
    return cast("list[_Value]", values)
