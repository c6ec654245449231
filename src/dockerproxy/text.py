"""Fold, trim, split and read numbers from a client's text, as an engine written in Go does.

The rest of the core calls these functions, never Python's own methods: `str.lower` and `str.strip` know all of Unicode,
`int` takes digits of every script and underscores. `tests/test_text.py` enforces this.

Attacks: docs/attacks.md, text.
"""

import re
from typing import AnyStr, Final
from urllib.parse import unquote_to_bytes

_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {lower: upper for upper, lower in _LOWER.items()}
_FOLDED: Final = {**_LOWER, ord("\u017f"): ord("s"), ord("\u212a"): ord("k")}
"""Go's simple folding maps two letters outside ASCII to letters inside: LONG S and KELVIN SIGN."""

_WHOLE_ID: Final = re.compile(r"(?<![0-9A-Za-z])(?<!@sha256:)([0-9a-f]{12})[0-9a-f]{52}(?![0-9A-Za-z])").sub
"""Full IDs, but not the digest of a reference, which belongs to a name."""

_DECIMAL: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?").fullmatch


def lower(text: AnyStr) -> AnyStr:
    """Return a text with ASCII letters in lower case, and everything else unchanged."""
    return text.translate(_LOWER) if isinstance(text, str) and not text.isascii() else text.lower()


def upper(text: AnyStr) -> AnyStr:
    """Return a text with ASCII letters in upper case, and everything else unchanged."""
    return text.translate(_UPPER) if isinstance(text, str) and not text.isascii() else text.upper()


def fold(text: str) -> str:
    """Return a name as Go compares it with names in ASCII: `strings.EqualFold`, and the keys of `encoding/json`."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def trim(text: AnyStr, characters: AnyStr) -> AnyStr:
    """Remove the given ASCII characters from both ends of a text: Go's `strings.Trim`."""
    return text.strip(characters)


def number(text: str | bytes, most_digits: int = 18) -> int | None:
    """Read a decimal number: ASCII digits only, at most `most_digits` of them."""
    return int(text) if len(text) <= most_digits and text.isascii() and text.isdigit() else None


def decimal(text: str) -> float | None:
    """Read a decimal number with floating point, as Go's `strconv.ParseFloat` does: ASCII, without an exponent."""
    return float(text) if _DECIMAL(text) else None


def base_name(path: str) -> str:
    """Return the last element of a path: Go's `filepath.Base`, which drops slashes at the end first."""
    return path.rstrip("/").rpartition("/")[2] or ("/" if path else ".")


def unquote(text: str) -> str:
    """Decode percent escapes as bytes: a character that is half raw and half escaped is still one character.

    Bytes that are not UTF-8 are surrogate escapes, before and after.
    """
    return unquote_to_bytes(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")


def escape(text: str) -> str:
    """Escape a text for a log: printable ASCII characters, on one line."""
    return text if text.isascii() and text.isprintable() else text.encode("unicode_escape").decode()


def shorten_ids(text: str) -> str:
    """Shorten full IDs of 64 digits to 12, as engines show them. Only for display: a short ID is not unique."""
    return _WHOLE_ID(r"\1", text)
