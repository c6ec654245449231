"""What policy files and requests write, in its one form: names, paths, signals, amounts, ports, addresses and users.

Engines read the same value of it (test: tests/test_text_corpus.py).
"""

import ipaddress
import math
import re
from functools import lru_cache, partial
from typing import Final, TypeAlias

from dockerproxy.text import decimal, lower, number, upper

_OBJECT_NAME: Final = re.compile(r"[A-Za-z0-9_.*?-]+")
"""What a name of a container, network, volume, service or pod can be made of, and the signs of a glob."""

_SIGNALS: Final = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM"),
    *("TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF"),
    *("WINCH", "IO", "PWR", "SYS"),
)
"""Names of signals by their number from 1 on (signal(7), as on x86 and ARM)."""

_DIGITS: Final = 2
"""Of those numbers, without zeros in front."""

FLAGS: Final = {
    **dict.fromkeys(("0", "false", "False", "FALSE"), False),
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
}
"""Values that Docker's BoolValue and Go's strconv.ParseBool, which Podman uses, read alike: `f` is true for Docker."""


def fault_of_name(item: str) -> str:
    """Return why no object can be called what an item says, or nothing."""
    if _OBJECT_NAME.fullmatch(item):
        return ""
    return "no object has such a name: letters, digits and _ . - are in one, * and ? in a pattern"


def fault_of_path(item: str) -> str:
    """Return why an item is no path, or nothing."""
    filled = item.replace("*", "x").replace("?", "x")
    if filled and clean_path(filled) == filled:
        return ""
    return "not a clean absolute path, like /data/**"


def clean_path(text: str) -> str:
    """Return an absolute path without the `/.` or `/` that `docker cp` may put at its end; empty if it is not clean."""
    if text[:1] == "/" and "/." not in text and "//" not in text and "\0" not in text:
        return text.removesuffix("/") or "/"  # As most are.
    path = (text.removesuffix("/.") if text.endswith("/.") else text.removesuffix("/")) or "/"
    segments = path.split("/")[1:]
    if path == "/" == text[:1]:
        return path
    return path if path[:1] == "/" and not {"", ".", ".."} & set(segments) and "\0" not in path else ""


def normalise_signal(text: str) -> str:
    """Return the name of a signal without SIG; words that are none stay as they are."""
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
"""In units of 1024 it is below 2**63, too."""

_DECIMAL: Final = partial(re.fullmatch, r"(0|[1-9][0-9]{0,5})(?:\.([0-9]{1,9}))?")
_BILLION: Final = 10**9
_PORTS: Final = partial(re.fullmatch, r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LAST_PORT: Final = 65535
_DIGITS_OF_USER: Final = 10
_LAST_USER: Final = 2**31 - 1
"""What Docker takes for a number of a user (moby/sys/user)."""

_ID_OF_SWARM: Final = partial(re.fullmatch, "[0-9a-z]{25}")
_IS_LENGTH: Final = partial(re.fullmatch, "0|[1-9][0-9]{0,2}")
"""Of the part of an address that is the network's. Python takes masks as well."""

HOST: Final = r"[A-Za-z0-9.-]+(?::[0-9]+)?"
"""Of a registry, with or without a port."""


def read_size(text: str) -> int | None:
    """Return a number of bytes, written like `512MiB`; None if it is none."""
    found = _SIZE(text)
    return (number(found[1]) or 0) * _UNITS[found[2] or ""] if found else None


def write_size(size: int) -> str:
    """Write a number of bytes, in the largest unit that divides it."""
    unit = max((unit for unit, factor in _UNITS.items() if not size % factor), key=_UNITS.__getitem__)
    return f"{size // _UNITS[unit]}{unit}"


def read_human_size(text: str) -> int | None:
    """Return a number of bytes as engines read a client's `10m`: `units.FromHumanSize`; None if no engine can have it.

    Go computes with floating point and cuts off what is below 1: "0.5" is 0. What does not fit becomes negative.
    """
    found = _HUMAN_SIZE(text)
    size = (decimal(found[1]) or 0) * _HUMAN_UNITS[lower(found[2] or "")] if found else _MOST_BYTES
    return math.floor(size) if size < _MOST_BYTES else None


def read_billionths(text: str) -> int | None:
    """Return a decimal number like `1.5` in billionths; None if it is none, or nothing."""
    found = _DECIMAL(text)
    if found is None:
        return None
    return (number(found[1]) or 0) * _BILLION + (number((found[2] or "").ljust(9, "0")) or 0) or None


def read_count(text: str) -> int | None:
    """Return a whole number above 0; None if it is none."""
    return number(text, len(str(_LAST_USER)) - 1) or None


def read_ports(text: str) -> range | None:
    """Return the ports of `80` or `8000-8999`; None if there are none such. 0 is one that the engine picks."""
    found = _PORTS(text)
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
    return _ID_OF_SWARM(text) is not None


@lru_cache(maxsize=1024)
def read_address(text: str) -> Address | None:
    """Return an IP address; None if it is none, or not one for every engine.

    Go takes what it cannot read for any address, and that is one with a zone. An address of IPv4 in the guise of one of
    IPv6 is the former for Go, and the latter for Podman's netavark.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    in_guise = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return None if in_guise or "%" in text else address


def read_network(text: str) -> Network | None:
    """Return the network of an address with a length behind a slash; None if it is not one for every engine."""
    address, _, length = text.partition("/")
    if read_address(address) is None or not _IS_LENGTH(length):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def merge_ports(texts: tuple[str, ...]) -> tuple[range, ...]:
    """Return all ports of some texts as few ranges that do not touch."""
    merged: list[range] = []
    for ports in sorted(filter(None, map(read_ports, texts)), key=lambda each: each.start):
        if merged and ports.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, ports.stop))
        else:
            merged.append(ports)
    return tuple(merged)
