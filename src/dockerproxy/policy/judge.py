"""From the bytes of a request head to what goes to the engine, or why nothing does.

The one place where the head, the catalog and the policy meet. Pure, so that the answer to the same bytes can be
remembered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation, Shape
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.policy.body_refusals import refuse_body, refuse_type
from dockerproxy.policy.claim import Known
from dockerproxy.policy.claims.builds import add_namespaces
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import NOTHING, Wanted, decide, is_allowed
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.needs import find_needs, refuse_to_bound
from dockerproxy.policy.objects import (
    BY_NAME,
    SWEEPING,
    Found,
    Kind,
    Question,
    find_object,
    is_full_id,
    missing,
    with_name,
    with_query,
)
from dockerproxy.policy.telling import forget_others
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import read_json
from dockerproxy.wire.head import Framing, RequestHead, parse_request, write_request

_ARCHIVE: Final = "what an archive holds is looked at only where it can be refused"

_UNDECIDED: Final = Decision(allowed=False, source="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request that has a single reading, and the answer to it.

    Attributes:
        head: The head as understood.
        request: What it asks for.
        method: Its method, as text.
        target: The canonical target.
        operation: What the engine would do; UNKNOWN if the catalog does not know it.
        decision: Whether it may; a denial as long as there is a question.
        question: What the engine must be asked before the request can be decided; None if nothing.
        wants_body: Whether the body must come before the request can be decided.
        known: What was found out of it besides its head.
        body: The body as it came, of a request that was held for it; None of one that was not.
        object: Name of the object that was asked for; empty if none was.
        to_engine: What to write to the engine: the head, and a body that was held; empty if the request does not pass.
        mode: What becomes of it if it is not allowed.
        needs: What a contained grant would have to say for its body, by words; None where nobody learns from it.
    """

    head: RequestHead
    request: CanonicalRequest
    method: str
    target: str
    operation: Operation
    decision: Decision
    question: Question | None
    wants_body: bool
    known: Known
    body: bytes | None
    object: str
    to_engine: bytes
    mode: Mode
    needs: Mapping[str, Value] | None = None

    @property
    def passes(self) -> bool:
        """Whether it goes on to the engine: it is allowed, or its socket only reports or learns."""
        return bool(self.to_engine)

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is left to come: it has no body, or that was held."""
        return self.body is not None or self.head.framing is Framing.NONE

    @property
    def shape(self) -> Shape:
        """What its answer is like."""
        return self.operation.shape

    @property
    def body_is_short(self) -> bool:
        """Whether its body, if it has one, comes at once."""
        return self.operation.body in {"json", "-"}

    @property
    def may_tunnel(self) -> bool:
        """Whether the connection may stop being HTTP."""
        return self.shape is Shape.TUNNEL

    @property
    def may_last(self) -> bool:
        """Whether the answer is a stream, which may go on for weeks."""
        return self.shape is Shape.STREAM

    @property
    def removes_volumes(self) -> bool:
        """Whether it may remove volumes, which must be there still when another request is about them."""
        return self.operation.name in BY_NAME | SWEEPING

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
    refusal = refuse_body(parsed, request)
    if refusal is not None:
        return refusal
    named = find_object(request)
    known = Known(found=named) if isinstance(named, Found) else NOTHING
    judged = Judged(
        head=parsed,
        request=request,
        method=request.method,
        target=request.target,
        operation=request.operation,
        decision=_UNDECIDED,
        question=None,
        wants_body=False,
        known=known,
        body=None,
        object="",
        to_engine=b"",
        mode=policy.mode,
    )
    if _wants_body(policy, judged):
        return refuse_type(parsed, request.operation) or replace(judged, wants_body=True)
    if parsed.minor == 0 and parsed.framing is not Framing.NONE and _may_write_anew(policy, judged):
        return Refusal(400, "an archive that is looked at here comes by HTTP/1.1")
    return _decide(policy, judged, named if isinstance(named, Question) else None)


def _wants_body(policy: CompiledPolicy, judged: Judged) -> bool:
    """Whether some grant may allow a request only for its body. What comes first of a request is its body.

    Where nothing is refused it is wanted of all that are not allowed without it: to say what they would need.
    """
    name = judged.operation.name
    if name not in BODIES or not BODIES[name].is_read:
        return False
    if policy.mode is Mode.LEARN:
        return True
    answer = decide(policy, judged.request, judged.known)
    if isinstance(answer, Decision):
        return policy.mode is Mode.REPORT and not answer.allowed
    return any(case.reads_body for case in policy.cases[name])


def _may_write_anew(policy: CompiledPolicy, judged: Judged) -> bool:
    """Whether the body may have to go on in chunks, which HTTP/1.0 does not know: the engine would see no body."""
    name = judged.operation.name
    enforced = policy.mode is Mode.ENFORCE
    return enforced and any(case.decision.conditions is not None for case in policy.cases.get(name, ()))


def _decide(policy: CompiledPolicy, judged: Judged, named: Question | None) -> Judged:
    """Decide about a request, or say what the engine must be asked.

    Args:
        policy: The one its socket had when it came.
        judged: The request, with all that is known of it.
        named: What its path names, if that is not known: where one learns, it is asked for in any case.
    """
    answer = decide(policy, judged.request, judged.known)
    if policy.mode is Mode.LEARN and named is not None:
        answer = named
    if isinstance(answer, Wanted):
        raise TypeError(judged.target)
    if isinstance(answer, Question):
        return replace(judged, question=answer, wants_body=False)
    needs = _find_needs(judged, answer)
    if isinstance(needs, Question):
        return replace(judged, question=needs, wants_body=False)
    return _settle(judged if needs is None else replace(judged, needs=needs), answer, judged.known.found)


def _find_needs(judged: Judged, decision: Decision) -> Mapping[str, Value] | Question | None:
    """Say what a contained grant would need for a request to pass, where somebody learns from it."""
    body, known = BODIES.get(judged.operation.name), judged.known
    if body is None or judged.mode is Mode.ENFORCE or (judged.mode is Mode.REPORT and decision.allowed):
        return None
    if body.is_read and known.body is None:
        return None
    if body.streams and judged.head.framing is not Framing.NONE:
        return refuse_to_bound(_ARCHIVE)
    named = find_object(judged.request) if body.asks and known.found is None else known.found
    return named if isinstance(named, Question) else find_needs(body, judged.request, replace(known, found=named))


def judge_body(policy: CompiledPolicy, judged: Judged, content: bytes) -> Judged | Refusal:
    """Decide about a request whose body has come.

    Args:
        policy: The one it was judged by before.
        judged: The request that wants its body, or was decided without it and goes on with all of it.
        content: All of it.
    """
    if not judged.wants_body:
        return _settle(replace(judged, body=content), judged.decision, judged.known.found)
    document = read_json(content) if content else None
    if isinstance(document, Refusal):
        return document
    named = find_object(judged.request)
    known = Known(found=judged.known.found, body=(document,))
    judged = replace(judged, wants_body=False, body=content, known=known)
    return _decide(policy, judged, named if isinstance(named, Question) else None)


def judge_object(policy: CompiledPolicy, judged: Judged, found: Found | None) -> Judged:
    """Decide about a request whose question is answered; there may be another one.

    Args:
        policy: The one it was judged by before.
        judged: The request with its question.
        found: The object; None if the engine knows none of that name.
    """
    decided = _judge_object(policy, judged, found)
    return decided if decided.passes or decided.question is not None else _hide_others(policy, decided)


def _hide_others(policy: CompiledPolicy, judged: Judged) -> Judged:
    """Make a denial reveal nothing of objects that its client may not know. The log gets all of it."""
    truth, known, named = judged.decision, judged.known, find_object(judged.request)
    if truth.status == HTTPStatus.NOT_FOUND:
        return judged
    shown = forget_others(policy, judged.request, known)
    told = decide(policy, judged.request, shown)
    if isinstance(named, Question) and shown.found is not known.found and is_allowed(told):
        told = _absent(named, truth.source, policy.mode)
    elif not isinstance(told, Decision) or told.allowed:
        told = policy.default[judged.operation.name]
    if (told.message, told.status) == (truth.message, truth.status):
        return judged
    return replace(judged, decision=replace(truth, message=told.message, status=told.status, reason=truth.message))


def _judge_object(policy: CompiledPolicy, judged: Judged, found: Found | None) -> Judged:
    question, known = judged.question, judged.known
    if question is None:
        raise ValueError(judged.target)
    if known.found is not None or question != find_object(judged.request):  # It is about a name in the body.
        answers = {**known.answers, (question.kind, question.name): found or missing(question)}
        judged = replace(judged, question=None, known=replace(known, answers=answers))
        if question.others:
            return replace(judged, question=replace(question.others[0], others=question.others[1:]))
        return _decide(policy, judged, None)
    judged = replace(
        judged, question=None, object=_name_of(question, found), known=replace(known, found=found or missing(question))
    )
    decided = _decide(policy, judged, None)
    decision = decided.decision
    is_secret = not (decision.about_object or (not decision.allowed and is_full_id(question.name)))
    if found is None and decided.question is None and not is_secret:
        return _settle(judged, _absent(question, decision.source, policy.mode), None)
    return decided


def judge_unknown(judged: Judged, reason: str) -> Judged:
    """Decide about a request of which an object is not known: it passes only where nothing is refused.

    Args:
        judged: The request with its question, or decided as if nothing had that name: a name of two objects gets the
            same answer as a name of none.
        reason: Why it has no answer.
    """
    judged = replace(judged, object="", needs=None)
    if judged.question is None and not judged.passes and judged.decision.status == HTTPStatus.FORBIDDEN:
        return replace(judged, decision=replace(judged.decision, reason=reason))
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
    operation, request = judged.operation, judged.request
    if decision.conditions is not None and judged.mode is not Mode.ENFORCE:
        decision = replace(decision, conditions=None)  # An archive passes as it comes where nothing is refused.
    if decision.query:
        request = with_query(request, decision.query)
    if decision.about_object and found is not None:
        request = with_name(request, operation, found.id)
    target = judged.target if request is judged.request else request.target
    if decision.conditions is not None and operation.name == "ImageBuild":
        target = add_namespaces(request)
    passes = decision.allowed or judged.mode is not Mode.ENFORCE
    to_engine = _write(judged, decision, target) if passes else b""
    return replace(judged, decision=decision, question=None, to_engine=to_engine)


def _write(judged: Judged, decision: Decision, target: str) -> bytes:
    """Write the head, and behind it the body if it was held: as it was understood, or as it came where none judged."""
    head, operation = judged.head, judged.operation
    if operation is HEALTH:
        operation = OPERATIONS["SystemPing"]
        return f"GET {operation.path} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n".encode()
    if judged.removes_volumes:
        head = replace(head, close=True)  # It has a connection of its own, whose end says that the engine is done.
    content = None
    if judged.body is not None and head.framing is not Framing.NONE:
        content = judged.body if decision.content is None else decision.content
    elif (
        decision.conditions is not None and head.framing is not Framing.NONE
    ):  # It is written anew as it passes, unpacked.
        fields = tuple(field for field in head.fields if field[0] != b"content-encoding")
        head = replace(head, framing=Framing.CHUNKED, fields=fields)
    tunnel = operation.shape is Shape.TUNNEL
    return write_request(head, target.encode(), upgrade=tunnel, content=content)
