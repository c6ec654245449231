"""Write learned grants as a policy file with comments for the reader."""

import calendar
import contextlib
import re
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockerproxy.advice.dangers import describe_danger
from dockerproxy.policy.values import Value, write_grant, write_value
from dockerproxy.settings import SocketSettings
from dockerproxy.text import escape
from dockerproxy.workbench.remarks import is_explanation

_WIDTH: Final = 120
_GRANT_WIDTH: Final = 78
"""The longest grant, in columns, that is written on one line with its count."""

INDENT: Final = " " * 6
"""The indentation of an item of `allow`."""

_TIME: Final = "%Y-%m-%d %H:%M:%S"

_TOLD: Final = re.compile(r" *- ([A-Za-z]+)(?![A-Za-z]).*# +([0-9]{1,15})  ([0-9-]{10} [0-9:]{8})")
"""A grant with its count and the time of the last request."""

_HEAD: Final = """\
# Learned by dockerproxy: the smallest policy that allows the observed requests.
# After each grant: the number of requests, and the time of the last one (UTC).
# If a grant allows more than these requests, a comment above it says why.
"""

_UNRESTRICTED: Final = "Unrestricted, because no condition allows all of these requests:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedGrant:
    """A learned grant for one operation: how often it was used, and when last, in seconds since 1970.

    All requests met its conditions. Doubts explain why it may not be enough, openings why it is unrestricted. Remarks
    are other comments for the reader.
    """

    operation: str
    conditions: Mapping[str, Value]
    remarks: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    openings: tuple[str, ...] = ()
    count: int
    last: float


class LearnedSocket(NamedTuple):
    """The learned grants of one socket, and the counts of requests that no policy allows. Its policy is ignored."""

    settings: SocketSettings
    grants: tuple[LearnedGrant, ...]
    impossible: tuple[tuple[str, int], ...]
    others: int


def write_policy(sockets: Sequence[LearnedSocket], remark: str = "") -> str:
    """Return a policy file for these sockets, in this order. A remark becomes a line of its header."""
    head = _HEAD + (f"# {remark}\n" if remark else "")
    for each in sockets:
        head += "".join(f"{line}\n" for line in write_openings(each, of=each.settings.name if sockets[1:] else ""))
    return f"{head}\nsockets:\n" + "\n".join("".join(f"{line}\n" for line in _write_socket(each)) for each in sockets)


def _write_socket(socket: LearnedSocket) -> list[str]:
    lines = [f"  {write_value(socket.settings.name)}:", *write_place(socket.settings)]
    owner = socket.settings.policy.policy.tenancy.owner
    if owner not in {"", socket.settings.name}:
        lines.append(f"    own_as: {write_value(owner)}")
    if socket.settings.policy.hides:
        lines.append(f"    hide: {write_value(tuple(sorted(socket.settings.policy.hides)))}")
    lines.append("    allow:" if socket.grants else "    allow: []  # no request that a policy can allow")
    return [*lines, *write_grants(socket.grants), *write_impossible(socket, "    ")]


def write_place(settings: SocketSettings) -> Iterator[str]:
    """Yield the lines for the path and permissions of a socket, indented as in a policy file."""
    yield f"    path: {write_value(settings.path)}"
    yield f'    permissions: "{settings.permissions:04o}"'
    for key, number in (("owner", settings.uid), ("group", settings.gid)):
        if number is not None:
            yield f"    {key}: {number}"


def read_counts(text: str) -> Mapping[str, tuple[int, float]]:
    """Read the comments after the grants in a learned file: the count and time of each operation."""
    told = {}
    for line in filter(None, map(_TOLD.fullmatch, text.split("\n"))):
        with contextlib.suppress(ValueError):  # An invalid time, edited by hand.
            told[line[1]] = int(line[2]), float(calendar.timegm(time.strptime(line[3], _TIME)))
    return told


def write_grants(grants: Sequence[LearnedGrant]) -> list[str]:
    """Return items of `allow`, indented as in a policy file."""
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
    """Return comments that explain why grants are unrestricted; with the name of the socket if there are several."""
    opened = [f"{grant.operation}: {why}" for grant in socket.grants for why in grant.openings]
    if not opened:
        return []
    lines = ["#", f"# {of}: {_UNRESTRICTED}" if of else f"# {_UNRESTRICTED}"]
    for text in opened:
        lines += write_comment(f"- {text}", "")
    return lines


def write_impossible(socket: LearnedSocket, indent: str = "") -> list[str]:
    """Return comments about requests that no policy allows."""
    counted = [*socket.impossible, *([("others", socket.others)] if socket.others else [])]
    if not counted:
        return []
    digits = max(len(str(count)) for _, count in counted)
    lines = [f"{indent}# Requests that no policy allows, with their number:"]
    for text, count in counted:
        lines += write_comment(f"{count:>{digits}}  {text}", indent)
    return lines


def write_item(name: str, conditions: Mapping[str, Value], indent: str) -> list[str]:
    """Return an item of `allow` on one line; if it is too long, with a line for each condition, or for each item."""
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
    """Return a text as a comment, wrapped."""
    return textwrap.wrap(
        escape(text),  # Text from a log may contain line breaks of YAML.
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}#   ",
        break_on_hyphens=False,
    )
