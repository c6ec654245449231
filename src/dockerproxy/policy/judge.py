"""From the bytes of a request head to what goes to the engine, or why nothing does.

The one place where the head, the catalog and the policy meet. Pure, so that the answer to the same bytes can be
remembered.
"""

from dataclasses import dataclass, replace
from typing import Final

from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation, Shape
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.objects import Found, Kind, Question, find_object, is_full_id, missing, with_name
from dockerproxy.wire.head import Framing, RequestHead, parse_request, write_request

_MULTIPART_READERS: Final = frozenset({"ImageBuild", "BuildCancel"})
"""Where Docker reads parameters from a multipart body (facts: form-body-operations)."""

_UNDECIDED: Final = Decision(allowed=False, source="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request that has a single reading, and the answer to it.

    Attributes:
        head: The head as understood.
        request: What it asks for.
        method: Its method, as text.
        target: The canonical target.
        operation: What the engine would do; None if the catalog does not know it.
        decision: Whether it may; a denial as long as there is a question.
        question: What the engine must be asked before the request can be decided; None if nothing.
        object: Name of the object that was asked for; empty if none was.
        to_engine: The head to write to the engine; empty if the request does not pass.
        mode: What becomes of it if it is not allowed.
    """

    head: RequestHead
    request: CanonicalRequest
    method: str
    target: str
    operation: Operation | None
    decision: Decision
    question: Question | None
    object: str
    to_engine: bytes
    mode: Mode

    @property
    def passes(self) -> bool:
        """Whether it goes on to the engine: it is allowed, or its socket only reports or learns."""
        return bool(self.to_engine)

    @property
    def may_tunnel(self) -> bool:
        """Whether the connection may stop being HTTP."""
        return self.operation is not None and self.operation.shape is Shape.TUNNEL

    @property
    def may_last(self) -> bool:
        """Whether the answer is a stream, which may go on for weeks."""
        return self.operation is not None and self.operation.shape is Shape.STREAM

    @property
    def is_health_check(self) -> bool:
        """Whether the answer is ours, made from the engine's ping."""
        return self.operation is HEALTH


def judge(policy: CompiledPolicy, head: bytes) -> Judged | Refusal:
    """Read a request head and decide about it.

    Args:
        policy: Of the socket it came in by.
        head: All bytes up to and including the empty line.
    """
    parsed = parse_request(head)
    if isinstance(parsed, Refusal):
        return parsed
    request = canonicalise(parsed.method.decode(), parsed.target.decode(errors="surrogateescape"))
    if isinstance(request, Refusal):
        return request
    refusal = _refuse_body(parsed, request)
    if refusal is not None:
        return refusal
    known = find_object(request)
    found = known if isinstance(known, Found) else None
    decision = decide(policy, request, found)
    judged = Judged(
        head=parsed,
        request=request,
        method=request.method,
        target=request.target,
        operation=request.operation,
        decision=_UNDECIDED,
        question=None,
        object="",
        to_engine=b"",
        mode=policy.mode,
    )
    if isinstance(decision, Decision) and not (policy.mode is Mode.LEARN and isinstance(known, Question)):
        return _settle(judged, decision, found)
    return replace(judged, question=known if isinstance(known, Question) else None)


def judge_object(policy: CompiledPolicy, judged: Judged, found: Found | None) -> Judged:
    """Decide about a request whose question is answered.

    Args:
        policy: The one it was judged by before.
        judged: The request with its question.
        found: The object; None if the engine knows none of that name.
    """
    question = judged.question
    if question is None:
        raise ValueError(judged.target)
    decision = decide(policy, judged.request, found or missing(question))
    if found is None and (decision.about_object or (not decision.allowed and is_full_id(question.name))):
        decision = _absent(question, decision.source, policy.mode)
    return replace(_settle(judged, decision, found), object=_name_of(question, found))


def judge_unknown(judged: Judged, reason: str) -> Judged:
    """Decide about a request whose question has no answer: it passes only where nothing is refused.

    Args:
        judged: The request with its question.
        reason: Why it has none.
    """
    return _settle(judged, Decision(allowed=False, source="", message=reason, status=502), None)


def _absent(question: Question, source: str, mode: Mode) -> Decision:
    """Answer for an object that does not exist as the engine would: clients make what they do not find.

    Only to those who may use one of that name, or who know a whole id: others learn nothing.
    """
    message = f"No such {question.kind}: {question.name}"
    return Decision(allowed=mode is not Mode.ENFORCE, source=source, message=message, status=404)


def _name_of(question: Question, found: Found | None) -> str:
    """Return what a record calls an object: of several references of an image the one that was meant."""
    names = missing(question).names if found is None else found.names
    if found is not None and question.kind is Kind.IMAGE:
        names = tuple(name for name in missing(question).names if name in names) or names
    return names[0] if names else found.owner if found is not None else ""


def _settle(judged: Judged, decision: Decision, found: Found | None) -> Judged:
    """Write what goes to the engine. A request that was judged by its object names it by its id."""
    operation, target = judged.operation, judged.target
    if decision.about_object and operation is not None and found is not None:
        target = with_name(judged.request, operation, found.id).target
    passes = decision.allowed or judged.mode is not Mode.ENFORCE
    to_engine = _write(judged.head, operation, target) if passes else b""
    return replace(judged, decision=decision, question=None, to_engine=to_engine)


def _refuse_body(head: RequestHead, request: CanonicalRequest) -> Refusal | None:
    """Refuse bodies whose type makes the engine read parameters from them, or leave HTTP."""
    kind = head.content_type
    if kind.startswith(b"application/grpc"):
        return Refusal(400, "gRPC is spoken only through the tunnels of /grpc and /session")
    if head.framing is Framing.NONE:
        return None
    if request.operation is HEALTH:
        return Refusal(400, "a health check has no body")
    if b"x-www-form-urlencoded" in kind:
        return Refusal(400, "a form in the body would override the parameters that are judged; put them in the query")
    name = request.operation.name if request.operation else ""
    if b"multipart" in kind and name in _MULTIPART_READERS:
        return Refusal(400, "a multipart body would override the parameters that are judged; put them in the query")
    return None


def _write(head: RequestHead, operation: Operation | None, target: str) -> bytes:
    if operation is HEALTH:
        operation = OPERATIONS["SystemPing"]
        return f"GET {operation.path} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n".encode()
    tunnel = operation is not None and operation.shape is Shape.TUNNEL
    return write_request(head, target.encode(), upgrade=tunnel)
