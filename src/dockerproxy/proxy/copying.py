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

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.copies import SERVICES, is_outside_swarm, list_mounted
from dockerproxy.policy.judge import keep_from_copying
from dockerproxy.policy.objects import OWN, Kind, is_full_id
from dockerproxy.policy.phases import Verdict, deny
from dockerproxy.proxy.removals import Claim, claim_volume
from dockerproxy.proxy.resolver import UnknownObjectError, converse, read_answer
from dockerproxy.proxy.views import look
from dockerproxy.wire.document import list_of, object_of, read_engine_json

if TYPE_CHECKING:
    from dockerproxy.proxy.sockets import SocketState

_MOST: Final = 10_000
_SILENT: Final = "the engine does not say what there is of its volumes"


class VolumeFills:
    """Names of volumes that were made through this proxy, and that no container has mounted since."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, names: Iterable[str]) -> None:
        """Remember volumes, which no container has."""
        self._names.update(dict.fromkeys(names))
        for oldest in [*self._names][:-_MOST]:
            del self._names[oldest]

    def discard(self, names: Iterable[str]) -> None:
        """Forget volumes that a container may have from now on."""
        for name in names:
            self._names.pop(name, None)

    def forget(self, claim: Claim) -> None:
        """Forget the volumes that a request has claimed, to remove them or to mount them."""
        self.discard([name for name in self._names if claim.precedes(claim_volume(name))])

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)


async def find_copies(socket: "SocketState", verdict: Verdict) -> tuple[str, ...]:
    """Return the names of volumes that a request makes or mounts, for which others must wait."""
    names, body = verdict.decision.copies, verdict.body
    if names is None and verdict.mounts_unread and body and socket.shared.protects_volumes:
        return await look(socket, body, partial(list_mounted, body))
    return names or ()


async def settle_copies(socket: "SocketState", policy: CompiledPolicy, verdict: Verdict) -> Verdict:
    """Let a contained create fill only new volumes; it has claimed all that it mounts.

    The decision that is returned names only those into which the engine may copy.

    Raises:
        OSError: The engine cannot be reached.
    """
    names, fills, operation = verdict.decision.copies or (), socket.shared.fills, verdict.operation.name
    is_made = operation == "VolumeCreate"
    try:
        async with asyncio.timeout(socket.patience), socket.lookups:
            absent = [name for name in names if await _is_absent(socket, verdict, name)]
            new = [name for name in names if name in fills or name in absent]
            is_served = operation in SERVICES or _grants_services(policy)
            may_fill = bool(new) and not is_served and await _is_outside_swarm(socket)
            for name in filter(is_full_id, () if is_made else set(names).difference(absent)):
                if not await _is_mounted(socket, name):
                    says = "no container that was started has this anonymous volume; name it"
                    return deny(verdict, says)
    except (TimeoutError, UnknownObjectError):
        return deny(verdict, _SILENT, HTTPStatus.GATEWAY_TIMEOUT)
    filled = tuple(new) if may_fill and not is_made else ()
    fills.add(absent if may_fill and is_made else ())
    fills.discard(() if may_fill else names)
    settled = replace(verdict, decision=replace(verdict.decision, copies=filled))
    unfilled = set(names).difference(filled)
    return await look(socket, verdict.to_engine, partial(keep_from_copying, settled, unfilled)) if unfilled else settled


async def create(socket: "SocketState", verdict: Verdict) -> bytes:
    """Have the engine act; a volume that it may have filled is forgotten, unless the engine says that it failed.

    Clients pull an image when they hear that there is none of its name, and create once more.
    """
    fills, names = socket.shared.fills, verdict.decision.copies or ()
    fills.discard(names)
    answer = await converse(socket.shared.engines, verdict.to_engine, to_the_end=False)
    with suppress(UnknownObjectError):
        if read_answer(answer)[0].status >= HTTPStatus.BAD_REQUEST:
            fills.add(names)
    return answer


def _grants_services(policy: CompiledPolicy) -> bool:
    """Whether clients may make services, or change those of others; `own` alone gives them none."""
    return any(OWN not in case.by_word for name in SERVICES for case in policy.cases[name])


async def _is_absent(socket: "SocketState", verdict: Verdict, name: str) -> bool:
    known = verdict.known.answers.get((Kind.VOLUME, name))
    if known is not None:
        return not known.document
    status, _ = await socket.shared.resolver.ask(socket.shared.engines, f"/volumes/{quote(name)}")
    return status == HTTPStatus.NOT_FOUND


async def _is_mounted(socket: "SocketState", name: str) -> bool:
    """Whether a container has a volume that was started: into others, files may be copied (`policy/claims/uploads`)."""
    filters = quote(json.dumps({"volume": [name]}))
    target = f"/containers/json?all=1&filters={filters}"
    status, content = await socket.shared.resolver.ask(socket.shared.engines, target)
    states = [object_of(each).get("State") for each in list_of(read_engine_json(content))]
    return status == HTTPStatus.OK and any(isinstance(state, str) and state != "created" for state in states)


async def _is_outside_swarm(socket: "SocketState") -> bool:
    """Whether the engine says that it is in no swarm, and does so soon: without a quorum, a manager takes long."""
    try:
        async with asyncio.timeout(socket.patience / 2):
            status, content = await socket.shared.resolver.ask(socket.shared.engines, "/info")
    except (TimeoutError, UnknownObjectError):
        return False
    return status == HTTPStatus.OK and is_outside_swarm(content)
