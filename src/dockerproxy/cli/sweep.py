"""Remove what the clients of a socket own: what they created, and nothing else.

It asks as a client of that socket, so its policy must grant `own`, and the proxy must run. What is in use goes last:
services, pods, containers with their anonymous volumes, then networks and volumes. It may be stopped and run again.

  dockerproxy sweep --policy policy.yaml --dry-run job-a
  dockerproxy sweep --policy policy.yaml --older-than 2h job-a

exit status: 0 nothing is left, 1 something could not be removed, 2 something to mend
"""

import argparse
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.cli.arguments import add_policy_argument, choose_socket
from dockerproxy.cli.ask import fetch, read_message
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.near import show
from dockerproxy.errors import Problem, UserError
from dockerproxy.policy.lists import read_list
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.stamps import OWNER
from dockerproxy.text import shorten_ids

_PATIENCE: Final = 60.0
"""Seconds for an answer: a container may have to be killed first."""

_LONGEST: Final = 16 << 20
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")

_RARE: Final = frozenset({Kind.SERVICE, Kind.POD})
"""What an engine may have none of, and no list."""

_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})
"""What is gone already is as good as removed."""


@dataclass(frozen=True, slots=True)
class Swept:
    """One object that was to be removed.

    Attributes:
        kind: What it is.
        name: As a person calls it.
        fault: Why it is still there; empty if it is not.
    """

    kind: Kind
    name: str
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


_ORDER: Final = (
    (Kind.SERVICE, "ServiceList", "/services", "/services/{}"),
    (Kind.POD, "PodListLibpod", "/v5.0.0/libpod/pods/json", "/v5.0.0/libpod/pods/{}?force=1"),
    (Kind.CONTAINER, "ContainerList", "/containers/json?all=1", "/containers/{}?force=1&v=1"),
    (Kind.NETWORK, "NetworkList", "/networks", "/networks/{}"),
    (Kind.VOLUME, "VolumeList", "/volumes", "/volumes/{}"),
)
"""For each kind the operation that lists it, and the targets to list and to remove; what uses others comes first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the policy, the socket, and what to spare."""
    add_policy_argument(parser)
    add = parser.add_argument
    add("--older-than", metavar="TIME", help="spare what is younger, like 30m, 2h or 1d")
    add("--dry-run", action="store_true", help="only say what would be removed")
    add("socket", metavar="SOCKET", nargs="?", help="which socket of the policy; needed where it has several")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Remove it, and print what was removed and what was not."""
    sockets = read_configuration(environment, options.policy).settings.sockets
    served = choose_socket(sockets, options.socket, "sweep")
    owner = served.policy.owner
    if not owner:
        raise UserError(Problem(served.name, "nobody owns what this socket creates", 'grant "own" on it'))
    latest = None if options.older_than is None else time.time() - read_duration(options.older_than)
    total = left = 0
    try:
        for swept in sweep(served.path, owner, latest, is_dry=options.dry_run):
            total, left = total + 1, left + bool(swept.fault)
            verb = "would remove" if options.dry_run else "removed"
            bad = paint(f"left     {swept}: {swept.fault}", Style.BAD)
            say(bad if swept.fault else f"{verb}  {swept}")
    except OSError as error:
        raise UserError(Problem(served.path, f"the proxy does not answer: {error.strerror or error}")) from error
    if not total:
        say("nothing to remove")
    return 1 if left else 0


def read_duration(text: str) -> int:
    """Read a time like `2h` as seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UserError(Problem("--older-than", f"{show(text)} is not a time", "write it like 30m, 2h or 1d"))
    return int(found[1]) * _UNITS[found[2]]


def sweep(path: str, owner: str, latest: float | None = None, *, is_dry: bool = False) -> Iterator[Swept]:
    """Remove what an owner has, through a socket that is granted it; yield each object when that was tried.

    Args:
        path: Of the socket.
        owner: Whose it must be.
        latest: Seconds since 1970 after which what was created is spared.
        is_dry: Whether nothing is removed.
    """
    for kind, operation, listing, removal in _ORDER:
        status, content = fetch(path, "GET", listing, _PATIENCE, _LONGEST)
        if status != HTTPStatus.OK:
            if kind not in _RARE or status == HTTPStatus.FORBIDDEN:
                yield Swept(kind, "of any name", read_message(content) or f"the engine answered {status}")
            continue
        answer = read_list(OPERATIONS[operation], content, "")
        if answer is None:
            yield Swept(kind, "of any name", "the engine's answer cannot be read")
            continue
        for element in answer.elements:
            found = element.found.of if isinstance(element.found, Lookup) else element.found
            if found is None or found.labels.get(OWNER) != owner or (latest is not None and _find_time(found) > latest):
                continue
            name = found.names[0] if found.names else shorten_ids(found.id)
            yield Swept(kind, name, "" if is_dry else _remove(path, removal.format(quote(found.id, safe=":"))))


def _find_time(found: ResolvedObject) -> float:
    """Return when something was created, in seconds since 1970; what does not say so is as old as can be."""
    value = found.document.get("created") or found.document.get("createdat")
    if isinstance(value, int | float):
        return float(value)
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return 0.0


def _remove(path: str, target: str) -> str:
    """Remove an object; say why it is still there, if it is."""
    status, content = fetch(path, "DELETE", target, _PATIENCE)
    return "" if status in _DONE else read_message(content) or f"the engine answered {status}"
