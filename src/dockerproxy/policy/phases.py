"""The phases of a request that was read: it waits for its body, or for a lookup, or it is decided.

judge ──► NeedsBody ──judge_body──► NeedsLookup ──judge_object──► ... ──► Verdict
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import HEALTH, Operation, Shape
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Known
from dockerproxy.policy.copies import MOUNTING
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.objects import BUILD, BY_NAME, NETWORK_REMOVALS, SWEEPING, VOLUME_CREATE, Lookup
from dockerproxy.policy.spelling import SPELLED
from dockerproxy.policy.values import Value
from dockerproxy.wire.head import Framing, RequestHead

_NO_BODY: Final = Framing.NONE


REMOVING: Final = BY_NAME | SWEEPING
"""Operations that may remove volumes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A request that has a single reading, with all that is known of it.

    Attributes:
        head: The head as understood.
        request: What it asks for, in its one spelling.
        target: The canonical target.
        mode: What becomes of it if it is not allowed.
        known: What was found out besides its head.
        body: The body as it came, of a request that was held for it; None of one that was not.
        object: Name of the object that was looked up; empty if none was.
        hides: What is cut out of the engine's answer; nothing if that is passed on as it comes.
    """

    head: RequestHead
    request: CanonicalRequest
    target: str
    mode: Mode
    known: Known
    body: bytes | None
    object: str
    hides: frozenset[str]

    @property
    def operation(self) -> Operation:
        """What the engine would do; UNKNOWN if the catalog does not know it."""
        return self.request.operation

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is left to come: it has no body, or that was held."""
        return self.body is not None or self.head.framing is _NO_BODY

    @property
    def parts(self) -> tuple[RequestHead, CanonicalRequest, str, Mode, Known, bytes | None, str, frozenset[str]]:
        """All of it, to make another phase from."""
        return self.head, self.request, self.target, self.mode, self.known, self.body, self.object, self.hides


@dataclass(frozen=True, slots=True)
class NeedsBody(Reading):
    """A request that is decided when all of its body has come."""


@dataclass(frozen=True, slots=True)
class NeedsLookup(Reading):
    """A request that is decided when the engine has said what a name means."""

    lookup: Lookup


@dataclass(frozen=True, slots=True)
class Verdict(Reading):
    """A request that is decided.

    Attributes:
        decision: Whether it is allowed.
        to_engine: What to write to the engine: the head, and a body that was held; empty if the request does not pass.
            Of a prune that removes only some, it is the list with which that begins.
        needs: What a contained grant would have to say for its body, by words; None where nobody learns from it.
    """

    decision: Decision
    to_engine: bytes
    needs: Mapping[str, Value] | None

    @property
    def passes(self) -> bool:
        """Whether it goes on to the engine: it is allowed, or its socket only reports or learns."""
        return bool(self.to_engine)

    @property
    def removes_volumes(self) -> bool:
        """Whether it passes, and may remove volumes, which must be there still when another request is about them."""
        return self.request.operation.name in REMOVING and bool(self.to_engine) and not self.decision.shows

    @property
    def mounts_unread(self) -> bool:
        """Whether it passes, and may mount volumes of which the decision says nothing."""
        return self.decision.copies is None and self.request.operation.name in MOUNTING and bool(self.to_engine)

    @property
    def removes_network(self) -> bool:
        """Whether it passes, and removes a network that is somebody's."""
        found = self.known.found
        is_removal = self.request.operation.name in NETWORK_REMOVALS and bool(self.to_engine)
        return is_removal and found is not None and bool(found.document) and found.belongs_to != ""

    @property
    def starts(self) -> bool:
        """Whether it passes, and starts a container of which no files may be copied meanwhile."""
        return self.decision.starts and self.known.found is not None and bool(self.to_engine)

    @property
    def respells(self) -> bool:
        """Whether its answer has paths of the host that its client may call otherwise."""
        return bool(self.known.places.paths) and self.request.operation.name in SPELLED

    @property
    def needs_docker(self) -> bool:
        """Whether it passes, and the engine must say first whether it is Docker: to allow it, or to learn from it."""
        is_asked = self.decision.docker_only or self.needs is not None
        return bool(self.to_engine) and self.request.operation.name == BUILD and is_asked

    @property
    def makes_volume(self) -> bool:
        """Whether it makes a volume that its client owns. Engines answer with another's, if that has the name."""
        return self.operation.name == VOLUME_CREATE and self.decision.owner != ""

    @property
    def takes_none(self) -> bool:
        """Whether its client wants no error if there is no such container, as for `podman rm --force` and `--replace`.

        Attack: find out so what others have -> Defence: whatever is answered with 404 is none (test:
        test_what_another_has_is_removed_by_force_like_what_is_not_there).
        """
        return self.request.operation.name == "ContainerDeleteLibpod" and self.request.values("ignore") == ("true",)

    @property
    def goes_alone(self) -> bool:
        """Whether it has an engine connection of its own, since more is done with it than to pass it on."""
        more = self.hides or self.decision.shows or self.decision.counts_for or self.respells
        more = more or self.makes_volume or self.starts
        return self.removes_volumes or (bool(more or self.decision.copies) and bool(self.to_engine))

    @property
    def is_simple(self) -> bool:
        """Whether it reads something at once and is passed on as it is, leaving the connection open."""
        reads = self.request.method == "GET" and self.operation.shape is Shape.REPLY and self.operation is not HEALTH
        return reads and self.passes and self.is_whole and not (self.goes_alone or self.head.close)


Judged = NeedsBody | NeedsLookup | Verdict


def deny(verdict: Verdict, reason: str, status: int = HTTPStatus.FORBIDDEN) -> Verdict:
    """Deny a request that was allowed. It passes as it would have where nothing is refused."""
    message = f"{verdict.operation.name} denied: {reason}"
    decision = replace(verdict.decision, allowed=False, message=message, status=status)
    return replace(verdict, decision=decision, to_engine=verdict.to_engine if verdict.mode is not Mode.ENFORCE else b"")
