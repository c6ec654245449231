"""Rewrite the head of a session, through which the engine reads a client's files and secrets.

The ID of a session, and the key of an uploaded context, are scoped to the owner by `owner_labels`.

Attacks: docs/attacks.md, builds/sessions.
"""

from typing import Final

from dockerproxy.api.rows import list_rows, read_table, split_row
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import scope
from dockerproxy.wire.head import RequestHead, write_request

_PREFIX: Final = b"x-docker-expose-session-"
_METHOD: Final = _PREFIX + b"grpc-method"
_ID: Final = _PREFIX + b"uuid"
_SCOPED: Final = {_ID: "session", _PREFIX + b"sharedkey": "context"}
_NAME: Final = _PREFIX + b"name"

METHODS: Final = {
    f"/{path}": how for path, how, _ in (split_row(row, 3) for row in list_rows(read_table("sessions", __file__)))
}
"""How the client's messages are read (`builds/streams`), by the path of a method."""

_METHODS: Final = frozenset(map(str.encode, METHODS))


def write_session(head: RequestHead, owner: str) -> bytes | Refusal:
    """Return the head of a session for the engine: names in lower case, each field once."""
    given = [(name, value) for name, value in head.fields if name.startswith(_PREFIX)]
    kept = [field for field in head.fields if field not in given]
    named = dict(given)
    once = [name for name, _ in given if name != _METHOD]
    if len(set(once)) < len(once) or not set(once) <= {*_SCOPED, _NAME} or not named.get(_ID):
        return Refusal(400, "a session has one ID, one name and one key")
    # A space replaces a missing key: engines share contexts without a key (BuildKit source/local).
    scoped = {name: scope(owner, what, (named.get(name) or b" ").decode("latin-1")) for name, what in _SCOPED.items()}
    kept += [(name, value.encode()) for name, value in scoped.items()]
    kept.append((_NAME, named.get(_NAME, b"")))
    kept += [(_METHOD, each) for each in sorted({value for name, value in given if name == _METHOD} & _METHODS)]
    return write_request(head._replace(fields=tuple(kept)), b"/session", upgrade=True)
