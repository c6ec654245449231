"""A sweep: remove all that an owner has, kind by kind, as a prune does (`tenancy/prunes`), but by force.

What is in use goes last: services, containers with their anonymous volumes, then secrets, configs, networks,
volumes. A sweep may be stopped after each request, and begun again.

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
"""What an engine may have none of, and no list."""

_TOLD: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.BAD_GATEWAY})
"""Answers to such a list that do not say that there is none."""

_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})
"""What is gone already is as good as removed."""

_LONGEST: Final = 200
"""Characters of a name that are told. Docker calls a network whatever its client likes."""


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
    kinds = [kind for kind in LISTINGS if kind is not Kind.NETWORK or not _removes_own_networks(policy)]
    lists = (LISTINGS[kind][0] for kind in kinds)
    wide = [name for name in lists if not all(find_sole_owner(policy, case.decision) for case in policy.cases[name])]
    return f"its {wide[0]} lists what others own too" if wide else ""


def _removes_own_networks(policy: CompiledPolicy) -> bool:
    """Whether a listed network of another client would stay: then the list may show it, as Testcontainers needs."""
    return all(OWN in case.by_word for case in policy.cases["NetworkDelete"])


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
    """Yield each request that a removal by force takes, and return the answer to the last.

    Docker refuses to remove a container that it just removes by itself, as those of `docker run --rm` when they stop.
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
