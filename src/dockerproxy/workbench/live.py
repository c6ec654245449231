"""The state of a running proxy, from the lines of its control socket.

Only lines change the state. There is no clock and no I/O here, so tests, pictures and the terminal show the same state
for the same lines.

Attacks: docs/attacks.md, workbench/live.
"""

import json
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from dockerproxy.api.catalog import OPERATIONS, Shape
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.workbench.rates import Durations, Rate
from dockerproxy.workbench.reading import read_record, read_time
from dockerproxy.workbench.reasons import is_missing

PROTOCOL: Final = 1
MOST: Final = 1000
"""Items of each kind that are kept."""

MOST_RECORDS: Final = 500
"""Recent requests that are kept completely."""

_GONE: Final = 300.0
"""Seconds after which a disconnected client is forgotten."""

_FAILED: Final = 500
"""The lowest status that means an error of the engine."""

_LARGEST: Final = 2**62
"""The largest number that is accepted, so that sums can still be shown."""

_QUICK: Final = frozenset(name for name, operation in OPERATIONS.items() if operation.shape is Shape.REPLY)
"""Whether the engine answers an operation at once."""

_NUMBERS: Final = ("uid", "gid", "pid", "status", "received", "sent", "ms")

_Key = TypeVar("_Key", bound=Hashable)
_Kept = TypeVar("_Kept")
Fields = Mapping[str, object]


class Hello(NamedTuple):
    """The proxy that sends the lines. Its sockets come with the list of connections."""

    protocol: int
    version: str
    pid: int
    started: float


class Socket(NamedTuple):
    """A socket of the proxy, as last reported."""

    name: str
    mode: str
    connections: int
    policy: str


class Connection(NamedTuple):
    """A connection of a client, with its current request."""

    socket: str
    id: int
    uid: int
    pid: int
    since: float
    method: str
    target: str
    operation: str
    object: str
    shape: str
    state: str
    received: int
    sent: int


class Seen(NamedTuple):
    """A request, and the time of its record, in seconds since 1970."""

    record: Record
    time: float


class Traffic:
    """The requests of a socket, a client or an operation.

    Refused requests count as denied. Durations are only of operations that the engine answers at once.
    """

    __slots__ = ("at", "denied", "durations", "last", "rate", "received", "requests", "sent")

    def __init__(self) -> None:
        self.requests = self.denied = self.received = self.sent = 0
        self.rate, self.durations = Rate(), Durations()
        self.last: Seen | None = None
        self.at = 0.0

    def note(self, seen: Seen, now: float, times: int) -> None:
        """Count requests, except the end of a stream that was counted when it began."""
        self.last, self.at = seen, now
        record = seen.record
        self.requests += times
        self.rate.add(now, times)
        self.received += record.received
        self.sent += record.sent
        if record.decision in {Outcome.DENIED, Outcome.REFUSED}:
            self.denied += times
        elif record.operation in _QUICK and 0 < record.status < _FAILED:
            self.durations.add(record.milliseconds)


class Denials:
    """Requests that were denied for the same reason: how many, and the last one."""

    __slots__ = ("count", "last")

    def __init__(self, first: Seen) -> None:
        self.count, self.last = 0, first


_Scalar = TypeVar("_Scalar", str, int, float)
_Told = TypeVar("_Told", Hello, Socket, Connection)

ClientKey = tuple[str, int, int]
"""Socket, uid and pid."""


FindProgram = Callable[[int, int], str]


