"""Gives and takes away names of images that clients own, instead of the engine.

What makes an image goes on like any other request, under a fresh mark. The end of the engine's answer is held back
until the names are given, so that the client finds them. One client at a time gives names: it takes a few milliseconds.

Attack: two clients give the same name at once -> Defence: what is asked about a name is true until it is given
(test: test_of_two_clients_that_give_a_name_at_once_one_gets_it).
Attack: go away in between -> Defence: what has begun goes on (test: test_names_are_given_though_the_client_goes).
Attack: give names without end, to keep others waiting -> Defence: one client of each socket stands in the line of all,
for each image of an archive anew, and with a few names at a time (test: test_many_names_are_given_a_few_at_a_time).
Attack: an engine that says nothing -> Defence: it has its time, of which those that wait for their turn lose none
(test: test_whoever_waits_for_its_turn_has_all_of_its_time).
"""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.naming import MORE, MOST_AT_ONCE, Steps, explain, finish, give_back, remove, tag
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.prunes import Answer
from dockerproxy.proxy.resolver import UnknownObjectError, converse, read_answer
from dockerproxy.proxy.said import Ids
from dockerproxy.wire.answer import write_answer, write_document, write_message

if TYPE_CHECKING:
    from dockerproxy.proxy.sockets import SocketState

_EMPTY: Final = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


async def _do(socket: "SocketState", steps: Steps) -> Answer:
    """Make the requests of giving names, in their turn; return the answer."""
    try:
        async with socket.naming, socket.shared.naming, asyncio.timeout(socket.patience):
            return await _take(socket, steps)
    except TimeoutError:
        return HTTPStatus.GATEWAY_TIMEOUT, write_message(f"the engine says nothing for {socket.patience:g} seconds")
    except UnknownObjectError as error:
        return HTTPStatus.BAD_GATEWAY, write_message(str(error))
    except OSError as error:
        return HTTPStatus.SERVICE_UNAVAILABLE, write_message(str(error) or "the engine cannot be reached")


async def _take(socket: "SocketState", steps: Steps) -> Answer:
    ask = next(steps)
    try:
        while True:
            head, content = read_answer(await converse(socket.shared.engines, ask.head, to_the_end=False))
            ask = steps.send((head.status, content))
    except StopIteration as end:
        status, content = end.value
        return status, content


async def rename(socket: "SocketState", verdict: Verdict, decision: str = "") -> bytes:
    """Give an image a name, or take one away; return the whole answer."""
    found, owner, request = verdict.known.found, verdict.decision.images, verdict.request
    if found is None or owner is None:
        return write_answer(HTTPStatus.NOT_FOUND, "No such image", close=False, decision=decision)
    status, content, turns = MORE, b"", 0
    is_removal = request.method == "DELETE"
    while status == MORE:
        steps = remove(request, owner, found, socket.shared.runs) if is_removal else tag(request, owner, found.id)
        status, content = await _do(socket, steps)
        turns += 1
    lost = owner.names(found) if turns > 1 and status != HTTPStatus.OK else ()
    for first in range(0, len(lost), MOST_AT_ONCE):
        await _do(socket, give_back(owner, found, first))
    if status == HTTPStatus.CREATED:
        return _EMPTY
    if status == HTTPStatus.OK:
        return write_document(content)
    return write_answer(status, explain(content), close=False, decision=decision)


async def give_names(socket: "SocketState", verdict: Verdict) -> tuple[str, Ids]:
    """Give what was made the names that were asked for; say why not all are given, if they are not, and all IDs."""
    owner, ids = verdict.decision.images, dict[str, bytes]()
    if owner is None:
        return "", ids
    for mark, names in verdict.made.items():
        for first in range(0, len(names) or 1, MOST_AT_ONCE):
            last = first + MOST_AT_ONCE
            steps = finish(owner, mark, names[first:last], is_last=last >= len(names))
            status, content = await _do(socket, steps)
            if status != HTTPStatus.OK:
                return explain(content), ids
            ids[mark] = content
    return "", ids
