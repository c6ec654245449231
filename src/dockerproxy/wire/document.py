"""Read and write the JSON of a request body. Ambiguous JSON is refused.

Behind us Go's decoder reads it, which accepts more than others. Keys that differ in case are refused in
`policy/reader`, where the keys are known.

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
"""Nesting of lists and objects. Engines know a dozen levels."""

MOST_PARTS: Final = 30_000
"""Values that a body may have, to limit the decoder's time."""

_PARTS: Final = (b",", b"{", b"[")
"""Stands at each value but the first, or in it. Texts have it too, so the limit is generous."""

_INT64: Final = range(-(2**63), 2**63)
_MOST_DIGITS: Final = 18
"""Of a whole number that fits Go's int64. Others are an error for Go."""

_MOST_OF_FRACTION: Final = 32
"""Characters of another number. Python and Go write the longest with 24."""

_TOO_DEEP: Final = f"the body is nested more than {MOST_LEVELS} levels deep"
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]").search
"""Only an escape can be a lone surrogate: its bytes are invalid UTF-8."""


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
    # Leaving signs out finds them several times sooner than counting does.
    if len(content) - len(content.replace(b"[", b"").replace(b"{", b"")) > MOST_LEVELS and _is_deep(value):
        return Refusal(400, _TOO_DEEP)
    return value


def read_engine_json(content: bytes) -> Json:
    """Read JSON of an engine, which may be written in any way; None if it is none."""
    try:
        value: Json = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value


read_value: Final = json.JSONDecoder().raw_decode
"""Read the JSON of an engine that begins at a place of a text; return where it stops, too."""

_BLANKS: Final = re.compile(r"[ \t\n\r]*").match


def skip_blanks(text: str, place: int) -> int:
    """Return where what follows the blanks of JSON begins."""
    blanks = _BLANKS(text, place)
    return place if blanks is None else blanks.end()


def count_parts(content: bytes) -> int:
    """Return how many values JSON may have: more of them take longer to read, whatever its length."""
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
    """Return an object that was read; an empty one of any other value."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Json]:
    """Return a list that was read; an empty one of any other value."""
    return value if isinstance(value, list) else []


def write_json(value: Json) -> bytes:
    """Write a JSON value, without blanks."""
    return _ENCODER.encode(value).encode()


def _is_deep(value: Json) -> bool:
    """Whether a value has more levels than there may be; a level at a time, so that none is too deep to look at."""
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
    if repr(number) == text:  # As most are written.
        return number
    if math.isinf(number):
        raise _UnclearError(f"the number {text} is too large")
    if _split_number(text) != _split_number(repr(number)):
        raise _UnclearError(f"the number {text} would lose precision")
    return number


def _split_number(text: str) -> tuple[str, int]:
    """Return the digits of a number without zeros around them, and by which power of ten they count; the sign is left.

    `Decimal` knows no exponents of 20 digits, and once the process is locked in, Debian's cannot be imported.
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
"""A text that needs no escape in JSON."""


def show(value: Json) -> str:
    """Write a value for a message, cut short. No more of it is written than is shown."""
    if isinstance(value, str) and _IS_PLAIN(value):
        return f'"{value}"'
    text = ""
    for piece in _PIECES.iterencode(value[: _SHOWN + 1] if isinstance(value, str) else value):
        text += piece[: _SHOWN + 1]
        if len(text) > _SHOWN:
            return f"{text[:_SHOWN]}..."
    return text


_PIECES: Final = json.JSONEncoder(check_circular=False)
