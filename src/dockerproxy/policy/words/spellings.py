"""Canonical forms of values in policy files and requests: names, paths, signals, amounts, ports, addresses and users.

Engines read the same values (test: tests/test_text_corpus.py).
"""

import ipaddress
import math
import re
from functools import lru_cache, partial
from typing import Final, TypeAlias

from dockerproxy.text import decimal, lower, number, upper

_OBJECT_NAME: Final = re.compile(r"[A-Za-z0-9_.*?-]+")
"""Characters in names of containers, networks, volumes, services or pods, and in globs."""

_SIGNALS: Final = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM"),
    *("TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF"),
    *("WINCH", "IO", "PWR", "SYS"),
)
"""Names of signals by number, from 1 (signal(7), as on x86 and ARM)."""

_DIGITS: Final = 2
"""Digits of those numbers, without leading zeros."""

FLAGS: Final = {
    **dict.fromkeys(("0", "false", "False", "FALSE"), False),
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
}
"""Values that Docker's BoolValue and Go's strconv.ParseBool, which Podman uses, read alike. Docker takes `f` for
true."""


def fault_of_name(item: str) -> str:
    """Return why no object can have an item's name; empty if one can."""
    if _OBJECT_NAME.fullmatch(item):
        return ""
    return "no object can have this name: names have letters, digits and _ . -, patterns also * and ?"


def fault_of_path(item: str) -> str:
    """Return why an item is not a path; empty if it is."""
    filled = item.replace("*", "x").replace("?", "x")
    if filled and clean_path(filled) == filled:
        return ""
    return "not a clean absolute path, like /data/**"


def clean_path(text: str) -> str:
    """Return an absolute path without the trailing `/.` or `/` of `docker cp`; empty if it is not clean."""
    if text[:1] == "/" and "/." not in text and "//" not in text and "\0" not in text:
        return text.removesuffix("/") or "/"  # The usual case.
    path = (text.removesuffix("/.") if text.endswith("/.") else text.removesuffix("/")) or "/"
    segments = path.split("/")[1:]
    if path == "/" == text[:1]:
        return path
    return path if path[:1] == "/" and not {"", ".", ".."} & set(segments) and "\0" not in path else ""


def normalise_signal(text: str) -> str:
    """Return a signal's name without SIG; unknown words unchanged."""
    known = number(text.lstrip("0"), _DIGITS)
    if known is not None and known <= len(_SIGNALS):
        return _SIGNALS[known - 1]
    return upper(text).removeprefix("SIG")


Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_SIZE: Final = partial(re.fullmatch, r"([1-9][0-9]{0,14})(B|KiB|MiB|GiB|TiB)?")
_UNITS: Final = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_HUMAN_SIZE: Final = partial(re.fullmatch, r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(?:([kKmMgGtT])[iI]?)?[bB]?")
_HUMAN_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_MOST_BYTES: Final = 2**62
"""In units of 1024, it is still below 2**63."""

_DECIMAL: Final = partial(re.fullmatch, r"(0|[1-9][0-9]{0,5})(?:\.([0-9]{1,9}))?")
_BILLION: Final = 10**9
_PORTS: Final = partial(re.fullmatch, r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LAST_PORT: Final = 65535
_DIGITS_OF_USER: Final = 10
_LONGEST_ADDRESS: Final = 45
"""Characters of an IPv6 address with an IPv4 part. Longer texts would only stay in memory."""

_LAST_USER: Final = 2**31 - 1
"""Docker's highest user number (moby/sys/user)."""

_ID_OF_SWARM: Final = partial(re.fullmatch, "[0-9a-z]{25}")
_IS_LENGTH: Final = partial(re.fullmatch, "0|[1-9][0-9]{0,2}")
"""Length of an address's network part. Python would also accept masks."""

HOST: Final = r"[A-Za-z0-9.-]+(?::[0-9]+)?"
"""A registry, with or without port."""


def read_size(text: str) -> int | None:
    """Parse a size like `512MiB` to bytes; None if invalid."""
    found = _SIZE(text)
    return (number(found[1]) or 0) * _UNITS[found[2] or ""] if found else None


def write_size(size: int) -> str:
    """Write a number of bytes, in the largest unit that divides it."""
    unit = max((unit for unit, factor in _UNITS.items() if not size % factor), key=_UNITS.__getitem__)
    return f"{size // _UNITS[unit]}{unit}"


def read_human_size(text: str) -> int | None:
    """Parse a client's size like `10m` as engines do (`units.FromHumanSize`); None if no engine can have that much.

    Go uses floating point and truncates: "0.5" is 0. An overflow becomes negative.
    """
    found = _HUMAN_SIZE(text)
    size = (decimal(found[1]) or 0) * _HUMAN_UNITS[lower(found[2] or "")] if found else _MOST_BYTES
    return math.floor(size) if size < _MOST_BYTES else None


def read_billionths(text: str) -> int | None:
    """Parse a decimal number like `1.5` to billionths; None if it is invalid or 0."""
    found = _DECIMAL(text)
    if found is None:
        return None
    return (number(found[1]) or 0) * _BILLION + (number((found[2] or "").ljust(9, "0")) or 0) or None


def read_count(text: str) -> int | None:
    """Parse an integer above 0; None if invalid."""
    return number(text, len(str(_LAST_USER)) - 1) or None


def read_ports(text: str) -> range | None:
    """Parse ports like `80` or `8000-8999`; None if invalid. 0 means that the engine chooses one."""
    found = _PORTS(text)
    if found is None:
        return None
    first, last = number(found[1]) or 0, number(found[2] or found[1]) or 0
    return range(first, last + 1) if first <= last <= _LAST_PORT else None


def is_certainly_not_root(user: str) -> bool:
    """Whether `UID:GID` has the numbers of a user and group other than root.

    A name may mean any user. A UID alone may get root's group: it does if the image does not know the user.
    """
    parts = user.split(":")
    return len(parts) == 2 and all(  # noqa: PLR2004 (a user and a group)
        0 < (number(part, _DIGITS_OF_USER) or 0) <= _LAST_USER for part in parts
    )


def is_id_of_swarm(text: str) -> bool:
    """Whether a text could be a full ID of a swarm object."""
    return _ID_OF_SWARM(text) is not None


def read_address(text: str) -> Address | None:
    """Parse an IP address; None if it is invalid, or if engines read it differently.

    Go treats invalid addresses as any address, including those with a zone. An IPv4-mapped IPv6 address is IPv4 for Go,
    and IPv6 for Podman's netavark.
    """
    return _read_address(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)
def _read_address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    in_guise = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return None if in_guise or "%" in text else address


def read_network(text: str) -> Network | None:
    """Parse a network like 10.9.0.0/16; None if it is invalid, or if engines read it differently."""
    address, _, length = text.partition("/")
    if read_address(address) is None or not _IS_LENGTH(length):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def merge_ports(texts: tuple[str, ...]) -> tuple[range, ...]:
    """Merge ports into the fewest separate ranges."""
    merged: list[range] = []
    for ports in sorted(filter(None, map(read_ports, texts)), key=lambda each: each.start):
        if merged and ports.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, ports.stop))
        else:
            merged.append(ports)
    return tuple(merged)
