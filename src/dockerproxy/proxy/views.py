"""What a client gets of an answer of which it may not see all, and volumes that are made on the way of a create.

Both need more of the engine than to pass something on, so they go over connections of their own. Of a list, first what
the grants admit is shown, then what the socket hides is cut out.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from dockerproxy.api.catalog import OPERATIONS, Access, Operation, Shape
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.descriptions import has_labels, read_image_labels
from dockerproxy.policy.hiding import hide
from dockerproxy.policy.lists import LISTS, Answer, ImageLabels, Services, read_count, read_list, write_filters
from dockerproxy.policy.long_lists import MOST_OF_ELEMENT, Sieve
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import Kind, Lookup, get_object
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.prunes import Ask
from dockerproxy.policy.spelling import respell
from dockerproxy.policy.stamps import OWNER, make_stamp
from dockerproxy.policy.summaries import COUNTING, blank_counts
from dockerproxy.proxy.resolver import UnknownObjectError, collect, converse, read_answer
from dockerproxy.settings import Level
from dockerproxy.wire.answer import keep_plain, with_content, write_answer, write_document
from dockerproxy.wire.head import END_OF_HEAD

if TYPE_CHECKING:
    from dockerproxy.proxy.exchange import Exchange
    from dockerproxy.proxy.sockets import SocketState

_Result = TypeVar("_Result")

SHORT: Final = 16 * 1024
"""Bytes of an answer that is read at once."""

_FAILED: Final = HTTPStatus.INTERNAL_SERVER_ERROR
"""What Podman answers to a filter of labels in a list of secrets, which it does not know."""

_TAKEN: Final = "the name is taken by somebody else; use another name"

_REMEMBERED: Final = 1024 * 1024
_MOST_REMEMBERED: Final = 4
"""Bytes of a list that is remembered until it comes again, and how many are."""


async def show_part(exchange: "Exchange", verdict: Verdict, owner: str) -> None:
    """Get an answer from the engine, and pass on what of it the client may see, who is this owner."""
    socket, waits = exchange.socket, verdict.operation.shape is Shape.WAIT
    patience = socket.patience if verdict.decision.shows else socket.limits.engine_timeout
    try:
        async with asyncio.timeout(None if waits else patience):
            if verdict.decision.shows:
                answer = await fetch_list(socket, verdict, owner)
            else:
                async with nullcontext() if waits or verdict.operation.access is Access.WRITE else socket.lookups:
                    answer = await _ask(socket, verdict)
        await pass_on(exchange, verdict, answer)
    except TimeoutError:
        exchange.fail(504, f"the engine says nothing for {patience:g} seconds")
    except UnknownObjectError as error:
        exchange.fail(502, f"{verdict.operation.name} cannot be shown in part: {error}")


async def pass_on(exchange: "Exchange", verdict: Verdict, answer: bytes) -> None:
    """Pass on an answer that has come whole, without what is hidden, if the client is still there."""
    head, content = read_answer(answer)
    if _is_of_another(verdict, head.status, content):  # Another client has made it meanwhile.
        answer = write_answer(HTTPStatus.CONFLICT, _TAKEN, close=False, decision=exchange.account.decision)
        head, content = read_answer(answer)
    is_edited = verdict.respells and head.status == HTTPStatus.OK
    if verdict.hides or is_edited:
        work = partial(_edit, verdict, head.status, content)
        left = await look(exchange.socket, content, work)
        answer = with_content(keep_plain(_head_of(answer)) if verdict.hides else _head_of(answer), left)
        head, content = read_answer(answer)
    if exchange.is_held:
        exchange.judged = verdict
        exchange.begin_alone(head)
        if exchange.socket.notes_created:
            exchange.note_answer(content)
        exchange.end_with(answer)


def _is_of_another(verdict: Verdict, status: int, content: bytes) -> bool:
    is_made = verdict.makes_volume and verdict.mode is Mode.ENFORCE and status < HTTPStatus.BAD_REQUEST
    return is_made and not has_labels(content, {OWNER: verdict.decision.owner})


async def look(socket: "SocketState", content: bytes, work: Callable[[], _Result | None]) -> _Result:
    """Look at an answer; at a long one beside the loop, so that nobody else waits.

    Raises:
        UnknownObjectError: It cannot be read.
    """
    seen = work() if len(content) <= SHORT else await socket.shared.worker.run(socket.judging, work)
    if seen is None:
        raise UnknownObjectError("the engine's answer is not as expected")
    return seen


def _edit(verdict: Verdict, status: int, content: bytes) -> bytes | None:
    """Return the content of an answer without what is hidden, in the client's names; None if it cannot be read."""
    left = hide(verdict.operation, verdict.hides, status, content) if verdict.hides else content
    if left is None or not verdict.respells or status != HTTPStatus.OK:
        return left
    return respell(verdict.operation, verdict.known.places, left)


async def _ask(socket: "SocketState", verdict: Verdict) -> bytes:
    """Return the engine's answer.

    Raises:
        OSError: It cannot be reached.
    """
    name = verdict.operation.name
    if name in LISTS:
        return await _collect(socket, name, verdict.to_engine, verdict.decision.shows)
    return await converse(socket.shared.engines, verdict.to_engine, to_the_end=False)


