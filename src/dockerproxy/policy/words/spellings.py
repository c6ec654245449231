"""Names, paths and signals as policy files and requests write them: their one form, and what is none."""

import re
from typing import Final

from dockerproxy.text import number, upper

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
