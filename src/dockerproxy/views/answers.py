"""What a client gets of an answer of which it may not see all, or which calls directories as the host does.

Of a list, first what the grants admit is shown, then what the socket hides is cut out.

Attacks: docs/attacks.md, views/answers.
"""

from functools import partial
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import OPERATIONS, Access, Operation, Shape
from dockerproxy.policy.descriptions import read_image_labels
from dockerproxy.policy.objects import Kind, Lookup, get_object
from dockerproxy.policy.phases import Act, Acts, Plan, Verdict
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.steps import Ask, Read, Scene, Steps, Tell, UnknownObjectError, Whole, Work
from dockerproxy.views.hiding import hide
from dockerproxy.views.lists import LISTS, ImageLabels, Listing, Services, read_count, read_list, write_filters
from dockerproxy.views.long_lists import MOST_OF_ELEMENT, Sieve
from dockerproxy.views.spelling import SPELLED, respell
from dockerproxy.views.summaries import COUNTING, blank_counts
from dockerproxy.wire.answer import keep_plain, with_content, write_document

_FAILED: Final = HTTPStatus.INTERNAL_SERVER_ERROR
"""What Podman answers to a filter of labels in a list of secrets, which it does not know."""

_REMEMBERED: Final = 1024 * 1024
_MOST_REMEMBERED: Final = 4
"""Bytes of a list that is remembered until it comes again, and how many are."""


def edit(verdict: Verdict, answer: Whole) -> Steps[Whole]:
    """Return an answer without what is hidden, and with directories as the client calls them."""
    places, hides = verdict.known.places, verdict.hides
    respells = places.differ and verdict.operation.name in SPELLED and answer.status == HTTPStatus.OK
    if not hides and not respells:
        return answer

    def write() -> bytes | None:  # What is hidden of a bind must not show as a volume of ours.
        told = respell(verdict.operation, places, answer.content) if respells else answer.content
        return told if told is None or not hides else hide(verdict.operation, hides, answer.status, told)

    left = yield from Work(answer.content, write)
    return Whole(with_content(keep_plain(answer.head) if hides else answer.head, left), answer.status, left)


def read(verdict: Verdict, _scene: Scene) -> Plan:
    """Get an answer that changes on its way to the client."""
    return (yield from edit(verdict, (yield from _fetch(verdict, verdict.to_engine))))


def show_list(verdict: Verdict, scene: Scene) -> Plan:
    """Get a list from the engine, and return what of it the client may see."""
    name = verdict.operation.name
    answer = yield from _fetch(verdict, verdict.to_engine)
    if answer.status == _FAILED and LISTS.get(name) is Kind.SECRET:
        answer = yield from _fetch(verdict, Ask("GET", verdict.target).head)
    if answer.status == HTTPStatus.NOT_FOUND and name == "TaskList":  # Else a filter tells names.
        return Whole(write_document(b"[]"), HTTPStatus.OK, b"[]")
    if answer.status == HTTPStatus.OK:
        if name in COUNTING:
            shown = yield from Work(answer.content, partial(blank_counts, name, answer.content))
        else:
            shown = yield from _reduce(verdict, scene, answer.content)
        answer = Whole(with_content(answer.head, shown), answer.status, shown)
    return (yield from edit(verdict, answer))


def _fetch(verdict: Verdict, request: bytes) -> Acts[Whole]:
    """Return the engine's answer; of a long list, only what may be shown and is not too long."""
    name = verdict.operation.name
    waits = verdict.operation.shape is Shape.WAIT
    if verdict.operation.access is Access.WRITE and not waits:
        return (yield from Act(verdict))
    if name not in LISTS:
        return (yield from Read(request, waits=waits))
    sieve = Sieve(OPERATIONS[name], verdict.decision.shows)
    answer = yield from Read(request, sift=sieve.take)
    if sieve.left_out:
        yield from Tell(name, f"{sieve.left_out} objects with more than {MOST_OF_ELEMENT >> 10} KiB")
    return answer


def _reduce(verdict: Verdict, scene: Scene, content: bytes) -> Steps[bytes]:
    """Return a list with what the client may see of it."""
    listing = yield from read_listing(scene, verdict.operation, content, verdict.request.version)
    labels = yield from find_labels(listing, verdict.policy.owner)
    services = (yield from _find_services(verdict, scene)) if verdict.operation.name == "TaskList" else {}
    shown = partial(listing.show, verdict.decision.shows, labels, read_count(verdict.request), services)
    return (yield from Work(content, shown))


def _find_services(verdict: Verdict, scene: Scene) -> Steps[Services]:
    """Return services by their ids, of which the client may see the tasks: those of an owner, or all."""
    prefix, owner = f"/{verdict.request.version}".rstrip("/"), verdict.sole_owner
    target = f"{prefix}/services{f'?filters={write_filters(owner)}' if owner else ''}"
    operation = OPERATIONS["ServiceList"]
    answer = yield from Read(Ask("GET", target).head, sift=Sieve(operation, ()).take)
    if answer.status != HTTPStatus.OK:
        raise UnknownObjectError(f"asked for services, the engine answered {answer.status}")
    listing = yield from read_listing(scene, operation, answer.content, verdict.request.version)
    return {found.id: found for found in (get_object(each.found) for each in listing.elements)}


def read_listing(scene: Scene, operation: Operation, content: bytes, version: str = "") -> Steps[Listing]:
    """Read the engine's answer to a list operation."""
    key = operation.name, version
    listing: Listing = yield from Work(content, partial(read_list, operation, content, version, scene.listed.get(key)))
    if len(content) <= _REMEMBERED:
        if len(scene.listed) >= _MOST_REMEMBERED:
            scene.listed.clear()
        scene.listed[key] = listing
    return listing


def find_labels(listing: Listing, owner: str) -> Steps[ImageLabels]:
    """Return what must be known of images to tell what is an owner's. What has another's stamp needs no proof."""
    asked = (each.found for each in listing.elements if isinstance(each.found, Lookup))
    targets = dict.fromkeys(each.target for each in asked if each.of and each.of.labels.get(OWNER) == owner)
    labels = {}
    for target in targets:
        status, content = yield from Ask("GET", target, is_fixed=True)
        if status == HTTPStatus.OK:
            labels[target] = read_image_labels(content)
    return labels
