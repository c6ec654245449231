"""The client of the control socket, for verbs that answer questions: it reads lines and sends answers.

Attacks: docs/attacks.md, cli/questions.
"""

import json
import os
import re
import socket
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.advice.dangers import describe_danger
from dockerproxy.api.catalog import OPERATIONS, Shape
from dockerproxy.cli.peers import describe_peer
from dockerproxy.cli.request import PATIENCE
from dockerproxy.cli.terminal import Style, count, paint
from dockerproxy.policy.asking import ALLOWING
from dockerproxy.policy.values import Value, items_of, split_mode
from dockerproxy.problems import Problem, UserError
from dockerproxy.proxy.connections import find_peer
from dockerproxy.proxy.probing import connect
from dockerproxy.text import escape, unquote
from dockerproxy.wire.document import Json
from dockerproxy.workbench.learned import write_item
from dockerproxy.workbench.proposals import NOTHING, find_new_exposures
from dockerproxy.workbench.reading import read_body

_LONGEST: Final = 1 << 22
_PIECE: Final = 1 << 16
_FEW: Final = 12
_MOST: Final = 240
"""Fields of a body, and characters of a value, that are shown before the full view."""

_IGNORED: Final = (b'{"kind":"record"', b'{"kind":"open"')


class Asked(NamedTuple):
    """A request that waits for an answer, the grant that would allow it, and what the proxy told about it.

    `is_bounded` says whether a policy file can have the grant without allowing more than the request, `allows` which
    answer allows it: `once` or `unrestricted`.
    """

    id: str
    socket: str
    operation: str
    conditions: Mapping[str, Value]
    is_bounded: bool
    allows: str
    told: Mapping[str, object]


class Over(NamedTuple):
    """A question that is over: its answer, or why there was none."""

    id: str
    answer: str


Event: TypeAlias = Asked | Over


class Control:
    """A connection to the control socket, at `path`, of a running proxy."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._counts_alike = False
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._rest = b""
        try:
            connect(self._connection, path, PATIENCE)
            self._connection.sendall(b'{"answers":true}\n')
        except OSError as error:
            self.close()
            hint = "start the proxy with CONTROL_SOCKET, as the same user"
            raise UserError(Problem(path, f"no proxy answers here: {error.strerror or error}", hint)) from None

    def fileno(self) -> int:
        """Return the file descriptor, for select(2)."""
        return self._connection.fileno()

    def read(self) -> Iterator[Event] | None:
        """Return the received events; None if the proxy closed the connection."""
        try:
            piece = self._connection.recv(_PIECE)
        except OSError:
            piece = b""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if not piece or len(self._rest) > _LONGEST:
            return None
        for line in lines:
            if line.startswith(b'{"kind":"hello",'):
                self._counts_alike = f'"pid":{find_peer(self._connection.fileno()).pid},'.encode() in line
        return (event for event in map(read_event, lines) if event is not None)

    def find_process(self, asked: Asked) -> int:
        """Return the client's process ID; 0 if the proxy is in another PID namespace than this process."""
        pid = asked.told.get("pid")
        return pid if isinstance(pid, int) and self._counts_alike else 0

    def answer(self, id_: str, word: str) -> None:
        """Answer a question; a closed connection is ignored."""
        line = json.dumps({"id": id_, "answer": word}).encode() + b"\n"
        try:
            self._connection.sendall(line)
        except OSError:
            return

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def read_event(line: bytes) -> Event | None:
    """Read a line from the proxy; return None if it is not about a question."""
    if line.startswith(_IGNORED):
        return None
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"kind": "asked", "id": str(id_), "socket": str(name), "operation": str(operation), "bounded": bool(fits)}:
            try:
                conditions = read_body(told.get("conditions"))
            except (ValueError, TypeError, KeyError):
                return None
            known = operation in OPERATIONS and told.get("allows") in ALLOWING
            return Asked(id_, name, operation, conditions, fits, told["allows"], told) if known else None
        case {"kind": "answered", "id": str(id_), "answer": str(word)}:
            return Over(id_, word)
    return None


def list_exposures(asked: Asked, control: str) -> tuple[str, ...]:
    """Return what the grant exposes, as clauses that follow "a client"; `control` is the path of the control socket."""
    binds, place = items_of(asked.conditions.get("binds", ())), os.path.realpath(control)
    is_mounted = any(f"{place}/".startswith(f"{path.rstrip('/')}/") for path, _ in map(split_mode, binds))
    first = ("can allow itself everything: it reaches the control socket",) if is_mounted else ()
    return (*first, *find_new_exposures(NOTHING, asked.operation, asked.conditions))


