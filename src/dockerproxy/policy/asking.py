"""Mode ask: which denied requests a person may allow, and what must hold. The grant is judged like any other.

Which grant a person is asked for is handed in (`advice/questions`).

Attacks: docs/attacks.md, policy/asking.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import NEW
from dockerproxy.policy import objects
from dockerproxy.policy.claim import Fault, Known
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import refuse_type
from dockerproxy.policy.model import Decision, Denied, Grant, Source
from dockerproxy.policy.nesting import REPLACEABLE, Mount, find_nested, list_given, list_mounts, make_mount
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import Value
from dockerproxy.policy.vocabulary import UNRESTRICTED, conditions_of
from dockerproxy.policy.words.binds import Bind
from dockerproxy.policy.words.networks import BY_ITSELF
from dockerproxy.response_filters.hiding import find_bar
from dockerproxy.text import fold
from dockerproxy.wire.document import Json, read_json, write_json

MOST_READ: Final = 16 * 1024
_MOST_OF_TARGET: Final = 2048
"""Limits of what a person can be expected to read: bytes of a body, and characters of a target."""

MOST_MOUNTS: Final = 1024
"""Host paths that answers may allow on a socket. All are remembered, since their containers stay."""

ONCE: Final = "once"
ALLOWING: Final = (ONCE, UNRESTRICTED.word)
"""Answers that allow a request: with a contained grant, and with an unrestricted one."""

_HELD: Final = frozenset({"json", "-"})
"""Kinds of bodies that are held completely; others stream."""


class Question(NamedTuple):
    """A request that waits for a person's answer.

    Attributes:
        verdict: The denial.
        shown: The forwarded request, for the person who approves it, and for no log.
        conditions: Conditions of the grant that would allow it, by word.
        exact: More conditions for this request alone: its object by ID, and those with which grants change what it
            creates.
        faults: What only an unrestricted grant allows, each as a clause.
        is_bounded: A line of a policy file can describe the whole request.
    """

    verdict: Verdict
    shown: Mapping[str, object]
    conditions: Mapping[str, Value]
    exact: Mapping[str, Value] = MappingProxyType({})
    faults: tuple[str, ...] = ()
    is_bounded: bool = False

    @property
    def allows(self) -> str:
        """The only answer that allows the request (`ALLOWING`)."""
        return UNRESTRICTED.word if UNRESTRICTED.word in self.conditions else ONCE

    def grant(self, source: Source) -> Grant:
        """Return the grant that allows this request."""
        conditions = conditions_of({**self.conditions, **self.exact})
        return Grant(frozenset({self.verdict.operation.name}), source, conditions)


Propose: TypeAlias = Callable[[Verdict, Mapping[str, Value], Sequence[Fault]], Question | str]
"""Return the question about a request that needs some words and has violations of its table, or why a person cannot
judge it; empty if no grant allows it."""


def may_ask(verdict: Verdict) -> bool:
    """Whether a person may be asked about a denied request: only a grant is missing."""
    name, decision, policy = verdict.operation.name, verdict.decision, verdict.policy
    if not policy.policy.asks or decision.allowed or decision.is_final or decision.status != HTTPStatus.FORBIDDEN:
        return False
    if name not in OPERATIONS or any(name in denial.operations for denial in policy.policy.denials):
        return False
    evades = policy.policy.tenancy.refuses(name, is_open=True)
    return not evades and not find_bar(policy.hides, name, verdict.request)


def find_stream(verdict: Verdict) -> str:
    """Explain why no person is asked about a request before its body comes; empty if the body can be held."""
    return "" if verdict.is_whole or verdict.operation.body in _HELD else "its body is a stream"


def read_whole(denied: Verdict) -> Verdict | str:
    """Return a denied request as shown to a person and forwarded, or why a person cannot judge it."""
    body = denied.body
    if len(denied.target) > _MOST_OF_TARGET:
        return f"its target is longer than {_MOST_OF_TARGET} characters"
    if len(body or b"") > MOST_READ:
        return f"its body is longer than {MOST_READ >> 10} KiB"
    document = read_json(body) if body else None
    if isinstance(document, Refusal) or (body and refuse_type(denied.head) is not None):
        return "its body is not JSON, or not declared as JSON"
    if _has_twins(document):
        return "its body has a key in two spellings"
    return replace(denied, body=write_json(document) if body else body, known=forget(denied)._replace(body=(document,)))


def find_question(verdict: Verdict, propose: Propose) -> Question | NeedsLookup | str:
    """Return the question to a person about a request, the lookup to do first, or as `Propose` why there is none."""
    name, request, known, policy = verdict.operation.name, verdict.request, verdict.known, verdict.policy
    table, found = BODIES.get(name), known.found or objects.find_object(request)
    if isinstance(found, Lookup):
        return NeedsLookup(*verdict.parts, found)
    owners = {found.belongs_to} if found is not None else set[str]()
    if NEW in owners or (policy.owner and owners - {"", policy.owner}):  # It is missing, or another client's.
        return ""
    known = known._replace(found=found)
    read = None if table is None else read_request(table, request, known)
    needs = {} if read is None else policy.find_needs(read)
    if isinstance(needs, Lookup):
        return NeedsLookup(*verdict.parts, needs)
    if policy.owner and any(_is_decided(policy, *key, each) for key, each in known.answers.items()):
        return ""
    return propose(replace(verdict, known=known), needs, read.violations if read is not None else ())


def _is_decided(policy: CompiledPolicy, kind: Kind, name: str, found: ResolvedObject) -> bool:
    """Whether no person is asked about an object in a body: another client owns it, or it must exist but does not.

    The engine's default network is looked up for comparison.
    """
    if found.belongs_to == NEW:
        return kind not in {Kind.VOLUME, Kind.IMAGE} and name not in BY_ITSELF
    return found.belongs_to not in {"", policy.owner}


def find_mounts(question: Question) -> tuple[Mount, ...]:
    """Return the host paths that a request mounts. Under an unrestricted grant, the engine follows all links."""
    verdict = question.verdict
    table = BODIES.get(verdict.operation.name)
    claims = read_request(table, verdict.request, verdict.known).claims if table is not None else []
    binds = dict.fromkeys(option for claim in claims for option, _ in claim.options if isinstance(option, Bind))
    mounts = (make_mount(verdict.known.places, bind.path, writes=not bind.read_only) for bind in binds)
    return tuple(mount if question.allows == ONCE else mount._replace(begins=()) for mount in mounts)


def find_conflict(policy: CompiledPolicy, mounts: Sequence[Mount], before: Sequence[Mount]) -> str:
    """Explain why no answer can allow a request's mounts beside those allowed before; empty if one can."""
    if not mounts:
        return ""
    places = policy.policy.places
    others = (*list_mounts(policy.policy.grants, places), *before)
    found = (*find_nested(mounts, (*mounts, *others, *list_given(places), *REPLACEABLE)), *find_nested(others, mounts))
    if found:
        return f"no answer can allow it: {found[0].describe()}"
    if len(before) + len(mounts) > MOST_MOUNTS:
        return f"no answer can allow it: {MOST_MOUNTS} paths were allowed since the proxy started"
    return ""


def explain(decision: Decision, why: str) -> Decision:
    """Add to a denial, for client and log, why it was not or could not be allowed."""
    denied, told = (each and replace(each, asked=why) for each in (decision.denied, decision.told))
    return decision._replace(denied=denied, told=told)


def deny_by_person(decision: Decision) -> Decision:
    """Return a denial that tells the client only that a person denied it."""
    denied = decision.denied
    if denied is None:
        return decision
    told = Denied(denied.operation, denied.policy, "a person denied it")
    return decision._replace(denied=replace(denied, by_person=True), told=told)


def forget(verdict: Verdict) -> Known:
    """Return what was known about a request before lookups."""
    known = verdict.known
    return Known(body=known.body, places=known.places, most_ports=known.most_ports, client=known.client)


def _has_twins(document: Json) -> bool:
    """Whether an object in a document has two keys that Go takes for one."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if len({fold(key) for key in value}) < len(value):
                return True
            left += value.values()
        elif isinstance(value, list):
            left += value
    return False
