"""Amounts, ports, users and ids as a policy file writes them, and as a body has them."""

import ipaddress
import re
from functools import lru_cache
from typing import Final

from dockerproxy.text import number

_SIZE: Final = re.compile(r"([1-9][0-9]{0,14})(B|KiB|MiB|GiB|TiB)?")
_UNITS: Final = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,5})(?:\.([0-9]{1,9}))?")
_BILLION: Final = 10**9
_PORTS: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LAST_PORT: Final = 65535
_DIGITS_OF_USER: Final = 10
_LAST_USER: Final = 2**31 - 1
"""What Docker takes for a number of a user (moby/sys/user)."""

_ID_OF_SWARM: Final = re.compile("[0-9a-z]{25}")


def read_size(text: str) -> int | None:
    """Return a number of bytes, written like `512MiB`; None if it is none."""
    found = _SIZE.fullmatch(text)
    return (number(found[1]) or 0) * _UNITS[found[2] or ""] if found else None


def read_billionths(text: str) -> int | None:
    """Return a decimal number like `1.5` in billionths; None if it is none, or nothing."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        return None
    return (number(found[1]) or 0) * _BILLION + (number((found[2] or "").ljust(9, "0")) or 0) or None


def read_count(text: str) -> int | None:
    """Return a whole number above 0; None if it is none."""
    return number(text, len(str(_LAST_USER)) - 1) or None


def read_ports(text: str) -> range | None:
    """Return the ports of `80` or `8000-8999`; None if there are none such. 0 is one that the engine picks."""
    found = _PORTS.fullmatch(text)
    if found is None:
        return None
    first, last = number(found[1]) or 0, number(found[2] or found[1]) or 0
    return range(first, last + 1) if first <= last <= _LAST_PORT else None


def is_certainly_not_root(user: str) -> bool:
    """Whether `UID:GID` names by numbers a user and a group that are not root's.

    A name may be anyone's. A number by itself may have the group of root: it has it where the image has no such user.
    """
    parts = user.split(":")
    return len(parts) == 2 and all(  # noqa: PLR2004 (a user and a group)
        0 < (number(part, _DIGITS_OF_USER) or 0) <= _LAST_USER for part in parts
    )


def is_id_of_swarm(text: str) -> bool:
    """Whether a text could be the whole id of something in a swarm."""
    return _ID_OF_SWARM.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def is_address(text: str) -> bool:
    """Whether a text is an IP address, and no part of a link: Go takes what it cannot read for any address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


@lru_cache(maxsize=1024)
def merge_ports(texts: tuple[str, ...]) -> tuple[range, ...]:
    """Return all ports of some texts as few ranges that do not touch."""
    merged: list[range] = []
    for ports in sorted(
        (ports for text in texts if (ports := read_ports(text)) is not None), key=lambda each: each.start
    ):
        if merged and ports.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, ports.stop))
        else:
            merged.append(ports)
    return tuple(merged)
