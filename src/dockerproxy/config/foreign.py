"""Variables of other proxies, and names that are guessed: what each did there, and what to write here.

An answer depends on the value. Whoever writes `DELETE=0` wants less, and is never told how to allow more.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from dockerproxy.config.near import HINTS
from dockerproxy.config.switches import WORDS


class Foreign(NamedTuple):
    """What is said of a name.

    Attributes:
        closing: If the value closes something; empty if there is nothing to say.
        other: If it is another one.
        is_switch: Whether only the value of a switch makes the name one of another proxy.
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
"""By name, in which * stands for anything."""


def find_foreign(name: str, value: str) -> Foreign | None:
    """Return what is said of a variable of another proxy; None if it is none, or one of any other program."""
    found = FOREIGN.get(name) or next((row for pattern, row in FOREIGN.items() if fnmatchcase(name, pattern)), None)
    return None if found is None or (found.is_switch and value.lower() not in WORDS) else found


def advise(foreign: Foreign, value: str) -> str:
    """Return what to say of a value; empty if nothing."""
    return foreign.other if WORDS.get(value.lower(), True) else foreign.closing


def find_option(word: str) -> str:
    """Return what to say of an option of another proxy on the command line, like -allowGET=/version; empty if unknown.

    Each is a variable there, too.
    """
    option = word.lstrip("-").partition("=")[0]
    _, is_allowing, method = option.partition("allow")
    is_rule = is_allowing and method.isupper()
    names = f"SP_ALLOW_{method}" if is_rule else f"SP_{option.upper()}", f"CETUSGUARD_{option.upper()}"
    found = (find_foreign(name.replace("-", "_"), "") for name in names)
    return next((row.other for row in found if row is not None), "")
