"""A sweep: remove all of an owner's objects, kind by kind, like a prune (`tenancy/prunes`), but by force.

Objects that others use go last: services, containers with their anonymous volumes, then secrets, configs, networks,
volumes. A sweep can stop after each request, and start again.

Attacks: docs/attacks.md, tenancy/sweeps.
"""

from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import find_time
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import OWN, Kind, ResolvedObject
from dockerproxy.policy.phases import find_sole_owner
from dockerproxy.policy.steps import Answer, Ask
from dockerproxy.tenancy.prunes import LISTINGS, Removal, remove_own
from dockerproxy.text import escape, shorten_ids
from dockerproxy.wire.answer import read_message

_RARE: Final = frozenset({Kind.SERVICE, Kind.SECRET, Kind.CONFIG})
"""Kinds that an engine may not support, so that it has no list of them."""

_TOLD: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.BAD_GATEWAY})
"""Answers to a failed list that are reported: they do not mean that the kind is unsupported."""

_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})
"""An object that is already gone counts as removed."""

_LONGEST: Final = 200
"""Characters of a name to report. Docker accepts any length for networks."""


class Swept(NamedTuple):
    """An object that a sweep tried to remove.

    Attributes:
        kind: Kind of the object.
        name: The name that people use.
        fault: Why the object still exists; empty if it is gone.
    """

    kind: Kind
    name: str
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def find_obstacle(policy: CompiledPolicy) -> str:
    """Explain why a sweep through this policy would also reach objects of others; empty if it would not."""
    if not policy.owner:
        return "its clients own nothing that they create"
    if policy.mode is not Mode.ENFORCE:
        return f"in mode {policy.mode}, it also lists objects of others"
    kinds = [kind for kind in LISTINGS if kind is not Kind.NETWORK or not _removes_own_networks(policy)]
    lists = (LISTINGS[kind][0] for kind in kinds)
    wide = [name for name in lists if not all(find_sole_owner(policy, case.decision) for case in policy.cases[name])]
    return f"its {wide[0]} also lists objects of others" if wide else ""


def _removes_own_networks(policy: CompiledPolicy) -> bool:
    """Whether listed networks of other clients would stay. Then the list may show them, as Testcontainers needs."""
    return all(OWN in case.by_word for case in policy.cases["NetworkDelete"])


def sweep(
    owner: str,
    tell: Callable[[Swept], None],
    latest: float | None = None,
    *,
    is_dry: bool = False,
) -> Generator[Ask, Answer, None]:
    """Yield each request of a sweep.

    Args:
        owner: The owner whose objects are removed.
        tell: Gets each object after the attempt to remove it.
        latest: Seconds since 1970. Objects created later are kept.
        is_dry: Remove nothing.
    """
    for kind in LISTINGS:

        def remove(found: ResolvedObject, target: str, kind: Kind = kind) -> Removal:
            if latest is None or find_time(found) <= latest:
                answer = (HTTPStatus.NO_CONTENT, b"") if is_dry else (yield from _force(kind, target))
                names = ", ".join(name for name in found.names if "@" not in name)
                name = escape(names or shorten_ids(found.id))[:_LONGEST]
                tell(Swept(kind, name, "" if answer[0] in _DONE else _explain(*answer)))

        status, content = yield from remove_own(kind, owner, remove)
        if status != HTTPStatus.OK and (kind not in _RARE or status in _TOLD):
            tell(Swept(kind, "of any name", _explain(status, content)))


def _force(kind: Kind, target: str) -> Generator[Ask, Answer, Answer]:
    """Yield each request of a forced removal. Returns the answer to the last.

    Docker refuses to remove a container that it is already removing, like those of `docker run --rm` when they stop.
    """
    if kind is not Kind.CONTAINER:
        return (yield Ask("DELETE", target))
    yield Ask("POST", f"{target}/stop?t=0")
    answer = yield Ask("DELETE", f"{target}?force=1&v=1")
    if answer[0] == HTTPStatus.CONFLICT:
        yield Ask("POST", f"{target}/wait?condition=removed")
        answer = yield Ask("DELETE", f"{target}?force=1&v=1")
    return answer


def _explain(status: int, content: bytes) -> str:
    return read_message(content) or f"the engine answered {status}"
