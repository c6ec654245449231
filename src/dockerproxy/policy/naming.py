"""Giving and taking away names of images, and with each the mark that says whose it is: which requests that takes.

A name that exists is replaced only by its owner, or if it is nobody's and the grant lists it. So what makes an image
goes to the engine with a fresh mark in place of the names that the client asked for. They are given when the image is
there, each only if it may be. The caller lets one client at a time give names (`proxy/naming`).

Attack: have an image built while another client gives the same name -> Defence: whether a name is free is asked when it
is given (test: test_a_name_that_is_taken_meanwhile_is_not_replaced).
Attack: leave while the engine works, so that the image is nobody's -> Defence: the engine itself puts the fresh mark on
(test: test_what_is_built_is_own_whether_or_not_its_client_stays).
Attack: ask for a name in the moment in which it moves or goes, when it is nobody's -> Defence: a mark comes before its
name, and goes after it (test: test_at_no_moment_is_a_name_without_its_mark).
Attack: remove an image by its ID, and with it the names that others gave it -> Defence: names are removed one by one,
the own ones only (test: test_whoever_shares_an_image_has_only_its_own_names_of_it).
Attack: create a container of an own image by its name, and have that become another client's before the engine acts ->
Defence: a create has its name for itself (test: test_a_create_runs_no_image_that_gets_the_name_meanwhile).
Attack: load an image that looks like a step of another's build, which the engine then takes for that step ->
Defence: a build takes no steps from other images (test: test_a_build_takes_no_step_from_images_of_others).
Attack: have a build pull what is there, so that another's name becomes that of what a registry has -> Defence: it pulls
what is missing, and nothing else (test: test_a_build_pulls_nothing_in_place_of_what_is_there).
Attack: leave containers of steps, which are nobody's -> Defence: all are removed (test:
test_a_build_leaves_no_containers).
"""

import json
from collections.abc import Collection, Generator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import RESERVED, CanonicalRequest
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.image_marks import ImageOwner, fresh_key, key_of, write_mark
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject, join_reference, new_name
from dockerproxy.policy.prunes import Answer, Ask
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.text import fold
from dockerproxy.wire.answer import read_message, write_message

BUILD: Final = "ImageBuild"

_NAMED_BY: Final = {BUILD: ("t",), "ImageCreate": ("repo", "tag")}
"""For operations that make an image: by which parameters it gets names."""

_OF_BUILDS: Final = {"nocache": "1", "rm": "1", "forcerm": "1"}
"""Has a build run all its steps, and leave no containers. Docker compares steps with images that any client made."""

MAKING: Final = _NAMED_BY.keys()

REMOVAL: Final = "ImageDelete"
TAGGING: Final = "ImageTag"
RENAMING: Final = frozenset({REMOVAL, TAGGING})

_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
_INSPECT: Final = Lookup(Kind.IMAGE, "", "", OPERATIONS["ImageInspect"])

MOST_AT_ONCE: Final = 64
"""Names that are given or taken away before others have their turn."""

MORE: Final[int] = HTTPStatus.PARTIAL_CONTENT
"""What a removal ends with if own names of the image are left."""

Steps = Generator[Ask, Answer, Answer]
"""Requests, the answer to each, and in the end the answer to the client; one without content means that all is done."""

_USED: Final = "conflict: unable to remove {}: a container, another image, a save or a push uses it"

_FINE: Final[Answer] = (HTTPStatus.OK, b"")


def makes_image(request: CanonicalRequest) -> bool:
    """Whether a request makes an image that nobody else has made; a pull does not."""
    name = request.operation.name
    return name in MAKING and (name != "ImageCreate" or any(request.values("fromsrc")))


def with_mark(request: CanonicalRequest, owner: str, nonce: str) -> CanonicalRequest:
    """Return a request that makes an image anew under a fresh mark, and under no name."""
    parameters = _NAMED_BY[request.operation.name]
    mark = write_mark(fresh_key(nonce), owner)
    values = (mark,) if len(parameters) == 1 else tuple(mark.rsplit(":", 1))
    given = dict(zip(parameters, values, strict=True))
    kept = tuple(pair for pair in request.query if fold(pair[0]) not in {*given, "pull"})
    return request._replace(query=(*kept, *given.items()))