def describe(asked: Asked, control: Control, width: int) -> Iterator[str]:
    """Yield the client, the request and the exposures, wrapped to the width of the terminal, if any."""
    told = asked.told
    left = max(0, round(_number(told.get("expires")) - time.time()))
    yield paint(f"{asked.operation} on socket {escape(asked.socket)}", Style.STRONG) + f"  {asked.id}, {left} s left"
    who = describe_peer(int(_number(told.get("uid"))), control.find_process(asked))
    yield from _label("who", [escape(who)], width)
    yield from _label("request", [_shorten(f"{_text(told.get('method'))} {_text(told.get('target'))}")], width)
    sent = [
        f"{name} {_shorten(_write(value))}" for name, value in _list_headers(told) if name.startswith(_TO_REGISTRIES)
    ]
    yield from _label("sends", sent, width)
    if told.get("object"):
        yield from _label("object", [_text(told.get("object"))], width)
    fields = list(list_fields(told.get("body")))  # type: ignore[arg-type] # it was JSON
    few = [f"{path} {_shorten(value)}".lstrip() for path, value in fields if value not in _EMPTY][:_FEW]
    more = [f"and {len(fields) - len(few)} more, with [v]iew"] if len(fields) > len(few) else []
    yield from _label("body", [*few, *more], width)
    faults = told.get("faults")
    wary = [_text(fault) for fault in faults] if isinstance(faults, list) else []
    if OPERATIONS[asked.operation].shape is Shape.TUNNEL:
        wary.append("later input of the client is not shown")
    for line in wary:
        yield from (paint(row, Style.BAD) for row in _label("beware", [line], width))
    exposes = list_exposures(asked, control.path)
    says = [f"a client {escape(each)}" for each in exposes] or ["nothing more"]
    yield from (paint(row, Style.DOUBTFUL) for each in says for row in _label("exposes", [each], width))


def write_line(asked: Asked, width: int) -> Iterator[str]:
    """Yield the policy line that allows the request without asking, if there is one."""
    if not asked.is_bounded:
        yield "  no line allows only this request"
        return
    danger = describe_danger(asked.operation, asked.conditions)
    what = f"to let clients {danger}, " if danger else ""
    yield f'  {what}add this to "allow" of socket {escape(asked.socket)}, and reload the proxy:'
    lines = write_item(asked.operation, asked.conditions, "")
    yield from (paint(row, Style.GOOD) for row in _label("allow", lines, width))


def view(asked: Asked, width: int) -> Iterator[str]:
    """Yield the full view of the forwarded request, in a margin: target, parameters, header fields and body."""
    told = asked.told
    target = str(told.get("target"))
    lines = [f"{_text(told.get('method'))} {escape(target)}"]
    for piece in filter(None, target.partition("?")[2].split("&")):
        name, _, value = piece.partition("=")
        lines.append(f"  {_write(unquote(name))} {_write(unquote(value))}")
    lines += [f"{name}: {_write(value)}" for name, value in _list_headers(told)]
    lines += _write(told.get("body"), indent=2).split("\n")
    for line in lines:
        size = max(width - len(_MARGIN), 1) if width else len(line) or 1
        yield _MARGIN + line[:size]
        yield from (_CONTINUED + line[at : at + size] for at in range(size, len(line), size))


def list_fields(document: Json) -> Iterator[tuple[str, str]]:
    """Yield the path and value of each field of a body, in ASCII without control characters."""
    left: list[tuple[str, Json]] = [("", document)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict) and value:
            left += ((_join(path, key), below) for key, below in reversed(value.items()))
        elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
            left += ((f"{path}[{number}]", value[number]) for number in reversed(range(len(value))))
        elif path or value is not None:
            yield path, _write(value)


def _join(path: str, key: str) -> str:
    """Return the path of a key. An ambiguous key is quoted."""
    return f"{path}.{key}".lstrip(".") if _IS_NAME(key) else f"{path}[{_write(key)}]"


_IS_NAME: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_EMPTY: Final = frozenset({"null", '""', "[]", "{}", "0", "false"})
"""Values that only the full view shows."""

_TO_REGISTRIES: Final = ("x-registry-", "x-meta-")
"""Prefix of header fields that engines send to registries."""

_MARGIN: Final = "  | "
_CONTINUED: Final = "  > "
"""Margins of the full view: before a line, and before its continuation."""


def _write(value: object, indent: int | None = None) -> str:
    """Return a value as JSON in ASCII, without control characters."""
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


def _shorten(text: str) -> str:
    """Truncate a long text, and append how much is missing."""
    rest = len(text) - _MOST
    return f"{text[:_MOST]} ... and {count(rest, 'more character')}, with [v]iew" if rest > 0 else text


def _list_headers(told: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    headers = told.get("headers")
    for pair in headers if isinstance(headers, list) else ():
        match pair:
            case [str(name), value]:
                yield escape(name), value


def _label(label: str, lines: Iterable[str], width: int) -> Iterator[str]:
    """Yield lines after a label, each wrapped to the width of the terminal."""
    head = f"  {label}"
    for line in lines:
        size = max(width - _COLUMN, 1) if width else len(line) or 1
        for piece in textwrap.wrap(line, size, drop_whitespace=False, break_on_hyphens=False):
            yield f"{head:<{_COLUMN}}{piece}"
            head = ""


_COLUMN: Final = 11
"""The column where client text begins. Only our own words are left of it."""


def _text(value: object) -> str:
    return escape(str(value))


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else -1


def find_control(given: str | None, environment: Mapping[str, str]) -> str:
    """Return the path of the control socket."""
    path = given or environment.get("CONTROL_SOCKET", "")
    if not path:
        hint = "name it with --control, or set CONTROL_SOCKET as for the proxy"
        raise UserError(Problem("--control", "the control socket is not known", hint))
    return os.path.abspath(path)