class Live:
    """The state, which only `take` and `lose` change. In every collection, the newest item is last.

    Args:
        find_program: Returns the program that a process runs now; empty if unknown. Gets the process IDs of the
            client and of the proxy.

    Attributes:
        more: Connections that the proxy left out.
        lost: Records that the proxy left out because we were too slow.
        told: The time of the last list of connections, by the proxy's clock and by ours.
        programs: Programs of clients, by their names when they were first seen.
        held: Requests that wait for the answer of an operator, by ID.
        unreadable: Lines that do not belong to the protocol.
    """

    def __init__(self, find_program: FindProgram = lambda *_: "") -> None:
        self._find_program = find_program
        self.hello: Hello | None = None
        self._forget()
        self.unreadable = 0

    def _forget(self) -> None:
        self.sockets: tuple[Socket, ...] = ()
        self.connections: tuple[Connection, ...] = ()
        self.more = self.lost = 0
        self.told = (0.0, 0.0)
        self.by_socket: dict[str, Traffic] = {}
        self.by_client: dict[ClientKey, Traffic] = {}
        self.by_operation: dict[tuple[str, str], Traffic] = {}
        self.programs: dict[ClientKey, str] = {}
        self.denials: dict[tuple[str, str, str, str], Denials] = {}
        self.records: deque[Seen] = deque(maxlen=MOST_RECORDS)
        self.held: dict[str, Fields] = {}
        self._begun: dict[tuple[str, str], None] = {}

    def take(self, line: str, now: float) -> None:
        """Take a line at `now`, in seconds of a monotonic clock."""
        try:
            fields = json.loads(line)
            match fields["kind"]:
                case "hello":
                    self._take_hello(_read(Hello, fields))
                case "open":
                    self._take_open(fields, now)
                case "record":
                    self._take_record(fields, now)
                case "asked":
                    held = _value(fields, "id", str)
                    _find(self.held, held, dict)
                    self.held[held] = fields
                case "answered":
                    self.held.pop(_value(fields, "id", str), None)
                case _:
                    self.unreadable += 1
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            self.unreadable += 1

    def lose(self) -> None:
        """Note the end of the connection to the proxy: nothing is open any more."""
        self.connections, self.more, self.held = (), 0, {}

    def _take_hello(self, hello: Hello) -> None:
        if self.hello != hello:  # Another proxy.
            self._forget()
        self.hello = hello
        self.held = {}

    def _take_open(self, fields: Fields, now: float) -> None:
        sockets = [_read(Socket, each) for each in _list(fields, "sockets")]
        connections = [_read(Connection, each) for each in _list(fields, "connections")]
        self.told = (_value(fields, "time", float), now)
        self.more, self.lost = _value(fields, "more", int), _value(fields, "lost", int)
        self.sockets, self.connections = tuple(sockets), tuple(connections)
        for each in connections:
            key = each.socket, each.uid, each.pid
            _find(self.by_client, key, Traffic).at = now
            self._name(key)
        while self.by_client and now - self.by_client[oldest := next(iter(self.by_client))].at > _GONE:
            del self.by_client[oldest]

    def _take_record(self, fields: Fields, now: float) -> None:
        for name in _NUMBERS:
            _value(fields, name, float)
        seen = Seen(read_record(fields), read_time(fields.get("time")))
        record = seen.record
        exchange = record.socket, record.id
        times = 0 if exchange in self._begun else 1
        if fields["event"] == "start":
            _find(self._begun, exchange, lambda: None)
        else:
            self._begun.pop(exchange, None)
        client = record.socket, record.peer.uid, record.peer.pid
        self._name(client)
        for activity in (
            _find(self.by_socket, record.socket, Traffic),
            _find(self.by_client, client, Traffic),
            _find(self.by_operation, (record.socket, record.operation), Traffic),
        ):
            activity.note(seen, now, times)
        if times:
            self.records.append(seen)
        if times and record.decision is not Outcome.ALLOWED and not is_missing(record):
            key = record.socket, record.operation, record.decision, record.reason
            denials = _find(self.denials, key, lambda: Denials(seen))
            denials.count += 1
            denials.last = seen

    def _name(self, client: ClientKey) -> None:
        """Find the program of a client while it runs. Later, another process may get its ID."""
        if not _find(self.programs, client, str):
            self.programs[client] = self._find_program(client[2], self.hello.pid if self.hello is not None else 0)


def _find(kept: dict[_Key, _Kept], key: _Key, make: Callable[[], _Kept]) -> _Kept:
    """Return the item of a key and move it to the end; if there are too many items, drop the first."""
    value = kept.pop(key) if key in kept else make()
    if len(kept) >= MOST:
        del kept[next(iter(kept))]
    kept[key] = value
    return value


_DEFAULTS: Final[Mapping[type, object]] = {str: "", int: 0, float: 0.0}


def _value(fields: Fields, name: str, kind: type[_Scalar]) -> _Scalar:
    value: Any = fields.get(name, _DEFAULTS[kind])
    is_one = isinstance(value, (int, float) if kind is float else kind)
    if not is_one or (kind is not str and not abs(value) <= _LARGEST):  # Nor is NaN.
        raise TypeError(name)
    return kind(value)


def _list(fields: Fields, name: str) -> Iterable[Fields]:
    """Return a list of objects, cut to the limit."""
    value = fields.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError(name)
    return value[:MOST]


def _read(kind: type[_Told], fields: Fields) -> _Told:
    """Read a message. A connection without a current request has fewer fields."""
    return kind(**{name: _value(fields, name, of) for name, of in kind.__annotations__.items()})
