"""The tables of `top`: which parts of the state each of them shows."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from dockerproxy.api.catalog import Shape
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.workbench.live import ClientKey, Connection, Live, Traffic
from dockerproxy.workbench.reasons import split_reason
from dockerproxy.workbench.table import Cell, Column, Row, Tone, cell, clean
from dockerproxy.workbench.units import write_age, write_duration, write_number, write_rate

LASTING: Final = frozenset({Shape.STREAM, Shape.TUNNEL, Shape.WAIT})
"""Shapes of long requests."""

_TONES: Final = {Outcome.DENIED: Tone.BAD, Outcome.REFUSED: Tone.BAD, Outcome.REPORTED: Tone.DOUBTFUL}
_BARS: Final = " ▁▂▃▄▅▆▇█"
_SLOW: Final = 0.95


class Panel(NamedTuple):
    """A table: a function that lists its rows, the initial sort column, and a text for no rows."""

    name: str
    columns: tuple[Column, ...]
    list_rows: Callable[[Live, float], Iterable[Row]]
    by: int
    empty: str


def draw_bars(numbers: tuple[int, ...], width: int) -> str:
    """Draw `width` bars, each for equally many numbers; the highest bar is a full block."""
    each = len(numbers) // width
    sums = [sum(numbers[start : start + each]) for start in range(0, width * each, each)] if each else []
    highest = max(sums, default=0)
    return "".join(_BARS[-(-number * (len(_BARS) - 1) // max(highest, 1))] for number in sums)


def name_client(live: Live, key: ClientKey) -> str:
    """Return the client's program, if known, and its process ID."""
    _, uid, pid = key
    return live.programs.get(key) or (f"uid {uid}" if pid else f"uid {uid}, unseen")


def _number(number: float, tone: Tone | None = None) -> Cell:
    return Cell(write_number(number), number, tone if number else Tone.FAINT)


def _count(activity: Traffic, now: float) -> tuple[Cell, ...]:
    """Return cells for the rate and number of requests, and the number of denials."""
    rate = activity.rate.per_second(now)
    of_rate = Cell(write_rate(rate), rate, None if rate else Tone.FAINT)
    return of_rate, _number(activity.requests), _number(activity.denied, Tone.BAD)


def _measure(activity: Traffic | Connection) -> tuple[Cell, Cell]:
    """Return cells for the bytes in and out."""
    return _number(activity.received), _number(activity.sent)


def _last(activity: Traffic) -> tuple[Cell, ...]:
    """Return cells for the median and a high quantile of the durations."""
    found = (activity.durations.find_quantile(share) for share in (0.5, _SLOW))
    return tuple(Cell(write_duration(each), -1.0 if each is None else each) for each in found)


def _time(time: float) -> Cell:
    return Cell(datetime.fromtimestamp(time, UTC).strftime("%H:%M:%S"), time)


def _list_sockets(live: Live, now: float) -> Iterator[Row]:
    told = {socket.name: socket for socket in live.sockets}
    shapes = Counter((each.socket, each.shape) for each in live.connections)
    for name in dict.fromkeys((*told, *live.by_socket)):
        activity = live.by_socket.get(name) or Traffic()
        bars = draw_bars(activity.rate.list_seconds(now), _BARS_WIDTH)
        yield Row(
            name,
            name,
            (
                cell(name),
                cell(told[name].mode if name in told else "gone"),
                _number(told[name].connections if name in told else 0),
                *_count(activity, now),
                _number(shapes[name, Shape.STREAM]),
                _number(shapes[name, Shape.TUNNEL]),
                *_measure(activity),
                *_last(activity),
                Cell(bars, 0, Tone.GOOD),
            ),
            about=activity.last,
        )


_BARS_WIDTH: Final = 30


def _list_clients(live: Live, now: float) -> Iterator[Row]:
    opened = Counter((each.socket, each.uid, each.pid) for each in live.connections)
    for key, activity in live.by_client.items():
        socket, uid, pid = key
        last = activity.last
        yield Row(
            key,
            socket,
            (
                cell(name_client(live, key)),
                Cell(str(pid or "-"), pid),
                Cell(str(uid), uid),
                cell(socket),
                *_count(activity, now),
                _number(opened[key]),
                *_measure(activity),
                cell(last.record.operation or "unknown" if last is not None else "-"),
            ),
            tone=Tone.PLAIN if opened[key] else Tone.FAINT,
            about=last,
        )


def _list_lasting(live: Live, now: float) -> Iterator[Row]:
    time, then = live.told
    for each in live.connections:
        if each.shape not in LASTING:
            continue
        age = time - each.since + now - then
        yield Row(
            (each.socket, each.id),
            each.socket,
            (
                Cell(write_age(age), age),
                cell(each.shape),
                cell(each.socket),
                cell(name_client(live, (each.socket, each.uid, each.pid))),
                Cell(str(each.pid or "-"), each.pid),
                cell(each.operation),
                cell(each.object or each.target),
                *_measure(each),
            ),
            about=each,
        )


