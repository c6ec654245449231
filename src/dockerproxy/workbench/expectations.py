"""Read an operator's expectations of a policy: one per line, `allow METHOD TARGET` or `deny METHOD TARGET`.

A body follows the target: JSON in braces, or `< FILE` for the content of a file.

    # dozzle may look, and nothing else
    socket dozzle
    allow GET /v1.45/containers/json
    deny  POST /v1.45/containers/web/stop
    deny  POST /containers/create {"Image": "app", "HostConfig": {"Privileged": true}}
    allow POST /containers/create < create.json

A line `socket NAME` selects the socket for the lines below it. `deny` also accepts a refusal. A `#` after a space
begins a comment.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dockerproxy.config.document import Place
from dockerproxy.config.files import open_file, read_bytes
from dockerproxy.config.near import hint_at, show
from dockerproxy.errors import Refusal
from dockerproxy.policy.values import list_names
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings
from dockerproxy.wire.document import read_json

_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_WORD: Final = re.compile(r"\S+")
_METHOD: Final = re.compile(r"[A-Z]+")

_BEFORE_BODY: Final = 3
"""Words before the body: allow or deny, a method, a target."""

MOST_OF_BODY: Final = 1 << 26
"""Bytes of a body in a file. A socket holds a mebibyte of a body by default, and may be set to hold more."""

_ALLOW: Final = "allow"
_SOCKET: Final = "socket"
_WORDS: Final = (_ALLOW, "deny", _SOCKET)
_FORM: Final = "a line is `allow METHOD TARGET`, `deny METHOD TARGET` or `socket NAME`"
_FORM_OF_BODY: Final = "a body after the target is JSON in braces, or `< FILE`"


class Expectation(NamedTuple):
    """Whether a socket should allow a request, and the place of the line. The body is None if it is not given."""

    place: Place
    socket: SocketSettings
    allowed: bool
    method: str
    target: str
    body: bytes | None = None


class Reader:
    """Reads expectations, and collects their problems.

    Lines before the first `socket` apply to the chosen socket; without one, they are invalid.
    """

    def __init__(self, sockets: Sequence[SocketSettings], chosen: SocketSettings | None) -> None:
        self.expectations: list[Expectation] = []
        self.problems: list[Problem] = []
        self._sockets: Mapping[str, SocketSettings] = {socket.name: socket for socket in sockets}
        self._chosen = chosen
        self._socket = chosen

    def read(self, text: str, file: str) -> None:
        """Read the text of a file; paths in it are relative to its directory."""
        self._socket = self._chosen
        before = len(self.expectations) + len(self.problems)
        for number, line in enumerate(text.splitlines(), 1):
            said = _COMMENT.sub("", line).rstrip()
            found = list(_WORD.finditer(said))
            words = [word[0] for word in found]
            if len(words) > _BEFORE_BODY and words[0] != _SOCKET:
                words[_BEFORE_BODY:] = [said[found[_BEFORE_BODY].start() :]]
            if words:
                self._read_line(words, [Place(file, number, word.start() + 1) for word in found])
        if len(self.expectations) + len(self.problems) == before:
            self.problems.append(Problem(file, "no expectations", _FORM))

    def _read_line(self, words: list[str], places: list[Place]) -> None:
        if words[0] not in _WORDS:
            self._problem(places[0], f"unknown word {show(words[0])}", hint_at(words[0], _WORDS, _FORM))
        elif words[0] == _SOCKET:
            self._read_socket(words, places)
        elif len(words) < _BEFORE_BODY:
            self._problem(places[0], f"{words[0]} takes a method and a target", _FORM)
        elif _METHOD.fullmatch(words[1]) is None:
            self._problem(places[1], f"{show(words[1])} is not a method", "write it in capitals, like GET")
        elif self._socket is None:
            hint = f"add a line above: socket {list_names(list(self._sockets))}"
            self._problem(places[0], "missing socket", hint)
            self._socket = next(iter(self._sockets.values()))
        else:
            body = self._read_body(words[_BEFORE_BODY], places[_BEFORE_BODY]) if len(words) > _BEFORE_BODY else None
            expected = Expectation(places[0], self._socket, words[0] == _ALLOW, words[1], words[2], body)
            self.expectations.append(expected)

    def _read_body(self, text: str, place: Place) -> bytes:
        if text.startswith("<"):
            path = os.path.join(os.path.dirname(place.file), text[1:].strip())
            try:
                return read_bytes(open_file(path), path, MOST_OF_BODY)
            except UserError as error:
                self._problem(place, f"{path}: {error.problems[0].what}", _FORM_OF_BODY)
        elif not text.startswith("{"):
            self._problem(place, f"invalid body {show(text)}", _FORM_OF_BODY)
        elif isinstance(read := read_json(text.encode()), Refusal):
            self._problem(place, read.reason, _FORM_OF_BODY)
        return text.encode()

    def _read_socket(self, words: list[str], places: list[Place]) -> None:
        """Select another socket; if it is unknown, any socket, so that the lines below are read too."""
        self._socket = self._sockets.get(words[-1], next(iter(self._sockets.values())))
        if len(words) != len(("socket", "NAME")):
            self._problem(places[0], "socket takes one name", "like: socket traefik")
        elif words[1] not in self._sockets:
            hint = hint_at(words[1], self._sockets, f"it has {list_names(list(self._sockets), 'and')}")
            self._problem(places[1], f"{show(words[1])} is not a socket of the policy", hint)

    def _problem(self, place: Place, what: str, hint: str) -> None:
        self.problems.append(Problem(str(place), what, hint))
