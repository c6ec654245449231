"""Grants as policy files write them, and names as sentences do."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from dockerproxy.policy.values import Pairs, Value
from dockerproxy.text import lower

ADD: Final = 'to allow {what}, add "{grant}" to "allow"'
_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*")
"""What YAML reads as a string in any place, unless it is one of `_WORDS`."""

_SPECIAL: Final = re.compile(r'[^ -~]|["\\]')
"""What is escaped between quotes: all but printable ASCII, the quotes, and the backslash."""

_BYTE: Final = 0xFF
_PLANE: Final = 0xFFFF

_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def list_names(names: Sequence[str], word: str = "or") -> str:
    """Write names as a person would: `a, b or c`."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def write_grant(name: str, conditions: Mapping[str, Value]) -> str:
    """Write a grant of an operation, a section with its access, or a preset as an item of `allow`, in valid YAML."""
    if not conditions:
        return _text(name)
    if tuple(conditions) == ("unrestricted",):
        return f"{_text(name)}: unrestricted"
    written = ", ".join(f"{word}: {write_value(value)}" for word, value in conditions.items())
    return f"{_text(name)}: {{{written}}}"


def propose(remedy: str, name: str, conditions: Mapping[str, Value]) -> str:
    """Say how to add a grant: fill a template like `ADD`, which may have other braces in a mistaken socket name."""
    what = "it and everything else" if "unrestricted" in conditions else "it"
    return remedy.replace("{what}", what).replace("{grant}", write_grant(name, conditions))


def write_value(value: Value) -> str:
    """Write the value of a condition."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Pairs):
        return f"{{{', '.join(f'{_text(name)}: {write_value(item)}' for name, item in value.items)}}}"
    return f"[{', '.join(map(write_value, value))}]"


def is_literal(value: Value) -> bool:
    """Whether nothing in a value would be a pattern: what a client wrote must not become one."""
    written = write_value(value)
    return "*" not in written and "?" not in written


def say_value(value: Value) -> str:
    """Say what is demanded, in a sentence."""
    if isinstance(value, Pairs):
        pairs = (
            f"{name}={item}" if isinstance(item, str) else f"{name} {list_names(item)}" for name, item in value.items
        )
        return list_names(list(pairs), "and")
    if value == ():
        return "none"
    if isinstance(value, tuple):
        return list_names([item if isinstance(item, str) else " ".join(item) for item in value])
    return value if isinstance(value, str) else write_value(value)


def _text(text: str) -> str:
    """Write a string, in quotes where YAML could read it as something else."""
    if _PLAIN.fullmatch(text) and lower(text) not in _WORDS:
        return text
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    """Write a character as YAML does: its escapes have a length of their own for each size, unlike those of JSON."""
    number = ord(found[0])
    if found[0] in {'"', "\\"}:
        return f"\\{found[0]}"
    return f"\\x{number:02x}" if number <= _BYTE else f"\\u{number:04x}" if number <= _PLANE else f"\\U{number:08x}"
