"""What a socket hides of the engine's answers: it is cut out of their JSON, and all that is left stays byte for byte.

The table of an answer (`api/answers`) says what may be left. So nothing is searched for, and what is new is left out.

Attacks: docs/attacks.md, views/hiding.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from dockerproxy.api.answers import ALL, ANSWERS, PLAIN, REST, UNREAD, Node, grow_answer, split_words
from dockerproxy.api.catalog import Access, Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.text import fold
from dockerproxy.wire.document import MOST_LEVELS, object_of, read_engine_json, read_value, skip_blanks

_MEMBER: Final = re.compile(
    r'"([^"\\\x00-\x1f]*)":("[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|true|false|null)(?:,(?=")|(?=}))'
).match
"""A field as most are: no escapes, no blanks, no object. Reading these at once takes a third of the time."""

_SIMPLE: Final = ("", None)
"""What may be below a name where nothing must be looked at: a value goes on as it came, or not at all."""

_FALSE: Final = frozenset({"", "0", "false"})

_EVENT: Final = "EVENT"
_EVENTS: Final = {
    "daemon": "DAEMON_EVENT",
    "image": "IMAGE_EVENT",
    "network": "ATTACHED_EVENT",
    "volume": "ATTACHED_EVENT",
}
"""The tables of events that have no labels, or no image, by what they are about."""

_OF_REGISTRIES: Final = frozenset({"DISTRIBUTION", "FOUND_IMAGE"})
"""The tables of what a registry is asked for: why it cannot be reached may name a proxy or a DNS server."""

_ACTION: Final = re.compile(r'"(?:health_status: [a-z]+(?=")|[^":\\]*)').match
_DIGITS: Final = re.compile('"[0-9a-f]{1,64}"').fullmatch
_NO_SUCH: Final = re.compile(r'\{[^{}\\]*"message" *: *"No such ').match
"""How Docker begins to say that an object does not exist. It goes on with the name that the client sent."""


def _cut_action(value: str) -> str | None:
    """Return what happened, without the command that an exec runs."""
    found = _ACTION(value)
    return None if found is None else f'{found[0]}"'


def _keep_digits(value: str) -> str | None:
    """Return what is an ID or a number, and no other label."""
    return value if _DIGITS(value) else None


_EDITS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "": lambda value: value,
    "action": _cut_action,
    "digits": _keep_digits,
}
"""What is written in place of a value that is no object; nothing if it is left out."""


def find_bar(hides: frozenset[str], name: str, request: CanonicalRequest | None = None) -> str:
    """Say why an operation is denied, whatever is granted; empty if what is hidden can be kept out of its answer."""
    if not hides or name in ANSWERS:
        return ""
    used = {f"?{fold(key)}" for key, value in request.query if value not in _FALSE} if request is not None else set()
    for words in (UNREAD.get(name, ALL), *(UNREAD.get(name + each, PLAIN) for each in sorted(used))):
        shown = ", ".join(sorted(hides & split_words(words)))
        if shown:
            return f"its answer may show what this socket hides; to allow it, remove {shown} from hide"
    return ""


def hide(operation: Operation, hides: frozenset[str], status: int, content: bytes) -> bytes | None:
    """Return what a client gets of the content of an answer; None if it cannot be told what that shows."""
    if not content.strip(b" \r\n"):
        return content
    if status >= 300:  # noqa: PLR2004 (after which HTTP has errors, and what else has no content to show)
        return _hide_error(operation, hides, status, content)
    return _cut_by(ANSWERS[operation.name], hides, content)


def hide_line(operation: Operation, hides: frozenset[str], line: bytes) -> bytes | None:
    """Return what a client gets of a line of a stream; None if it is left out.

    An event of the daemon has its whole configuration as attributes, one of a container, image or pod its labels.
    """
    table = ANSWERS[operation.name]
    if table == _EVENT:
        table = _EVENTS.get(str(object_of(read_engine_json(line)).get("Type")), table)
    return _cut_by(table, hides, line)


def _cut_by(table: str, hides: frozenset[str], content: bytes) -> bytes | None:
    return content if table == "-" else cut(content, grow_answer(table, hides))


def _hide_error(operation: Operation, hides: frozenset[str], status: int, content: bytes) -> bytes:
    """Return an error; in the engine's own words if these only repeat what the client asked for."""
    text = content.decode(errors="surrogateescape")
    repeats = operation.access is Access.READ and ANSWERS[operation.name] not in _OF_REGISTRIES
    repeats = repeats and status < 500  # noqa: PLR2004 (an engine's own failures)
    told = cut(content, grow_answer("ERROR", hides)) if repeats or (status == 404 and _NO_SUCH(text)) else None  # noqa: PLR2004
    said = f"the engine answered {status}; what it says is left out, since this socket hides {', '.join(sorted(hides))}"
    return told or json.dumps({"message": said}).encode() + b"\n"