def _list_denials(live: Live, now: float) -> Iterator[Row]:
    del now
    for key, denials in live.denials.items():
        record = denials.last.record
        tone = _TONES[record.decision]
        wrong, advice = split_reason(record.reason)
        said = (clean(wrong.removeprefix(f"{record.operation} denied: ")), tone)
        yield Row(
            key,
            record.socket,
            (
                _time(denials.last.time),
                _number(denials.count),
                cell(record.socket),
                cell(_name_peer(live, record)),
                cell(str(record.decision)),
                cell(record.operation or f"{record.method} {record.target}"),
            ),
            tone=tone,
            below=(said, (f"→ {clean(advice)}", Tone.GOOD)) if advice else (said,),
            about=denials.last,
        )


def _name_peer(live: Live, record: Record) -> str:
    return name_client(live, (record.socket, record.peer.uid, record.peer.pid))


def _list_operations(live: Live, now: float) -> Iterator[Row]:
    for (socket, operation), activity in live.by_operation.items():
        yield Row(
            (socket, operation),
            socket,
            (cell(operation or "unknown"), cell(socket), *_count(activity, now), *_last(activity), *_measure(activity)),
            about=activity.last,
        )


def _list_requests(live: Live, now: float) -> Iterator[Row]:
    del now
    for seen in reversed(live.records):
        record, time = seen
        yield Row(
            (record.socket, record.id, time),
            record.socket,
            (
                _time(time),
                cell(record.socket),
                cell(_name_peer(live, record)),
                cell(str(record.decision)),
                Cell(str(record.status or "-"), record.status),
                cell(f"{record.method} {record.target}"),
                Cell(write_duration(record.milliseconds), record.milliseconds),
            ),
            tone=_TONES.get(record.decision, Tone.PLAIN),
            about=seen,
        )


def _n(title: str, width: int, rank: int = 0) -> Column:
    return Column(title, width, rank, is_number=True)


# fmt: off
SOCKETS: Final = Panel(
    "Sockets",
    (
        Column("SOCKET", 9, grows=True), Column("MODE", 7, 3), _n("CLIENTS", 7), _n("REQ/S", 6), _n("TOTAL", 6, 2),
        _n("DENIED", 6), _n("STREAMS", 7), _n("TUNNELS", 7), _n("IN", 6), _n("OUT", 6), _n("P50", 6), _n("P95", 6, 1),
        Column("LAST MINUTE", _BARS_WIDTH, 4),
    ),
    _list_sockets, 0, "no sockets yet",
)
CLIENTS: Final = Panel(
    "Clients",
    (
        Column("PROGRAM", 10, grows=True), _n("PID", 7), _n("UID", 6, 2), Column("SOCKET", 9), _n("REQ/S", 6),
        _n("TOTAL", 6), _n("DENIED", 6), _n("OPEN", 4), _n("IN", 6), _n("OUT", 6), Column("LAST", 20, 3),
    ),
    _list_clients, 4, "no clients are connected",
)
STREAMS: Final = Panel(
    "Streams",
    (
        _n("AGE", 6), Column("SHAPE", 6), Column("SOCKET", 9), Column("PROGRAM", 10), _n("PID", 7, 2),
        Column("OPERATION", 18, grows=True), Column("OBJECT", 16, 3, grows=True), _n("IN", 6), _n("OUT", 6),
    ),
    _list_lasting, 0, "no open streams or tunnels",
)
DENIALS: Final = Panel(
    "Denials",
    (
        _n("TIME", 8), _n("COUNT", 6), Column("SOCKET", 9), Column("PROGRAM", 10), Column("DECISION", 8),
        Column("OPERATION", 12, grows=True),
    ),
    _list_denials, 0, "no denials",
)
OPERATIONS: Final = Panel(
    "Operations",
    (
        Column("OPERATION", 16, grows=True), Column("SOCKET", 9), _n("REQ/S", 6), _n("TOTAL", 6), _n("DENIED", 6),
        _n("P50", 6), _n("P95", 6), _n("IN", 6, 1), _n("OUT", 6),
    ),
    _list_operations, 2, "no requests yet",
)
REQUESTS: Final = Panel(
    "Requests",
    (
        _n("TIME", 8), Column("SOCKET", 9), Column("PROGRAM", 10, 1), Column("DECISION", 8), _n("STATUS", 6),
        Column("REQUEST", 24, grows=True), _n("TOOK", 6),
    ),
    _list_requests, 0, "no requests yet",
)
# fmt: on
PANELS: Final = (CLIENTS, DENIALS, STREAMS, OPERATIONS, REQUESTS)


def describe_connection(live: Live, connection: Connection, now: float) -> Iterator[tuple[str, str]]:
    """Yield every known detail of a connection."""
    time, then = live.told
    key = connection.socket, connection.uid, connection.pid
    yield "socket", connection.socket
    yield "client", f"{live.programs.get(key) or 'unknown program'}, uid {connection.uid}, pid {connection.pid}"
    yield "request", f"{connection.method} {connection.target}"
    yield "operation", connection.operation
    if connection.object:
        yield "object", connection.object
    yield "shape", f"{connection.shape}, {connection.state}"
    yield "age", write_age(time - connection.since + now - then)
    yield "bytes", f"{connection.received} received, {connection.sent} sent"