async def list_all(socket: "SocketState", name: str, target: str) -> tuple[int, bytes]:
    """Return the engine's answer to a list operation, whoever may see it; without elements that are too long."""
    head, content = read_answer(await _collect(socket, name, Ask("GET", target).head, ()))
    return head.status, content


async def _collect(socket: "SocketState", name: str, request: bytes, shows: Sequence[Mapping[str, Condition]]) -> bytes:
    """Get a list from the engine; of a long one, only what may be shown and is not too long."""
    sieve = Sieve(OPERATIONS[name], shows)
    answer = await collect(
        socket.shared.engines, request, lambda content: look(socket, content, partial(sieve.take, content))
    )
    if sieve.left_out and name not in socket.told:
        socket.told.add(name)
        left_out = f"{sieve.left_out} objects with more than {MOST_OF_ELEMENT >> 10} KiB"
        socket.shared.log.message(Level.WARNING, f"socket {socket.name}: {name} leaves out {left_out}")
    return answer


def _head_of(answer: bytes) -> bytes:
    return answer[: answer.find(END_OF_HEAD) + len(END_OF_HEAD)]


async def fetch_list(socket: "SocketState", verdict: Verdict, owner: str) -> bytes:
    """Get a list from the engine; return the answer with what of it an owner may see."""
    async with socket.lookups:
        answer = await _ask(socket, verdict)
        if read_answer(answer)[0].status == _FAILED and LISTS.get(verdict.operation.name) is Kind.SECRET:
            answer = await converse(socket.shared.engines, Ask("GET", verdict.target).head, to_the_end=False)
        head, content = read_answer(answer)
        if head.status == HTTPStatus.NOT_FOUND and verdict.operation.name == "TaskList":  # Else a filter tells names.
            return write_document(b"[]")
        if head.status != HTTPStatus.OK:
            return answer
        if verdict.operation.name in COUNTING:
            shown = await look(socket, content, partial(blank_counts, verdict.operation.name, content))
        else:
            shown = await _reduce(socket, verdict, owner, content)
        return with_content(_head_of(answer), shown)


async def _reduce(socket: "SocketState", verdict: Verdict, owner: str, content: bytes) -> bytes:
    """Return a list with what the client may see of it."""
    listing = await read_listing(socket, verdict.operation, content, verdict.request.version)
    labels = await find_labels(socket, listing, owner)
    services = await _find_services(socket, verdict) if verdict.operation.name == "TaskList" else {}
    work = partial(listing.show, verdict.decision.shows, labels, read_count(verdict.request), services)
    return await look(socket, content, work)


async def _find_services(socket: "SocketState", verdict: Verdict) -> Services:
    """Return services by their ids, of which the client may see the tasks: those of an owner, or all."""
    prefix, owner = f"/{verdict.request.version}".rstrip("/"), verdict.decision.owner
    target = f"{prefix}/services{f'?filters={write_filters(owner)}' if owner else ''}"
    status, content = await list_all(socket, "ServiceList", target)
    if status != HTTPStatus.OK:
        raise UnknownObjectError(f"asked for services, the engine answered {status}")
    listing = await read_listing(socket, OPERATIONS["ServiceList"], content, verdict.request.version)
    return {found.id: found for found in (get_object(each.found) for each in listing.elements)}


async def read_listing(socket: "SocketState", operation: Operation, content: bytes, version: str = "") -> Answer:
    """Read the engine's answer to a list operation."""
    key = operation.name, version
    read = partial(read_list, operation, content, version, socket.listed.get(key))
    listing = await look(socket, content, read)
    if len(content) <= _REMEMBERED:
        if len(socket.listed) >= _MOST_REMEMBERED:
            socket.listed.clear()
        socket.listed[key] = listing
    return listing


async def find_labels(socket: "SocketState", listing: Answer, owner: str) -> ImageLabels:
    """Return what must be known of images to tell what is an owner's. What has another's stamp needs no proof.

    Attack: containers of many images, for each of which other clients wait -> Defence: only their own are asked for.
    """
    shared, asked = socket.shared, (each.found for each in listing.elements if isinstance(each.found, Lookup))
    targets = dict.fromkeys(each.target for each in asked if each.of and each.of.labels.get(OWNER) == owner)
    answers = {target: await shared.resolver.ask(shared.engines, target, is_fixed=True) for target in targets}
    return {target: read_image_labels(body) for target, (status, body) in answers.items() if status == HTTPStatus.OK}


async def make_volumes(socket: "SocketState", verdict: Verdict, owner: str) -> None:
    """Make the volumes that a create would make on its way, under the stamp of the one who makes them."""
    request, stamp = verdict.request, make_stamp(owner, verdict.known.nonce)
    target = f"{'/' if request.version else ''}{request.version}/volumes/create"
    for name, labels in verdict.decision.makes.items():
        content = json.dumps({"Name": name, "Labels": {**labels, **stamp}}).encode()
        status, answer = await socket.shared.resolver.ask(socket.shared.engines, target, content)
        if status != HTTPStatus.CREATED or not has_labels(answer, stamp):
            raise UnknownObjectError(f"the volume {name} could not be made, or another client made it meanwhile")
