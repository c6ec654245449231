"""The phases of a request after parsing, and the decided request as bytes for the engine.

A request waits for its body or a lookup, until it is decided:

judge ──► NeedsBody ──judge_body──► NeedsLookup ──judge_object──► ... ──► Verdict
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, TypeAlias, TypeVar

from dockerproxy.api.answers import ANSWERS
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation, Shape
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.owner_labels import OWNER
from dockerproxy.policy.claim import Known, find_fault
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.list_filters import PRUNED, with_label, without_count
from dockerproxy.policy.model import Decision, Denied, Mode
from dockerproxy.policy.objects import OWN, VOLUME_CREATE, Lookup, goes_on_as, with_fixed, with_name, with_query
from dockerproxy.policy.places import NOWHERE
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.steps import REMOVING, Pass, PlanKind, Says, Step, Stream, Whole, Yielded
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import write_json
from dockerproxy.wire.head import Framing, RequestHead, write_request

_NO_BODY: Final = Framing.NONE
_NOTHING: Final = frozenset[str]()

_PING: Final = (
    f"GET {OPERATIONS['SystemPing'].path} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n".encode()
)

_OF_ANSWERS: Final = frozenset(
    b"accept-encoding if-match if-modified-since if-none-match if-range if-unmodified-since range".split(b" ")
)
"""Fields that make an answer compressed, partial or empty. They are removed if the answer is read."""


@dataclass(frozen=True, slots=True, repr=False)
class Phase:
    """An unambiguous request, and what is known about it.

    Attributes:
        head: The parsed head.
        request: The canonical request.
        target: The canonical target.
        policy: The policy that judges it, from its head to its answer.
        known: Known facts besides the head.
        body: The raw body, if the request was held for it; otherwise None.
        object: Name of the object that was looked up; empty if there is none.
    """

    head: RequestHead
    request: CanonicalRequest
    target: str
    policy: CompiledPolicy
    known: Known
    body: bytes | None
    object: str

    @property
    def mode(self) -> Mode:
        """What happens to it if it is not allowed."""
        return self.policy.mode

    @property
    def hides(self) -> frozenset[str]:
        """Words to hide in the engine's answer; empty if the answer passes unchanged."""
        return self.policy.hides if self.request.operation.name in ANSWERS else _NOTHING

    @property
    def operation(self) -> Operation:
        """What the engine would do; UNKNOWN if it is not in the catalog."""
        return self.request.operation

    @property
    def is_whole(self) -> bool:
        """Whether it is complete: it has no body, or the body was held."""
        return self.body is not None or self.head.framing is _NO_BODY

    @property
    def parts(self) -> tuple[RequestHead, CanonicalRequest, str, CompiledPolicy, Known, bytes | None, str]:
        """Its fields, to make another phase."""
        return self.head, self.request, self.target, self.policy, self.known, self.body, self.object


