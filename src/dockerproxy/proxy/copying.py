"""Keeps Docker from copying files into a volume while a container may change it (`policy/copies`)."""

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from dockerproxy.policy.judge import keep_from_copying
from dockerproxy.policy.objects import Kind, is_full_id
from dockerproxy.policy.phases import Verdict, deny
from dockerproxy.proxy.resolver import UnknownObjectError
from dockerproxy.wire.document import list_of, read_engine_json

if TYPE_CHECKING:
    from dockerproxy.proxy.sockets import SocketState

_MOST: Final = 10_000
_SILENT: Final = "the engine does not say what there is of its volumes"


class Fresh:
    """Names of volumes that were made through this proxy, and that no container has mounted since."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, name: str) -> None:
        """Note that there is no such volume yet, and that it is made now."""
        self._names[name] = None
        if len(self._names) > _MOST:
            del self._names[next(iter(self._names))]

    def take(self, name: str) -> bool:
        """Whether a volume is such a one, which it is no more from now on."""
        return name in self._names and self._names.pop(name) is None


async def settle_copies(socket: "SocketState", verdict: Verdict) -> Verdict:
    """Have only the first create that mounts a new volume copy into it; its volumes are claimed.

    Raises:
        OSError: The engine cannot be reached.
    """
    shared = socket.shared
    names, is_made = verdict.decision.copies, verdict.operation.name == "VolumeCreate"
    answers = verdict.known.answers
    there = [each for each in names if (found := answers.get((Kind.VOLUME, each))) is None or found.document]
    try:
        async with asyncio.timeout(socket.patience), socket.lookups:
            for name in names if is_made else ():
                known = answers.get((Kind.VOLUME, name))
                if known is None:
                    status, _ = await shared.resolver.ask(shared.engines, f"/volumes/{quote(name)}")
                if status == HTTPStatus.NOT_FOUND if known is None else not known.document:
                    shared.fresh.add(name)
            if is_made:
                return verdict
            for name in filter(is_full_id, there):
                filters = quote(json.dumps({"volume": [name]}))
                target = f"/containers/json?all=1&limit=1&filters={filters}"
                status, content = await shared.resolver.ask(shared.engines, target)
                if status != HTTPStatus.OK or not list_of(read_engine_json(content)):
                    return deny(verdict, "no container has this anonymous volume, which may be in the making; name it")
    except (TimeoutError, UnknownObjectError):
        return deny(verdict, _SILENT, HTTPStatus.GATEWAY_TIMEOUT)
    fresh = [name for name in names if shared.fresh.take(name)]
    used = [name for name in there if name not in fresh]
    return keep_from_copying(verdict, used) if used else verdict