def with_all_steps(request: CanonicalRequest) -> CanonicalRequest:
    """Return a build that runs all its steps, and removes their containers."""
    kept = tuple(pair for pair in request.query if fold(pair[0]) not in _OF_BUILDS)
    return request._replace(query=(*kept, *_OF_BUILDS.items()))


def _list_names(request: CanonicalRequest) -> tuple[str, ...]:
    """Return the names that a request asks for, normalised. It was allowed, so they are names, and unambiguous."""
    if request.operation.name == BUILD:
        references = [parse_reference(text) for text in request.values("t")]
    else:
        references = [join_reference(text, "".join(request.values("tag"))) for text in request.values("repo")]
    return tuple(dict.fromkeys(str(with_default_tag(each)) for each in references if each is not None))


def list_made(request: CanonicalRequest, owner: ImageOwner, nonce: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names that were asked for, by the fresh mark under which an image is made."""
    return {write_mark(fresh_key(nonce), owner.name): _list_names(request)}


def finish(owner: ImageOwner, mark: str, names: tuple[str, ...], *, is_last: bool = True) -> Steps:
    """Give an image that was made under a fresh mark the names that were asked for; answer with its ID.

    It keeps the mark until the last of them are given.
    """
    status, found = yield from _inspect(mark)
    if status == HTTPStatus.NOT_FOUND:
        return _FINE  # Nothing was made, and the engine has said why.
    if found is None:
        return status, write_message("the image that was made cannot be found")
    for name in names:
        answer = yield from _give(owner, found, name)
        if answer != _FINE:
            return answer
    if is_last and (names or len(owner.keys(found)) > 1):
        yield _untag(mark)
    return HTTPStatus.OK, found.id.encode()


def tag(request: CanonicalRequest, owner: ImageOwner, image: str) -> Steps:
    """Give an image that is there another name."""
    name = new_name(request)
    status, found = yield from _inspect(image)
    if found is None:
        return status, write_message(f"No such image: {image}")
    if not name:
        return HTTPStatus.BAD_REQUEST, write_message("the new name is missing or ambiguous")
    answer = yield from _give(owner, found, name)
    return (HTTPStatus.CREATED, b"") if answer == _FINE else answer


def _give(owner: ImageOwner, image: ResolvedObject, name: str) -> Steps:
    """Give an image a name that is free, or the owner's: the mark first, so that no name is without its owner.

    A name that moves is taken away before its mark is: for a moment, nothing is called so. It comes back if the engine
    does not give it. An image that had no other stays the owner's, who can remove it.
    """
    status, taken = yield from _inspect(name)
    if taken is not None and not owner.may_take(taken, name):
        says = "is taken by somebody else, or was pulled; use another name, or one that tags list if it is nobody's"
        return HTTPStatus.CONFLICT, write_message(f'the image name "{name}" {says}')
    if taken is None and status != HTTPStatus.NOT_FOUND:
        return HTTPStatus.BAD_GATEWAY, write_message(
            f'nobody knows whose the image name "{name}" is: the engine answered {status}'
        )
    former = taken if taken is not None and taken.id != image.id and name in owner.names(taken) else None
    if former is not None:
        status, content = yield _untag(name)
        if status not in _DONE:
            return status, content
    references = write_mark(key_of(name), owner.name), name
    for reference in references:
        status, content = yield _tag(image.id, reference)
        if status not in _DONE:
            if former is not None:
                yield from (_tag(former.id, back) for back in references)
            return status, content
    for other in image.marks.get(key_of(name), frozenset()) - {owner.name}:  # The name was theirs, and was taken away.
        yield _untag(write_mark(key_of(name), other))
    if former is not None and all("@" in each for each in former.names if each != name):
        yield _tag(former.id, write_mark(fresh_key(former.id.removeprefix("sha256:")), owner.name))
    return _FINE


def remove(request: CanonicalRequest, owner: ImageOwner, named: ResolvedObject, runs: Collection[str] = ()) -> Steps:
    """Remove an own name of an image, or all own ones if it is named by its ID: then the image goes, too.

    The last mark goes last. The engine may refuse that; then all come back. Of many names, the first ones go,
    but none by which a container is being created.
    """
    status, found = yield from _inspect(named.id)
    if found is None:
        return status, write_message(f"No such image: {named.id}")
    own = owner.names(found)
    names = tuple(name for name in own if named.id in {name, found.id})[:MOST_AT_ONCE]
    if not frozenset(names).isdisjoint(runs):
        return HTTPStatus.CONFLICT, write_message(_USED.format(named.id))
    kept = {key_of(name) for name in own if name not in names}
    keys = map(key_of, names) if kept else owner.keys(found)
    references = [*names, *(write_mark(key, owner.name) for key in keys)]
    query = _keep(request, "noprune") if owner.is_bound else _keep(request, "force", "noprune")
    if not references or (named.id != found.id and not names):
        if owner.is_bound:
            return HTTPStatus.NOT_FOUND, write_message(f"No such image: {named.id}")
        status, content = yield _untag(named.id, query)
        return _hide_users(status, content, named.id)
    said: list[object] = []
    for number, reference in enumerate(references):
        is_last = number == len(references) - 1
        status, content = yield _untag(reference, query if is_last else {})
        if status not in _DONE:
            for removed in reversed(references[:number]):
                yield _tag(found.id, removed)
            return _hide_users(status, content, named.id)
        said += _read_said(content)
    return MORE if kept and named.id == found.id else status, json.dumps(said).encode()


def give_back(owner: ImageOwner, image: ResolvedObject, first: int) -> Steps:
    """Give an image own names again that were taken away in vain, from the first one on, but none that is taken."""
    for name in owner.names(image)[first : first + MOST_AT_ONCE]:
        status, _ = yield from _inspect(name)
        if status == HTTPStatus.NOT_FOUND:
            yield from _give(owner, image, name)
    return _FINE


def _hide_users(status: int, content: bytes, name: str) -> Answer:
    """Return why an image was not removed, without the containers that use it: they may be somebody else's."""
    if status != HTTPStatus.CONFLICT:
        return status, content
    return status, write_message(_USED.format(name))


def _inspect(reference: str) -> Generator[Ask, Answer, tuple[int, ResolvedObject | None]]:
    """Ask for an image; return the status, and the image if there is one."""
    status, content = yield Ask("GET", f"/images/{quote(reference, safe='/:@')}/json")
    found = read_object(_INSPECT, content, "") if status == HTTPStatus.OK else None
    if not isinstance(found, ResolvedObject):
        return (status if status != HTTPStatus.OK else HTTPStatus.BAD_GATEWAY), None
    return status, found


def _tag(image: str, reference: str) -> Ask:
    repository, _, name = reference.rpartition(":")
    return Ask("POST", f"/images/{image}/tag?{urlencode({'repo': repository, 'tag': name})}")


def _untag(reference: str, query: Mapping[str, str] = MappingProxyType({})) -> Ask:
    return Ask("DELETE", f"/images/{quote(reference, safe='/:@')}{'?' if query else ''}{urlencode(query)}")


def _keep(request: CanonicalRequest, *names: str) -> dict[str, str]:
    """Return those parameters of a request, as they were judged."""
    return {name: value for name in names for value in request.values(name)}


def _read_said(content: bytes) -> list[object]:
    """Return what an engine says that it removed, without marks."""
    try:
        said = json.loads(content)
        return [each for each in said if f"{RESERVED}/" not in json.dumps(each)] if isinstance(said, list) else []
    except (ValueError, RecursionError):
        return []


def explain(content: bytes) -> str:
    """Return why names were not given."""
    return read_message(content) or "the engine gives no name"
