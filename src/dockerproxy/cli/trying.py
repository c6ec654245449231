"""A request that is judged without being sent: no engine is asked, so a name is taken for what it says."""

from dataclasses import dataclass, replace

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import WORDS, Found, Kind, Question, find_object, missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A request, and the answer to it if its object is called what the request calls it.

    Attributes:
        request: What it asks for.
        question: What `serve` would ask the engine to decide it; None if nothing.
        found: The object that it names, as far as can be said without the engine.
        decision: Whether the policy allows it, whatever the mode of its socket.
    """

    request: CanonicalRequest
    question: Question | None
    found: Found | None
    decision: Decision


def try_request(policy: CompiledPolicy, method: str, target: str, fields: str = "") -> Tried | Refusal:
    """Judge a request.

    Args:
        policy: Of the socket it would come in by.
        method: As a client sends it.
        target: As a client sends it.
        fields: Lines of its head, each with its end.
    """
    head = f"{method} {target} HTTP/1.1\r\nHost: dockerproxy\r\n{fields}\r\n"
    judged = judge(policy, head.encode(errors="surrogateescape"))
    if isinstance(judged, Refusal):
        return judged
    known = find_object(judged.request)
    found = _take_for_name(known) if isinstance(known, Question) else known
    return Tried(
        request=judged.request, question=judged.question, found=found, decision=settle(policy, judged.request, found)
    )


def settle(policy: CompiledPolicy, request: CanonicalRequest, found: Found | None) -> Decision:
    """Decide about a request whose object is known, or cannot be."""
    decision = decide(policy, request, found)
    if isinstance(decision, Question):
        raise TypeError(decision)
    return decision


def _take_for_name(question: Question) -> Found:
    """Return the object that is called what the client writes; of an exec or a task, that is its owner's name."""
    found = missing(question)
    return found if found.names else replace(found, names=(question.name,))


def describe_object(question: Question) -> str:
    """Say what the name in a request was taken for."""
    taken = "its name"
    if question.kind in {Kind.EXEC, Kind.TASK}:
        taken = f"the name of its {WORDS[question.kind].removesuffix('s')}"
    return f"{question.kind} {question.name}, taken for {taken}; serve asks the engine"
