"""Decision IDs: short enough to read aloud, and cheap, because every exchange has one.

An ID is a random prefix of five characters for the socket and process, a hyphen, and a count: `4KD7Q-00`, `4KD7Q-01`, …
The alphabet is Crockford's base 32: no I, L, O or U. An ID authorises nothing.

Attacks: docs/attacks.md, observe/decisions.
"""

import os
import re
from collections.abc import Iterator
from itertools import count, product
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM: Final = 5
"""Characters before the hyphen. Among a thousand restarts, the odds that two share a prefix are one in sixty."""

_TAILS: Final = tuple(map("".join, product(_ALPHABET, repeat=2)))
"""The last two characters, so that only every 1024th ID is composed."""

_SPOKEN: Final = str.maketrans("abcdefghijklmnopqrstuvwxyzILO", "ABCDEFGH1JK1MN0PQRSTUVWXYZ110")
_IS_ID: Final = re.compile(rf"([{_ALPHABET}]{{{_RANDOM}}})[- ]?([{_ALPHABET}]{{2,12}})").fullmatch


def choose_start() -> str:
    """Return a random prefix for IDs. The number of letters divides 256, so each letter is equally likely."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(_RANDOM))


def make_ids(start: str) -> Iterator[str]:
    """Yield IDs with this prefix, without end."""
    for block in count():
        head = f"{start}-{_write_number(block)}"
        for tail in _TAILS:
            yield head + tail


def _write_number(number: int) -> str:
    """Return a number in base 32; zero gives an empty text."""
    digits = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def read_id(text: str) -> str:
    """Return the canonical form of an ID that a person typed; empty if it is invalid."""
    found = _IS_ID(text.translate(_SPOKEN))
    return f"{found[1]}-{found[2]}" if found is not None else ""
