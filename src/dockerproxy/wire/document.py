"""Read and write the JSON of a request body. Ambiguous JSON is refused.

Go's decoder, which accepts more than others, reads the JSON after us. Keys that differ only in case are refused in
`policy/reader`, where the known keys are.

Attacks: docs/attacks.md, wire/document.
"""

import json
import math
import re
from collections import Counter
from typing import Final, NoReturn, TypeAlias

from dockerproxy.errors import Refusal
from dockerproxy.text import lower

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MOST_LEVELS: Final = 64
"""Levels of nested lists and objects. Engines use about a dozen."""

MOST_PARTS: Final = 30_000
"""Values in a body. Limits the decoder's time."""

_LONGEST: Final = 4 * 1024 * 1024
"""Bytes of an engine's value that is read at once. Texts with nothing but escapes take 10 ms."""

_PIECE: Final = 64 * 1024

_PARTS: Final = (b",", b"{", b"[")
"""Each value except the first comes after one of these. Strings may contain them too, so the limit is generous."""

_INT64: Final = range(-(2**63), 2**63)
_MOST_DIGITS: Final = 18
"""Of an integer that fits Go's int64. Go rejects longer ones."""

_MOST_OF_FRACTION: Final = 32
"""Characters of a number with a fraction. The longest that Python and Go write has 24."""

_TOO_DEEP: Final = f"the body is nested more than {MOST_LEVELS} levels deep"
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]").search
"""Only an escape can be an unpaired surrogate: its raw bytes are invalid UTF-8."""


class _UnclearError(Exception):
    """An ambiguous value."""


_OUTER: Final = (dict, list)


def read_json(content: bytes) -> Json | Refusal:
    """Read one JSON value, and nothing after it."""
    if len(content) > MOST_PARTS < count_parts(content):
        return Refusal(400, f"the body has more than {MOST_PARTS} values; commas and brackets in strings count")
    try:
        text = content.decode()
        value: Json = _DECODER.decode(text)
        if _ESCAPED_SURROGATE(text):
            write_json(value)
    except (_UnclearError, ValueError, RecursionError) as error:
        return Refusal(400, _say(error))
    # Counting by removal is several times faster than two counts.
    if len(content) - len(content.replace(b"[", b"").replace(b"{", b"")) > MOST_LEVELS and _is_deep(value):
        return Refusal(400, _TOO_DEEP)
    return value


def read_engine_json(content: bytes) -> Json:
    """Read JSON of an engine, however it is formatted; None if it is invalid, or takes long."""
    try:
        value: Json = None if takes_long(content) else json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value


def takes_long(content: bytes) -> bool:
    """Whether reading JSON in one call takes more than some milliseconds, in which no client is served."""
    if not MOST_PARTS < len(content) <= _LONGEST:
        return len(content) > _LONGEST
    parts = 0
    return any(
        (parts := parts + count_parts(content[start : start + _PIECE])) > MOST_PARTS
        for start in range(0, len(content), _PIECE)
    )


read_value: Final = json.JSONDecoder().raw_decode
"""Read one JSON value of an engine at a position in a text. Returns the value and where it ends."""

_BLANKS: Final = re.compile(r"[ \t\n\r]*").match


def skip_blanks(text: str, place: int) -> int:
    """Return the position after any JSON whitespace."""
    blanks = _BLANKS(text, place)
    return place if blanks is None else blanks.end()


def count_parts(content: bytes) -> int:
    """Return an upper bound of a JSON text's values. Decoding time grows with their number, not with the length."""
    return sum(map(content.count, _PARTS))


def _say(error: Exception) -> str:
    match error:
        case UnicodeDecodeError():
            return "invalid UTF-8 in the body"
        case UnicodeEncodeError():
            return "ambiguous JSON in the body: an unpaired surrogate"
        case _UnclearError():
            return f"ambiguous JSON in the body: {error}"
        case RecursionError():
            return _TOO_DEEP
    return f"malformed JSON in the body: {error}"


def object_of(value: object) -> dict[str, Json]:
    """Return a JSON value if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Json]:
    """Return a JSON value if it is a list, else an empty list."""
    return value if isinstance(value, list) else []


def write_json(value: Json) -> bytes:
    """Write a JSON value without whitespace."""
    return _ENCODER.encode(value).encode()


def _is_deep(value: Json) -> bool:
    """Whether a value exceeds the limit of levels. Goes level by level, so that no depth overflows the stack."""
    level: list[dict[str, Json] | list[Json]] = [value] if isinstance(value, _OUTER) else []
    for _ in range(MOST_LEVELS):
        below = [item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer)]
        level = [item for item in below if isinstance(item, _OUTER)]
        if not level:
            return False
    return True


def _read_object(pairs: list[tuple[str, Json]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise _UnclearError(f"duplicate key {show(key)}")
    return found


def _read_whole(text: str) -> int:
    if len(text) > _MOST_DIGITS and (len(text) > _MOST_DIGITS + 2 or int(text) not in _INT64):
        raise _UnclearError("an integer does not fit in 64 bits")
    return int(text)


def _read_fraction(text: str) -> float:
    if len(text) > _MOST_OF_FRACTION:
        raise _UnclearError("a number has too many digits")
    number = float(text)
    if repr(number) == text:  # The usual spelling.
        return number
    if math.isinf(number):
        raise _UnclearError(f"the number {text} is too large")
    if _split_number(text) != _split_number(repr(number)):
        raise _UnclearError(f"the number {text} would lose precision")
    return number


def _split_number(text: str) -> tuple[str, int]:
    """Return the significant digits of a number, and the power of ten by which they count. Ignores the sign.

    `Decimal` rejects exponents of 20 digits, and Debian's cannot be imported after the process is locked down.
    """
    mantissa, _, power = lower(text).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = f"{whole}{fraction}".lstrip("-0")
    significant = digits.rstrip("0")
    return significant, int(power or 0) - len(fraction) + len(digits) - len(significant) if significant else 0


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON value")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_read_object,
    parse_int=_read_whole,
    parse_float=_read_fraction,
    parse_constant=_refuse_constant,
)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))

_SHOWN: Final = 80
"""Characters of a value that a message shows."""

_IS_PLAIN: Final = re.compile(r"[ !#-\[\]-~]{0,60}").fullmatch
"""A text that JSON writes without escapes."""


def show(value: Json) -> str:
    """Write a value for a message, cut short. Only the shown part is encoded."""
    if isinstance(value, str) and _IS_PLAIN(value):
        return f'"{value}"'
    text = ""
    for piece in _PIECES.iterencode(value[: _SHOWN + 1] if isinstance(value, str) else value):
        text += piece[: _SHOWN + 1]
        if len(text) > _SHOWN:
            return f"{text[:_SHOWN]}..."
    return text


_PIECES: Final = json.JSONEncoder(check_circular=False)
