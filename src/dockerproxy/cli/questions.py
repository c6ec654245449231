"""The other end of the control socket, for verbs that answer: lines that come, and answers that go.

Attack: somebody else listens there, who sends a line without end or of another shape -> Defence: a line has a bound,
and what is no question is left out (test: test_what_is_no_question_is_left_out).
Attack: a client's text that makes lines of its own in front of the person -> Defence: it is escaped, line ends too
(test: test_a_client_cannot_write_lines_of_ours).
Attack: mount the directory of the control socket, and answer from there -> Defence: the person is told
(test: test_a_mount_of_the_control_socket_is_told).
Attack: a proxy in a container, where processes have other numbers, so that a client has the name of a program of ours
-> Defence: names are looked up only if the proxy's own number is the same for both
(test: test_a_program_is_named_only_if_we_count_processes_as_the_proxy_does).
"""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.secrets import HIDDEN, is_secret
from dockerproxy.cli.peers import describe_peer
from dockerproxy.cli.terminal import Style, paint
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.values import Value, items_of, split_mode
from dockerproxy.problems import Problem, UserError
from dockerproxy.proxy.connections import find_peer
from dockerproxy.text import escape
from dockerproxy.wire.document import Json, show
from dockerproxy.workbench.learned import write_item
from dockerproxy.workbench.proposals import find_new_exposures
from dockerproxy.workbench.reading import read_body

WORDS: Final = ("once", "connection", "always", "deny")
_LONGEST: Final = 1 << 22
_PIECE: Final = 1 << 16
_FEW: Final = 12
"""Fields of a body that are shown before somebody asks for all."""

_IGNORED: Final = (b'{"kind":"record"', b'{"kind":"open"')


class Asked(NamedTuple):
    """A request that waits for an answer, the grant that would allow it, and all that the proxy has told of it.

    `lasts` says whether the grant may last longer than the request.
    """

    id: str
    socket: str
    operation: str
    conditions: Mapping[str, Value]
    lasts: bool
    told: Mapping[str, object]


class Over(NamedTuple):
    """A question that is over: what was answered, or why nothing was."""

    id: str
    answer: str


Event: TypeAlias = Asked | Over


class Control:
    """A connection to the control socket of a running proxy.

    It has the `path` of that.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._counts_alike = False
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._rest = b""
        try:
            self._connection.connect(path)
            self._connection.sendall(b'{"answers":true}\n')
        except OSError as error:
            self.close()
            hint = "start the proxy with CONTROL_SOCKET, as the same user"
            raise UserError(Problem(path, f"no proxy answers here: {error.strerror or error}", hint)) from None

    def fileno(self) -> int:
        """Return the descriptor, to wait for."""
        return self._connection.fileno()

    def read(self) -> Iterator[Event] | None:
        """Return what has come; None if the proxy has gone."""
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
        """Return the number of the client's process; 0 if the proxy counts processes otherwise than we."""
        pid = asked.told.get("pid")
        return pid if isinstance(pid, int) and self._counts_alike else 0

    def answer(self, id_: str, word: str) -> None:
        """Answer a question; the proxy may have gone."""
        line = json.dumps({"id": id_, "answer": word}).encode() + b"\n"
        try:
            self._connection.sendall(line)
        except OSError:
            return

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def read_event(line: bytes) -> Event | None:
    """Read a line of the proxy; None if it is about no question."""
    if line.startswith(_IGNORED):
        return None
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"kind": "asked", "id": str(id_), "socket": str(name), "operation": str(operation), "lasts": bool(lasts)}:
            try:
                conditions = read_body(told.get("conditions"))
            except (ValueError, TypeError, KeyError):
                return None
            known = operation in OPERATIONS
            return Asked(id_, name, operation, conditions, lasts, told) if known else None
        case {"kind": "answered", "id": str(id_), "answer": str(word)}:
            return Over(id_, word)
    return None


def list_exposures(asked: Asked, policy: CompiledPolicy, control: str) -> tuple[str, ...]:
    """Say what a client could do besides, each a clause that follows "a client"; `control` is the control socket."""
    binds, place = items_of(asked.conditions.get("binds", ())), os.path.realpath(control)
    is_mounted = any(f"{place}/".startswith(f"{path.rstrip('/')}/") for path, _ in map(split_mode, binds))
    first = ("allows itself everything: it reaches the control socket",) if is_mounted else ()
    return (*first, *find_new_exposures(policy, asked.operation, asked.conditions))


def describe(asked: Asked, policy: CompiledPolicy, control: Control) -> Iterator[str]:
    """Say who asks for what, what it would expose, and by which line it is allowed."""
    told = asked.told
    left = max(0, round(_number(told.get("expires")) - time.time()))
    yield paint(f"{asked.operation} on socket {escape(asked.socket)}", Style.STRONG) + f"  {asked.id}, {left} s left"
    yield f"  who      {escape(describe_peer(int(_number(told.get('uid'))), control.find_process(asked)))}"
    yield f"  request  {_text(told.get('method'))} {_text(told.get('target'))}"
    if told.get("object"):
        yield f"  object   {_text(told.get('object'))}"
    fields = list(list_fields(told.get("body")))  # type: ignore[arg-type] # it was JSON
    for number, line in enumerate(fields[:_FEW]):
        yield f"  {'' if number else 'body':<7}  {line}"
    if len(fields) > _FEW:
        yield f"           and {len(fields) - _FEW} more, with [v]iew"
    faults = told.get("faults")
    for fault in faults if isinstance(faults, list) else ():
        yield paint(f"  beware   {_text(fault)}", Style.BAD)
    for number, line in enumerate(write_item(asked.operation, asked.conditions, " " * 11)):
        yield paint(line if number else f"  allow    {line.lstrip(' ')}", Style.GOOD)
    exposes = list_exposures(asked, policy, control.path)
    for line in (f"a client {says}" for says in exposes) if exposes else ("nothing more",):
        yield paint(f"  exposes  {line}", Style.DOUBTFUL)


def list_fields(document: Json, path: str = "") -> Iterator[str]:
    """Say what a body has, a field a line; secrets are hidden, and what is empty is left out."""
    left: list[tuple[str, Json]] = [(path, document)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left += ((f"{path}.{key}".lstrip("."), below) for key, below in reversed(value.items()))
        elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
            left += ((f"{path}[{number}]", value[number]) for number in reversed(range(len(value))))
        elif value not in (None, "", [], 0, False):
            yield f"{escape(path)} {_show(path, value)}"


def _show(path: str, value: Json) -> str:
    if not is_secret(path):
        whole = json.dumps(value)
        return show(value) if isinstance(value, str | list) and len(whole) <= _SHORT else whole
    if isinstance(value, list):
        return ", ".join(f"{str(each).partition('=')[0]}={HIDDEN}" for each in value if each)
    return HIDDEN


_SHORT: Final = 80


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
