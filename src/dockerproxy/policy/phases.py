"""The phases of a request that was read, and how one that is decided is written for the engine.

It waits for its body, or for a lookup, or it is decided:

judge ──► NeedsBody ──judge_body──► NeedsLookup ──judge_object──► ... ──► Verdict
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, TypeAlias, TypeVar

from dockerproxy.api.answers import ANSWERS
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation, Shape
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.objects import OWN, VOLUME_CREATE, Lookup, goes_on_as, with_fixed, with_name, with_query
from dockerproxy.policy.places import NOWHERE
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.steps import REMOVING, Pass, Says, Scene, Step, Stream, Whole, Yielded
from dockerproxy.policy.values import Value
from dockerproxy.views.filters import with_label, without_count
from dockerproxy.views.lists import PRUNED
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
"""Fields by which an answer comes compressed, in part or not at all. Where it may be read, it comes whole."""


@dataclass(frozen=True, slots=True, repr=False)
class Phase:
    """A request that has a single reading, with all that is known of it.

    Attributes:
        head: The head as understood.
        request: What it asks for, in its one spelling.
        target: The canonical target.
        policy: What it is judged by, from its head to its answer.
        known: What was found out besides its head.
        body: The body as it came, of a request that was held for it; None of one that was not.
        object: Name of the object that was looked up; empty if none was.
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
        """What becomes of it if it is not allowed."""
        return self.policy.mode

    @property
    def hides(self) -> frozenset[str]:
        """What is cut out of the engine's answer; nothing if that is passed on as it comes."""
        return self.policy.hides if self.request.operation.name in ANSWERS else _NOTHING

    @property
    def operation(self) -> Operation:
        """What the engine would do; UNKNOWN if the catalog does not know it."""
        return self.request.operation

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is left to come: it has no body, or that was held."""
        return self.body is not None or self.head.framing is _NO_BODY

    @property
    def parts(self) -> tuple[RequestHead, CanonicalRequest, str, CompiledPolicy, Known, bytes | None, str]:
        """All of it, to make another phase from."""
        return self.head, self.request, self.target, self.policy, self.known, self.body, self.object


class NeedsBody(Phase):
    """A request that is decided when all of its body has come."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, repr=False)
class NeedsLookup(Phase):
    """A request that is decided when the engine has said what a name means."""

    lookup: Lookup


@dataclass(frozen=True, slots=True, repr=False)
class Verdict(Phase):
    """A request that is decided.

    Attributes:
        decision: Whether it is allowed.
        to_engine: What to write to the engine: the head, and a body that was held; empty if the request does not pass.
            Of a prune that removes only some, it is the list with which that begins.
        needs: What a contained grant would have to say for its body, by words; None where nobody learns from it.
        plan: What it takes besides being passed on; None if nothing.
    """

    decision: Decision
    to_engine: bytes
    needs: Mapping[str, Value] | None
    plan: "Callable[[Verdict, Scene], Plan] | None" = None

    @property
    def passes(self) -> bool:
        """Whether it goes on to the engine: it is allowed, or its socket only reports or learns."""
        return bool(self.to_engine)

    @property
    def sole_owner(self) -> str:
        """Whose all is that is shown; empty if it is not all somebody's."""
        return find_sole_owner(self.policy, self.decision)

    @property
    def is_simple(self) -> bool:
        """Whether it reads something at once and is passed on as it is, leaving the connection open."""
        reads = self.request.method == "GET" and self.operation.shape is Shape.REPLY and self.operation is not HEALTH
        return reads and self.passes and self.is_whole and self.plan is None and not self.head.close


Judged = NeedsBody | NeedsLookup | Verdict


@dataclass(slots=True, eq=False, repr=False)
class Act(Yielded[Whole]):
    """Have the engine act on the request as the verdict has it; what comes of it is a `Whole`.

    The engine is waited for, whether the client stays or goes: what is held is held until it is done.

    Attributes:
        verdict: What is recorded, and what goes to the engine.
        to_the_end: Whether only the end of the connection says that the engine is done.
    """

    verdict: Verdict
    to_the_end: bool = False


Outcome: TypeAlias = Whole | Says | Stream | Pass | Verdict
_Result = TypeVar("_Result")
Acts: TypeAlias = Generator[Step | Act, object, _Result]
Plan: TypeAlias = Acts[Outcome]
"""What a request takes besides being passed on: it yields steps, gets what came of each, and returns what the client
gets, or a verdict that goes on without a plan. Where the engine does not answer, an `UnknownObjectError` is raised in
it."""


def find_sole_owner(policy: CompiledPolicy, decision: Decision) -> str:
    """Return whose all is that an answer may show, by a decision; empty if it is not all somebody's."""
    return policy.owner if decision.shows and all(OWN in conditions for conditions in decision.shows) else ""


def deny(verdict: Verdict, reason: str, status: int = HTTPStatus.FORBIDDEN) -> Verdict:
    """Deny a request that was allowed. It passes as it would have where nothing is refused."""
    message = f"{verdict.operation.name} denied: {reason}"
    decision = verdict.decision._replace(allowed=False, message=message, status=status, is_final=True)
    denied = replace(verdict, decision=decision)
    return replace(denied, to_engine=b"", plan=None) if verdict.mode is Mode.ENFORCE else denied


def settle(phase: Phase, decision: Decision, needs: Mapping[str, Value] | None) -> Verdict:
    """Write what goes to the engine. A request that was judged by its object names it by its id."""
    operation, request, found, decided = phase.operation, phase.request, phase.known.found, decision
    if phase.mode is not Mode.ENFORCE:  # Where nothing is refused, builds pass as they come.
        decision = decided._replace(fixed={})
        if not decision.allowed and phase.known.places != NOWHERE and phase.known.body is not None:
            # The body goes on with what it mounts where the engine finds that.
            read = read_request(BODIES[operation.name], request, phase.known)
            content = None if read.violations or read.content is None else write_json(read.content)
            decision = decision._replace(content=content)
    if decision.shows and operation.name in PRUNED:  # The engine would remove what others have: it gets no prune.
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
    """Write the head, and behind it the body if it was held: as it was understood, or as it came where none judged."""
    head, operation = phase.head, phase.operation
    if decision.shows or phase.hides or phase.known.places.differ or operation.name == VOLUME_CREATE:
        head = head._replace(fields=tuple(field for field in head.fields if field[0] not in _OF_ANSWERS))
    if operation is HEALTH:
        return _PING
    if operation.name in REMOVING:
        head = head._replace(close=True)  # It has a connection of its own, whose end says that the engine is done.
    content = None
    if phase.body is not None and head.framing is not Framing.NONE:
        content = phase.body if decision.content is None else decision.content
    return write_request(head, target.encode(), upgrade=operation.shape is Shape.TUNNEL, content=content)