class NeedsBody(Phase):
    """A request that needs its body for a decision."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, repr=False)
class NeedsLookup(Phase):
    """A request that needs an answer of the engine for a decision."""

    lookup: Lookup


@dataclass(frozen=True, slots=True, repr=False)
class Verdict(Phase):
    """A decided request.

    Attributes:
        decision: The decision.
        to_engine: Bytes for the engine: the head, and a held body; empty if the request does not pass. For a filtered
            prune, its first list.
        needs: Words of a contained grant that would allow its body; None if they are not recorded.
        plan: The kind of its plan, if more is needed than forwarding.
    """

    decision: Decision
    to_engine: bytes
    needs: Mapping[str, Value] | None
    plan: PlanKind | None = None

    @property
    def passes(self) -> bool:
        """Whether it is forwarded: it is allowed, or its socket only reports or learns."""
        return bool(self.to_engine)

    @property
    def sole_owner(self) -> str:
        """The owner of all shown objects; empty if there may be others."""
        return find_sole_owner(self.policy, self.decision)

    @property
    def walks(self) -> bool:
        """Whether the engine gets of the body only what was walked, or a contained grant would require that."""
        walks = self.decision.walks or (self.needs is not None and BODIES[self.operation.name].is_walked)
        # Both engines then pull, and do not read a body, which dockerode sends.
        pulls = any(name == "fromImage" for name, _ in self.request.query) and all(self.request.values("fromimage"))
        return walks and not pulls

    @property
    def is_simple(self) -> bool:
        """Whether it is a quick read that is forwarded unchanged, and keeps the connection open."""
        reads = self.request.method == "GET" and self.operation.shape is Shape.REPLY and self.operation is not HEALTH
        return reads and self.passes and self.is_whole and self.plan is None and not self.head.close


Judged = NeedsBody | NeedsLookup | Verdict


@dataclass(slots=True, eq=False, repr=False)
class Act(Yielded[Whole]):
    """Have the engine act on a request as the verdict says; the result is a `Whole`.

    It waits for the engine even if the client leaves, so that holds last until the engine is done.

    Attributes:
        verdict: The verdict to record, with the bytes for the engine.
        to_the_end: Only the end of the connection tells that the engine is done.
    """

    verdict: Verdict
    to_the_end: bool = False


Outcome: TypeAlias = Whole | Says | Stream | Pass | Verdict
_Result = TypeVar("_Result")
Acts: TypeAlias = Generator[Step | Act, object, _Result]
Plan: TypeAlias = Acts[Outcome]
"""Yields the steps of a request, gets their results, and returns the outcome for the client, or a verdict to forward
without a plan. Raises `UnknownObjectError` in the plan if the engine does not answer."""


def find_sole_owner(policy: CompiledPolicy, decision: Decision) -> str:
    """Return the owner of all objects that an answer may show; empty if there may be others."""
    return policy.owner if decision.shows and all(OWN in conditions for conditions in decision.shows) else ""


def deny(
    verdict: Verdict, says: str, status: int = HTTPStatus.FORBIDDEN, *, case: Case | None = None, path: str = ""
) -> Verdict:
    """Deny an allowed request, with a case if an unrestricted grant would allow it. Other modes still let it pass."""
    name, policy = verdict.operation.name, verdict.policy
    denied = Denied(name, policy, says)
    if case is not None:
        denied = Denied(name, policy, case=case, faults=(find_fault(path, None, says),))
    decision = verdict.decision._replace(allowed=False, denied=denied, status=status, is_final=True)
    verdict = replace(verdict, decision=decision)
    return replace(verdict, to_engine=b"", plan=None) if verdict.mode is Mode.ENFORCE else verdict


def settle(phase: Phase, decision: Decision, needs: Mapping[str, Value] | None) -> Verdict:
    """Write the bytes for the engine. A request that was judged by its object names it by ID."""
    operation, request, found, decided = phase.operation, phase.request, phase.known.found, decision
    if phase.mode is not Mode.ENFORCE:  # Builds pass unchanged.
        decision = decided._replace(fixed={})
        if not decision.allowed and phase.known.places != NOWHERE and phase.known.body is not None:
            # The body gets the engine's names of mounted paths.
            read = read_request(BODIES[operation.name], request, phase.known)
            content = None if read.violations or read.content is None else write_json(read.content)
            decision = decision._replace(content=content)
    if decision.shows and operation.name in PRUNED:  # The engine would remove objects of others, so it gets no prune.
        return Verdict(*phase.parts, decided, _PING, needs)
    if decision.shows:
        request = with_query(request, without_count(request))
        owner = find_sole_owner(phase.policy, decision)
        request = with_label(request, OWNER, owner) if owner else request
    if decision.query:
        request = with_query(request, decision.query)
    if decision.fixed:
        request = with_fixed(request, decision.fixed)
    if decision.about_object and found is not None:
        request = with_name(request, operation, goes_on_as(request, found))
    target = phase.target if request is phase.request else request.target
    passes = decision.allowed or phase.mode is not Mode.ENFORCE
    return Verdict(*phase.parts, decided, _write(phase, decision, target) if passes else b"", needs)


def _write(phase: Phase, decision: Decision, target: str) -> bytes:
    """Write the head, and a held body: canonical, or unchanged if it was not judged."""
    head, operation = phase.head, phase.operation
    if decision.shows or phase.hides or phase.known.places.differ or operation.name == VOLUME_CREATE:
        head = head._replace(fields=tuple(field for field in head.fields if field[0] not in _OF_ANSWERS))
    if operation is HEALTH:
        return _PING
    if operation.name in REMOVING:
        head = head._replace(close=True)  # It has its own connection, whose end tells that the engine is done.
    content = None
    if phase.body is not None and head.framing is not Framing.NONE:
        content = phase.body if decision.content is None else decision.content
    return write_request(head, target.encode(), upgrade=operation.shape is Shape.TUNNEL, content=content)
