"""Variables of other proxies, and guessed names: their meaning there, and what to write here.

The answer depends on the value. `DELETE=0` asks for less, so it never gets advice on how to allow more.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from dockerproxy.config.near import HINTS
from dockerproxy.config.switches import WORDS


class Foreign(NamedTuple):
    """Advice on a variable.

    Attributes:
        closing: For a value that denies something; empty if there is no advice.
        other: For any other value.
        is_switch: The name only counts with the value of a switch.
    """

    closing: str
    other: str
    is_switch: bool


def _read(phrases: str, *, is_switch: bool) -> Foreign:
    closing, bar, other = phrases.partition(" | ")
    return Foreign(closing, other if bar else closing, is_switch)


FOREIGN: Final[Mapping[str, Foreign]] = {
    name: _read(phrases, is_switch=table == "switches")
    for table in ("variables", "switches")
    for name, phrases in HINTS[table].items()
}
"""By name, in which * matches anything."""


def find_foreign(name: str, value: str) -> Foreign | None:
    """Return the advice on a variable; None if it belongs to no known proxy."""
    found = FOREIGN.get(name) or next((row for pattern, row in FOREIGN.items() if fnmatchcase(name, pattern)), None)
    return None if found is None or (found.is_switch and value.lower() not in WORDS) else found


def advise(foreign: Foreign, value: str) -> str:
    """Return the advice on a value; empty if there is none."""
    return foreign.other if WORDS.get(value.lower(), True) else foreign.closing


def find_option(word: str) -> str:
    """Return the advice on another proxy's option, like -allowGET=/version; empty if unknown.

    Each option is also a variable there.
    """
    option = word.lstrip("-").partition("=")[0]
    _, is_allowing, method = option.partition("allow")
    is_rule = is_allowing and method.isupper()
    names = f"SP_ALLOW_{method}" if is_rule else f"SP_{option.upper()}", f"CETUSGUARD_{option.upper()}"
    found = (find_foreign(name.replace("-", "_"), "") for name in names)
    return next((row.other for row in found if row is not None), "")
