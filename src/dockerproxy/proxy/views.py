"""What a client gets of a list of which its grants admit a part, and volumes that are made on the way of a create.

Both need more of the engine than to pass something on, so they go over connections of their own.
"""

import asyncio
import json
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.descriptions import has_labels, read_image_labels
from dockerproxy.policy.judge import Verdict
from dockerproxy.policy.lists import read_count, read_list
from dockerproxy.policy.objects import Lookup
from dockerproxy.policy.stamps import OWNER, make_stamp
from dockerproxy.proxy.resolver import UnknownObjectError, converse, read_answer
from dockerproxy.wire.answer import with_content
from dockerproxy.wire.head import END_OF_HEAD

if TYPE_CHECKING:
    from dockerproxy.proxy.exchange import Exchange
    from dockerproxy.proxy.shared import Shared
    from dockerproxy.proxy.sockets import SocketState

_SHORT: Final = 16 * 1024
"""Bytes of an answer that is read at once."""


async def show_list(  # noqa: PLR0913, PLR0917 (they are what it is made of)
    exchange: "Exchange", socket: "SocketState", shared: "Shared", verdict: Verdict, owner: str, patience: float
) -> None:
    """Get a list from the engine, and answer with what of it the client may see, who is this owner.

    Raises:
        OSError: The engine cannot be reached.
    """
    try:
        async with asyncio.timeout(patience), socket.lookups:
            answer = await converse(shared.engines, verdict.to_engine, to_the_end=False)
            head, content = read_answer(answer)
            if head.status == HTTPStatus.OK:
                shown = await _reduce(socket, shared, verdict, owner, content)
                answer = with_content(answer[: answer.find(END_OF_HEAD) + len(END_OF_HEAD)], shown)
                head, _ = read_answer(answer)
    except TimeoutError:
        exchange.fail(504, f"the engine says nothing for {patience:g} seconds")
    except UnknownObjectError as error:
        exchange.fail(502, f"{verdict.operation.name} cannot be shown in part: {error}")
    else:
        if exchange.is_held:
            exchange.begin_alone(head, answer)
            exchange.end_answer()


async def _reduce(socket: "SocketState", shared: "Shared", verdict: Verdict, owner: str, content: bytes) -> bytes:
    """Return a list with what the client may see of it. What has another's stamp needs no proof.

    Attack: containers of many images, for each of which other clients wait -> Defence: only their own are asked for.
    """
    read = partial(read_list, verdict.operation, content, verdict.request.version)
    listing = read() if len(content) <= _SHORT else await shared.worker.run(socket.judging, read)
    if listing is None:
        raise UnknownObjectError("the engine's answer is not as expected")
    asked = (each.found for each in listing.elements if isinstance(each.found, Lookup))
    targets = dict.fromkeys(each.target for each in asked if each.of and each.of.labels.get(OWNER) == owner)
    answers = {target: await shared.resolver.ask(shared.engines, target, is_fixed=True) for target in targets}
    labels = {target: read_image_labels(body) for target, (status, body) in answers.items() if status == HTTPStatus.OK}
    return listing.show(verdict.decision.shows, labels, read_count(verdict.request))


async def make_volumes(shared: "Shared", verdict: Verdict, owner: str) -> None:
    """Make the volumes that a create would make on its way, under the stamp of the one who makes them.

    Raises:
        UnknownObjectError: The engine does not, or somebody else made one of that name meanwhile.
        OSError: It cannot be reached.
    """
    request, stamp = verdict.request, make_stamp(owner, verdict.known.nonce)
    libpod = "/libpod" if verdict.operation.section.startswith("libpod/") else ""
    target = f"{'/' if request.version else ''}{request.version}{libpod}/volumes/create"
    for name in verdict.decision.makes:
        content = json.dumps({"Name": name, "Labels": stamp}).encode()
        status, answer = await shared.resolver.ask(shared.engines, target, content)
        if status != HTTPStatus.CREATED or not has_labels(answer, stamp):
            raise UnknownObjectError(f"the volume {name} could not be made, or another client made it meanwhile")
