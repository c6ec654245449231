"""Keeps Docker from copying files into a volume while a container may change it (`policy/copies`).

Two proxies before one engine know nothing of what is copied through the other, and none does of what was before it.
"""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from dockerproxy.policy.copies import SERVICES, is_outside_swarm
from dockerproxy.policy.judge import keep_from_copying
from dockerproxy.policy.objects import Kind, is_full_id
from dockerproxy.policy.phases import Verdict, deny
from dockerproxy.proxy.resolver import UnknownObjectError, converse, read_answer
from dockerproxy.proxy.views import look
from dockerproxy.wire.document import list_of, read_engine_json

if TYPE_CHECKING:
    from dockerproxy.proxy.sockets import SocketState

_MOST: Final = 10_000
_SILENT: Final = "the engine does not say what there is of its volumes"


class Fresh:
    """Names of volumes that were made through this proxy, and that no container has mounted since."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, names: Iterable[str]) -> None:
        """Note that there are no such volumes yet, and that they are made now."""
        self._names.update(dict.fromkeys(names))
        for oldest in [*self._names][:-_MOST]:
            del self._names[oldest]

    def discard(self, names: Iterable[str]) -> None:
        """Note that a container may have these volumes from now on."""
        for name in names:
            self._names.pop(name, None)

    def __contains__(self, name: str) -> bool:
        return name in self._names


async def settle_copies(socket: "SocketState", verdict: Verdict) -> Verdict:
    """Have only the first create that mounts a new volume copy into it; its volumes are claimed.

    The decision that is returned names only those into which the engine may copy.

    Raises:
        OSError: The engine cannot be reached.
    """
    names, fresh, operation = verdict.decision.copies, socket.shared.fresh, verdict.operation.name
    is_made, is_served = operation == "VolumeCreate", operation in SERVICES
    try:
        async with asyncio.timeout(socket.patience), socket.lookups:
            absent = [name for name in names if await _is_absent(socket, verdict, name)]
            new = [name for name in names if name in fresh or name in absent]
            may_fill = bool(new) and not is_served and await _is_outside_swarm(socket)
            for name in filter(is_full_id, () if is_made else set(names).difference(absent)):
                if not await _is_mounted(socket, name):
                    return deny(verdict, "no container has this anonymous volume, which may be in the making; name it")
    except (TimeoutError, UnknownObjectError):
        return deny(verdict, _SILENT, HTTPStatus.GATEWAY_TIMEOUT)
    filled = tuple(new) if may_fill and not is_made else ()
    fresh.add(absent if may_fill and is_made else ())
    fresh.discard(() if may_fill else names)
    settled = replace(verdict, decision=replace(verdict.decision, copies=filled))
    used = set(names).difference(filled)
    if is_made or is_served or not used:
        return settled
    return await look(socket, verdict.to_engine, partial(keep_from_copying, settled, used))


async def create(socket: "SocketState", verdict: Verdict) -> bytes:
    """Have the engine act; a volume into which it may have copied is new no more, unless it says that it failed.

    Clients pull an image when they hear that there is none of its name, and create once more.
    """
    fresh, names = socket.shared.fresh, verdict.decision.copies
    fresh.discard(names)
    answer = await converse(socket.shared.engines, verdict.to_engine, to_the_end=False)
    with suppress(UnknownObjectError):
        if read_answer(answer)[0].status >= HTTPStatus.BAD_REQUEST:
            fresh.add(names)
    return answer


async def _is_absent(socket: "SocketState", verdict: Verdict, name: str) -> bool:
    known = verdict.known.answers.get((Kind.VOLUME, name))
    if known is not None:
        return not known.document
    status, _ = await socket.shared.resolver.ask(socket.shared.engines, f"/volumes/{quote(name)}")
    return status == HTTPStatus.NOT_FOUND


async def _is_mounted(socket: "SocketState", name: str) -> bool:
    """Whether a container has a volume."""
    filters = quote(json.dumps({"volume": [name]}))
    target = f"/containers/json?all=1&limit=1&filters={filters}"
    status, content = await socket.shared.resolver.ask(socket.shared.engines, target)
    return status == HTTPStatus.OK and bool(list_of(read_engine_json(content)))


async def _is_outside_swarm(socket: "SocketState") -> bool:
    """Whether the engine says that it is in no swarm, and does so soon: without a quorum, a manager takes long."""
    try:
        async with asyncio.timeout(socket.patience / 2):
            status, content = await socket.shared.resolver.ask(socket.shared.engines, "/info")
    except (TimeoutError, UnknownObjectError):
        return False
    return status == HTTPStatus.OK and is_outside_swarm(content)