def cut(content: bytes, node: Mapping[str, Node]) -> bytes | None:
    """Return what is left of JSON; None if it is none, or something else than an object or a list of such."""
    text = content.decode(errors="surrogateescape")
    try:
        start = skip_blanks(text, 0)
        left, stop = _reduce(text, start, node, 0)
        end = skip_blanks(text, stop)
    except (ValueError, IndexError, RecursionError):
        return None
    if left is None or end < len(text):
        return None
    return f"{text[:start]}{left}{text[stop:]}".encode(errors="surrogateescape")


def _reduce(text: str, place: int, node: Node, level: int) -> tuple[str | None, int]:
    """Return what is left of the value at a place, None if it does not fit there, and where it stops."""
    if callable(node):
        stop = read_value(text, place)[1]
        return node(text[place:stop]), stop
    if isinstance(node, str) or text[place] not in "{[":
        value, stop = read_value(text, place)
        if not isinstance(node, str):
            rest = node.get(REST)
            return "null" if value is None else rest(text[place:stop]) if callable(rest) else None, stop
        return None if value is not None and _holds_object(value) else _EDITS[node](text[place:stop]), stop
    if level > MOST_LEVELS:
        raise ValueError(level)
    return (_reduce_object if text[place] == "{" else _reduce_list)(text, place, node, level)


def _reduce_object(text: str, place: int, node: Mapping[str, Node], level: int) -> tuple[str | None, int]:
    """Keep the fields that the table has."""
    parts: list[str] = []
    stop, rest = skip_blanks(text, place + 1), node.get(REST)
    while text[stop] != "}":
        member = _MEMBER(text, stop)
        below = None if member is None else node.get(member[1], rest)
        if member is None or below not in _SIMPLE:
            part, stop = _reduce_field(text, stop, node, level)
            if part:
                parts.append(part)
            stop = _go_on(text, stop, "}")
        else:
            if below is not None:
                parts.append(text[stop : member.end(2)])
            stop = member.end()
    return f"{{{','.join(parts)}}}", stop + 1


def _reduce_field(text: str, start: int, node: Mapping[str, Node], level: int) -> tuple[str, int]:
    """Return what is left of a field, with its key, and where it stops."""
    key, stop = read_value(text, start)
    stop = skip_blanks(text, stop)
    if not isinstance(key, str) or text[stop] != ":":
        raise ValueError(stop)
    place, below = skip_blanks(text, stop + 1), node.get(key, node.get(REST))
    if below is None:
        return "", read_value(text, place)[1]
    left, stop = _reduce(text, place, below, level + 1)
    return "" if left is None else f"{text[start:place]}{left}", stop


def _reduce_list(text: str, place: int, node: Mapping[str, Node], level: int) -> tuple[str | None, int]:
    """Reduce each element. They are not left out: a list of which one does not fit does not fit itself."""
    parts: list[str] = []
    stop, fits = skip_blanks(text, place + 1), True
    while text[stop] != "]":
        left, stop = _reduce(text, stop, node, level + 1)
        fits = fits and left is not None
        parts.append(left or "")
        stop = _go_on(text, stop, "]")
    return f"[{','.join(parts)}]" if fits else None, stop + 1


def _go_on(text: str, place: int, closing: str) -> int:
    """Return where the next member begins, or where the last one is followed by the end."""
    stop = skip_blanks(text, place)
    if text[stop] == ",":
        stop = skip_blanks(text, stop + 1)
        if text[stop] == closing:
            raise ValueError(stop)
    elif text[stop] != closing:
        raise ValueError(stop)
    return stop


def _holds_object(value: object) -> bool:
    """Whether a value is an object, or a list with one in it, however deep."""
    level = [value]
    while level:
        if any(isinstance(each, dict) for each in level):
            return True
        level = [item for each in level if isinstance(each, list) for item in each]
    return False
