"""Write what was learned as a policy file, for a person to read."""

import calendar
import contextlib
import re
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockerproxy.policy.dangers import describe_danger
from dockerproxy.policy.values import Value, write_grant, write_value
from dockerproxy.settings import SocketSettings
from dockerproxy.text import escape
from dockerproxy.workbench.remarks import is_explanation

_WIDTH: Final = 120
_GRANT_WIDTH: Final = 78
"""Columns of a grant with its count on one line; a longer one gets several lines."""

INDENT: Final = " " * 6
"""Of an item of `allow`."""

_TIME: Final = "%Y-%m-%d %H:%M:%S"

_TOLD: Final = re.compile(r" *- ([A-Za-z]+)(?![A-Za-z]).*# +([0-9]{1,15})  ([0-9-]{10} [0-9:]{8})")
"""A grant with its count and the time of the last request."""

_HEAD: Final = """\
# Learned by dockerproxy: the smallest policy that allows the requests that it saw.
# After each grant: the number of requests, and the time of the last one (UTC).
# If a grant allows more than was seen, a comment above it says why.
"""

_UNRESTRICTED: Final = "Unrestricted, because no condition allows all of these requests:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedGrant:
    """A grant for an operation that was used, how often, and last at so many seconds since 1970.

    All requests met its conditions. Doubts say why it may not do, openings why it is unrestricted.
    Remarks are what else a person should know.
    """

    operation: str
    conditions: Mapping[str, Value]
    remarks: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    openings: tuple[str, ...] = ()
    count: int
    last: float


class LearnedSocket(NamedTuple):
    """What was used on one socket, and what no policy allows, with its number; its policy says nothing here."""

    settings: SocketSettings
    grants: tuple[LearnedGrant, ...]
    impossible: tuple[tuple[str, int], ...]
    others: int


def write_policy(sockets: Sequence[LearnedSocket], remark: str = "") -> str:
    """Write a policy file of some sockets, in their order; a remark is a line of its head."""
    head = _HEAD + (f"# {remark}\n" if remark else "")
    for each in sockets:
        head += "".join(f"{line}\n" for line in write_openings(each, of=each.settings.name if sockets[1:] else ""))
    return f"{head}\nsockets:\n" + "\n".join("".join(f"{line}\n" for line in _write_socket(each)) for each in sockets)


def _write_socket(socket: LearnedSocket) -> list[str]:
    lines = [f"  {write_value(socket.settings.name)}:", *write_place(socket.settings)]
    if socket.settings.policy.hides:
        lines.append(f"    hide: {write_value(tuple(sorted(socket.settings.policy.hides)))}")
    lines.append("    allow:" if socket.grants else "    allow: []  # nothing was asked for that a policy allows")
    return [*lines, *write_grants(socket.grants), *write_impossible(socket, "    ")]


def write_place(settings: SocketSettings) -> Iterator[str]:
    """Write where a socket is and who may open it, indented as it stands in a file."""
    yield f"    path: {write_value(settings.path)}"
    yield f'    permissions: "{settings.permissions:04o}"'
    for key, number in (("owner", settings.uid), ("group", settings.gid)):
        if number is not None:
            yield f"    {key}: {number}"


def read_counts(text: str) -> Mapping[str, tuple[int, float]]:
    """Read what a file of ours says behind its grants: for each operation a count and a time."""
    told = {}
    for line in filter(None, map(_TOLD.fullmatch, text.split("\n"))):
        with contextlib.suppress(ValueError):  # An invalid time, written by a person.
            told[line[1]] = int(line[2]), float(calendar.timegm(time.strptime(line[3], _TIME)))
    return told


def write_grants(grants: Sequence[LearnedGrant]) -> list[str]:
    """Write items of `allow`, indented as they stand in a file."""
    written = [write_item(grant.operation, grant.conditions, INDENT) for grant in grants]
    column = max((len(first) for first, *_ in written), default=0) + 2
    digits = max((len(str(grant.count)) for grant in grants), default=0)
    lines: list[str] = []
    explained: set[str] = set()
    for grant, (first, *others) in zip(grants, written, strict=True):
        danger = describe_danger(grant.operation, grant.conditions)
        for remark in (*grant.remarks, *grant.doubts, *([f"it lets clients {danger}"] if danger else [])):
            said = remark.partition(": ")[2]
            if said not in explained:
                lines += write_comment(remark, INDENT)
            explained |= {said} if is_explanation(remark) else set()
        last = time.strftime(_TIME, time.gmtime(grant.last))
        lines += [f"{first:<{column}}# {grant.count:>{digits}}  {last}", *others]
    return lines


def write_openings(socket: LearnedSocket, *, of: str = "") -> list[str]:
    """Write why grants are unrestricted, as comments; with the name of the socket where there are others."""
    opened = [f"{grant.operation}: {why}" for grant in socket.grants for why in grant.openings]
    if not opened:
        return []
    lines = ["#", f"# {of}: {_UNRESTRICTED}" if of else f"# {_UNRESTRICTED}"]
    for text in opened:
        lines += write_comment(f"- {text}", "")
    return lines


def write_impossible(socket: LearnedSocket, indent: str = "") -> list[str]:
    """Write what no policy allows, as comments."""
    counted = [*socket.impossible, *([("others", socket.others)] if socket.others else [])]
    if not counted:
        return []
    digits = max(len(str(count)) for _, count in counted)
    lines = [f"{indent}# Requests that no policy allows, with their number:"]
    for text, count in counted:
        lines += write_comment(f"{count:>{digits}}  {text}", indent)
    return lines


def write_item(name: str, conditions: Mapping[str, Value], indent: str) -> list[str]:
    """Write an item of `allow` on one line, or where that would be long a condition a line, or an item a line."""
    line = f"{indent}- {write_grant(name, conditions)}"
    if len(line) <= _GRANT_WIDTH:
        return [line]
    lines = [f"{indent}- {name}:"]
    for word, value in conditions.items():
        line = f"{indent}    {word}: {write_value(value)}"
        if isinstance(value, tuple) and len(line) > _WIDTH:
            lines += [f"{indent}    {word}:", *(f"{indent}      - {write_value(item)}" for item in value)]
        else:
            lines.append(line)
    return lines


def write_comment(text: str, indent: str) -> list[str]:
    """Write a text as a comment of as many lines as it needs."""
    return textwrap.wrap(
        escape(text),  # Text of a log may have line ends of YAML.
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}#   ",
        break_on_hyphens=False,
    )
