"""The phases of a request that was read: it waits for its body, or for a lookup, or it is decided.

judge ──► NeedsBody ──judge_body──► NeedsLookup ──judge_object──► ... ──► Verdict
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, TypeAlias, TypeVar

from dockerproxy.api.answers import ANSWERS
from dockerproxy.api.catalog import HEALTH, Operation, Shape
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.objects import OWN, Lookup
from dockerproxy.policy.steps import Pass, Says, Scene, Step, Stream, Whole, Yielded
from dockerproxy.policy.values import Value
from dockerproxy.wire.head import Framing, RequestHead

_NO_BODY: Final = Framing.NONE
_NOTHING: Final = frozenset[str]()


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
