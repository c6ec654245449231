"""A sweep: remove what an owner has, by requests that a client of the owner could send.

What is in use goes last: services, containers with their anonymous volumes, then secrets, configs, networks,
volumes. A sweep may be stopped after each request, and begun again.

Attack: join a container, which Podman then keeps as long as that is there -> Defence: what is newer goes first (test:
test_what_is_newer_goes_first).
Attack: set a time to stop that never ends, for which Podman waits -> Defence: each container is stopped at once before
(test: test_a_sweep_waits_for_no_container).
Attack: a list that shows more than what is own, and a label that an image has -> Defence: it goes through a policy that
shows only what is own (test: test_a_socket_that_lists_more_than_what_is_own_is_not_swept).
"""

from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.lists import read_list, write_filters
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import Kind, get_object
from dockerproxy.policy.prunes import Answer, Ask, find_time
from dockerproxy.policy.stamps import OWNER
from dockerproxy.text import escape, shorten_ids
from dockerproxy.wire.answer import read_message

_RARE: Final = frozenset({Kind.SERVICE, Kind.SECRET, Kind.CONFIG})
"""What an engine may have none of, and no list."""

_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})
"""What is gone already is as good as removed."""

_LONGEST: Final = 200
"""Characters of a name that are told. Docker calls a network whatever its client likes."""

_ORDER: Final = (
    (Kind.SERVICE, "ServiceList", "/services", "/services/{}"),
    (Kind.CONTAINER, "ContainerList", "/containers/json?all=1", "/containers/{}?force=1&v=1"),
    (Kind.SECRET, "SecretList", "/secrets", "/secrets/{}"),
    (Kind.CONFIG, "ConfigList", "/configs", "/configs/{}"),
    (Kind.NETWORK, "NetworkList", "/networks", "/networks/{}"),
    (Kind.VOLUME, "VolumeList", "/volumes", "/volumes/{}"),
)
_STOP: Final = "/containers/{}/stop?t=0"
_WAIT: Final = "/containers/{}/wait?condition=removed"
"""For each kind the operation that lists it, and the targets to list and to remove; what uses others comes first."""


class Swept(NamedTuple):
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


def find_obstacle(policy: CompiledPolicy) -> str:
    """Say why a sweep through a socket with this policy would not reach just what is own; empty if it would."""
    if not policy.owner:
        return "nobody owns what it creates"
    if policy.mode is not Mode.ENFORCE:
        return f"in mode {policy.mode}, it lists what others own too"
    wide = [name for _, name, _, _ in _ORDER if not all(case.decision.owner for case in policy.cases[name])]
    return f"its {wide[0]} lists what others own too" if wide else ""


def sweep(
    owner: str,
    tell: Callable[[Swept], None],
    latest: float | None = None,
    *,
    is_dry: bool = False,
) -> Generator[Ask, Answer, None]:
    """Yield each request that it takes, and get its answer.

    Args:
        owner: Whose it must be.
        tell: Gets each object when its removal was tried.
        latest: Seconds since 1970 after which what was created is spared.
        is_dry: Whether nothing is removed.
    """
    for kind, operation, listing, removal in _ORDER:
        status, content = yield Ask("GET", listing.format(write_filters(owner)))
        if status != HTTPStatus.OK:
            if kind not in _RARE or status == HTTPStatus.FORBIDDEN:
                tell(Swept(kind, "of any name", read_message(content) or f"the engine answered {status}"))
            continue
        answer = read_list(OPERATIONS[operation], content, "")
        if answer is None:
            tell(Swept(kind, "of any name", "the engine's answer cannot be read"))
            continue
        listed = (get_object(element.found) for element in reversed(answer.elements))
        for found in sorted(listed, key=find_time, reverse=True):
            is_own = found.labels.get(OWNER) == owner
            if not is_own or (latest is not None and find_time(found) > latest):
                continue
            names = ", ".join(name for name in found.names if "@" not in name)
            name, fault = escape(names or shorten_ids(found.id))[:_LONGEST], ""
            if not is_dry:
                status, content = yield from _remove(kind, removal, quote(found.id, safe=":"))
                fault = "" if status in _DONE else read_message(content) or f"the engine answered {status}"
            tell(Swept(kind, name, fault))


def _remove(kind: Kind, removal: str, identity: str) -> Generator[Ask, Answer, Answer]:
    """Yield each request that a removal takes, and return the answer to the last.

    Docker refuses to remove a container that it just removes by itself, as those of `docker run --rm` when they stop.
    """
    if kind is Kind.CONTAINER:
        yield Ask("POST", _STOP.format(identity))
    answer = yield Ask("DELETE", removal.format(identity))
    if kind is Kind.CONTAINER and answer[0] == HTTPStatus.CONFLICT:
        yield Ask("POST", _WAIT.format(identity))
        answer = yield Ask("DELETE", removal.format(identity))
    return answer
