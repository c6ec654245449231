"""Cut from the engine's answers what a socket hides. The rest stays byte for byte.

The table of an answer (`api/answers`) lists what may stay. Nothing is searched for, and unknown fields are removed.

Attacks: docs/attacks.md, response_filters/hiding.
"""

import json
import re
from collections.abc import Callable
from typing import Final

from dockerproxy.api.answers import ALL, ANSWERS, COUNTING, OF_EVENTS, PLAIN, UNREAD, grow_answer, split_words
from dockerproxy.api.catalog import Access, Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.response_filters.json_filter import AS_IT_CAME, OBJECT, Edits, cut
from dockerproxy.text import fold
from dockerproxy.wire.document import object_of, read_engine_json

_FALSE: Final = frozenset({"", "0", "false"})

_OF_REGISTRIES: Final = frozenset({"DISTRIBUTION", "FOUND_IMAGE"})
"""Tables of answers from registries. An error may name a proxy or a DNS server."""

_ACTION: Final = re.compile(r'"(?:health_status: [a-z]+(?=")|[^":\\]*)').match
_IS_FLAT: Final = re.compile(r'(?:[^"{]++|"(?:[^"\\]++|\\.)*+")*+').fullmatch
_NO_SUCH: Final = re.compile(r'\{[^{}\\]*"message" *: *"No such ').match
"""The start of Docker's message for a missing object. The name from the request follows."""


def _cut_action(value: str) -> str | None:
    """Return an event's action without the command of an exec."""
    found = _ACTION(value)
    return None if found is None else f'{found[0]}"'


def _keep_flat(text: str) -> str | None:
    """Return a value, unless it is an object, or a list that contains one. A text is not searched: it may be long."""
    return text if text[0] not in "{[" or _IS_FLAT(text) else None


def _keep(pattern: str) -> Callable[[str], str | None]:
    """Return an edit that removes values which do not match."""
    fits = re.compile(pattern).fullmatch
    return lambda value: value if fits(value) else None


_EDITS: Final[Edits] = {
    "": _keep_flat,
    OBJECT: _keep("null"),
    "action": _cut_action,
    "nothing": lambda _: None,  # `*` beside it would keep it.
    "digits": _keep('"[0-9a-f]{1,64}"'),  # An ID or a number, and no other label.
}

_BLANK: Final[Edits] = {**AS_IT_CAME, "zero": lambda _: "0"}
"""Edits for counts of all objects."""


def find_bar(hides: frozenset[str], name: str, request: CanonicalRequest | None = None) -> str:
    """Explain why an operation is denied under any grant; empty if hidden data can be kept out of its answer."""
    if not hides or name in ANSWERS:
        return ""
    used = {f"?{fold(key)}" for key, value in request.query if value not in _FALSE} if request is not None else set()
    for words in (UNREAD.get(name, ALL), *(UNREAD.get(name + each, PLAIN) for each in sorted(used))):
        shown = ", ".join(sorted(hides & split_words(words)))
        if shown:
            return f"its answer may show what this socket hides; to allow it, remove {shown} from hide"
    return ""


def hide(operation: Operation, hides: frozenset[str], status: int, content: bytes) -> bytes | None:
    """Return the content for the client; None if its meaning is unknown."""
    if not content.strip(b" \r\n"):
        return content
    if status >= 300:  # noqa: PLR2004 (errors, and statuses without content of their own)
        return _hide_error(operation, hides, status, content)
    return _cut_by(ANSWERS[operation.name], hides, content)


def hide_line(operation: Operation, hides: frozenset[str], line: bytes) -> bytes | None:
    """Return a stream's line for the client; None to leave it out.

    A daemon event has the daemon's whole configuration as attributes; events of containers, images and pods have
    labels.
    """
    table = ANSWERS[operation.name]
    kind = object_of(read_engine_json(line)).get("Type") if table == "EVENT" else ""
    return _cut_by(OF_EVENTS.get(str(kind), table), hides, line)


def _cut_by(table: str, hides: frozenset[str], content: bytes) -> bytes | None:
    return content if table == "-" else cut(content, grow_answer(table, hides), _EDITS)


def blank_counts(name: str, content: bytes) -> bytes | None:
    """Return an answer with 0 for each count of all objects in the engine; None if it is invalid.

    This is for clients whose lists show only some objects.
    """
    return cut(content, grow_answer(COUNTING[name], frozenset({"counts"})), _BLANK)


def _hide_error(operation: Operation, hides: frozenset[str], status: int, content: bytes) -> bytes:
    """Return an error; in the engine's own words if these only repeat the client's request."""
    text = content.decode(errors="surrogateescape")
    repeats = operation.access is Access.READ and ANSWERS[operation.name] not in _OF_REGISTRIES
    repeats = repeats and status < 500  # noqa: PLR2004 (an engine's own failures)
    told = _cut_by("ERROR", hides, content) if repeats or (status == 404 and _NO_SUCH(text)) else None  # noqa: PLR2004
    said = f"the engine answered {status}; its message is left out, since this socket hides {', '.join(sorted(hides))}"
    return told or json.dumps({"message": said}).encode() + b"\n"
