"""Answers of which a client sees only a part, or with the client's names of directories.

Lists are first reduced to what grants admit. Then hidden fields are cut out.

Attacks: docs/attacks.md, plans/showing.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from dockerproxy.api.answers import COUNTING, SPELLED
from dockerproxy.api.catalog import OPERATIONS, Access, Operation, Shape
from dockerproxy.owner_labels import OWNER
from dockerproxy.plans.spelling import respell
from dockerproxy.policy.descriptions import read_image_labels
from dockerproxy.policy.list_filters import LISTS, read_count, write_filters
from dockerproxy.policy.lists import Element, ImageLabels, Selection, Services, read_list
from dockerproxy.policy.objects import INSPECTIONS, Kind, Lookup, get_object
from dockerproxy.policy.phases import Act, Plan, Verdict
from dockerproxy.policy.steps import Ask, Read, Scene, Steps, Tell, UnknownObjectError, Whole, Work
from dockerproxy.policy.subtrees import conceal_path, mounts_part
from dockerproxy.response_filters.hiding import blank_counts, hide
from dockerproxy.response_filters.json_filter import MOST_OF_ELEMENT, Cutter, keep
from dockerproxy.wire.answer import keep_plain, with_content, write_document

_Kept = TypeVar("_Kept")


def edit(verdict: Verdict, answer: Whole) -> Steps[Whole]:
    """Return an answer without hidden fields, and with the client's names of directories."""
    name, places, hides = verdict.operation.name, verdict.known.places, verdict.hides
    is_told = answer.status == HTTPStatus.OK
    uses = (  # A hidden bind must not show as a volume of the proxy.
        (partial(blank_counts, name), is_told and verdict.decision.shows and name in COUNTING),
        (conceal_path, is_told and name in INSPECTIONS and mounts_part(verdict.known.found)),
        (partial(respell, name, places), is_told and places.differ and name in SPELLED),
        (partial(hide, verdict.operation, hides, answer.status), hides),
    )
    cuts: list[Callable[[bytes], bytes | None]] = [cut for cut, applies in uses if applies]
    if not cuts:
        return answer

    def write() -> bytes | None:
        content: bytes | None = answer.content
        for cut in cuts:
            content = content if content is None else cut(content)
        return content

    left = yield from Work(answer.content, write)
    return Whole(with_content(keep_plain(answer.head) if hides else answer.head, left), answer.status, left)


def read(verdict: Verdict, _scene: Scene) -> Plan:
    """Get an answer that is edited for the client."""
    operation, waits = verdict.operation, verdict.operation.shape is Shape.WAIT
    if operation.access is Access.WRITE and not waits:
        answer = yield from Act(verdict)
    elif operation.name in LISTS:
        answer = yield from _read_list(operation, verdict.to_engine, Cutter(operation.name, keep))
    else:
        answer = yield from Read(verdict.to_engine, waits)
    return (yield from edit(verdict, answer))


def show_list(verdict: Verdict, scene: Scene) -> Plan:
    """Get a list from the engine, and return the part that the client may see."""
    operation, version = verdict.operation, verdict.request.version
    if operation.name not in LISTS:  # It counts objects that the client may not see.
        return (yield from read(verdict, scene))
    selection = Selection(operation, version, verdict.decision.shows, scene.listed)
    listing = Cutter(operation.name, selection.read)
    answer = yield from _read_list(operation, verdict.to_engine, listing)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and LISTS[operation.name] is Kind.SECRET:
        # Podman does not support a label filter there.
        listing = Cutter(operation.name, selection.read)
        answer = yield from _read_list(operation, Ask("GET", verdict.target).head, listing)
    if answer.status == HTTPStatus.NOT_FOUND and operation.name == "TaskList":  # Otherwise a filter reveals names.
        return Whole(write_document(b"[]"), HTTPStatus.OK, b"[]")
    if answer.status == HTTPStatus.OK:
        yield from _finish(operation, listing, answer.content)
        labels = yield from find_labels(listing, verdict.policy.owner)
        services = (yield from _find_services(verdict, scene)) if operation.name == "TaskList" else {}
        show = partial(selection.show, listing, labels, read_count(verdict.request), services)
        shown = yield from Work(answer.content, show)
        answer = Whole(with_content(answer.head, shown), answer.status, shown)
    return (yield from edit(verdict, answer))


def _read_list(operation: Operation, request: bytes, cutter: Cutter[_Kept]) -> Steps[Whole]:
    """Return the engine's answer; of a long list, only elements that may be shown and are not too long."""
    answer = yield from Read(request, sift=cutter.take)
    yield from _tell(operation, cutter)
    return answer


def _finish(operation: Operation, cutter: Cutter[_Kept], content: bytes) -> Steps[None]:
    """Read the rest of a list."""
    yield from Work(content, partial(cutter.finish, content))
    yield from _tell(operation, cutter)


def _tell(operation: Operation, cutter: Cutter[_Kept]) -> Steps[None]:
    if cutter.left_out:
        yield from Tell(operation.name, f"{cutter.left_out} objects with more than {MOST_OF_ELEMENT >> 10} KiB")


def _find_services(verdict: Verdict, scene: Scene) -> Steps[Services]:
    """Return services whose tasks the client may see, by ID: those of an owner, or all."""
    version, owner, operation = verdict.request.version, verdict.sole_owner, OPERATIONS["ServiceList"]
    target = f"{version and '/'}{version}/services{f'?filters={write_filters(owner)}' if owner else ''}"
    listing = Cutter(operation.name, Selection(operation, version, (), scene.listed).read)
    answer = yield from _read_list(operation, Ask("GET", target).head, listing)
    if answer.status != HTTPStatus.OK:
        raise UnknownObjectError(f"the engine answered {answer.status} to the list of services")
    yield from _finish(operation, listing, answer.content)
    return {found.id: found for found in (get_object(each.found) for each in listing.elements)}


def read_listing(scene: Scene, operation: Operation, content: bytes) -> Steps[Cutter[Element]]:
    """Read the engine's answer to a list operation."""
    return (yield from Work(content, partial(read_list, operation, content, "", scene.listed)))


def find_labels(listing: Cutter[Element], owner: str) -> Steps[ImageLabels]:
    """Return the image labels that prove ownership. Objects with another owner's stamp need no proof."""
    asked = (each.found for each in listing.elements if isinstance(each.found, Lookup))
    targets = dict.fromkeys(each.target for each in asked if each.of and each.of.labels.get(OWNER) == owner)
    labels = {}
    for target in targets:
        with suppress(UnknownObjectError):  # Another client may have made the image unreadable.
            status, content = yield from Ask("GET", target, is_fixed=True)
            labels[target] = read_image_labels(content) if status == HTTPStatus.OK else None
    return labels
