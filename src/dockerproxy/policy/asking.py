"""Mode ask: which denied requests a person may allow, and by which grant. The grant is judged like any other.

Attacks: docs/attacks.md, policy/asking.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.secrets import HIDDEN
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import NEW
from dockerproxy.policy import objects
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy, extend
from dockerproxy.policy.decide import reading_of_head
from dockerproxy.policy.judge import judge_again, refuse_type
from dockerproxy.policy.model import Decision, Denied, Grant, Source
from dockerproxy.policy.needs import LISTS, can_be_listed, find_needs, leave_out_restrictions
from dockerproxy.policy.nesting import REPLACEABLE, Mount, find_nested, list_given, list_mounts, make_mount
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import Takes, Value, is_literal
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED, conditions_of, is_about_object, is_of_body
from dockerproxy.policy.words.binds import Bind
from dockerproxy.policy.words.networks import BY_ITSELF
from dockerproxy.response_filters.hiding import find_bar
from dockerproxy.text import fold
from dockerproxy.wire.document import Json, read_json, write_json
from dockerproxy.wire.head import RequestHead

MOST_READ: Final = 16 * 1024
_MOST_OF_TARGET: Final = 2048
MOST_FAULTS: Final = 20
"""Limits of what a person can be expected to read: bytes of a body, characters of a target, and faults."""

_MOST_OF_HEAD: Final = 4096
"""Characters of header fields that are shown, with decoded credentials but without passwords."""

_CREDENTIALS: Final = frozenset({b"x-registry-auth", b"x-registry-config"})

MOST_MOUNTS: Final = 1024
"""Host paths that answers may allow on a socket. All are remembered, since their containers stay."""

_OF_HEAD: Final = LISTS | {Takes.FLAG}
"""Forms of values for the head's claims."""

_RUN: Final = ("commands", "cpus", "images", "memory", "pids", "user")
"""Words that limit what runs. A line without them would allow any program, image, user or amount."""

_HELD: Final = frozenset({"json", "-"})
"""Kinds of bodies that are held completely; others stream."""


class Question(NamedTuple):
    """A request that waits for a person's answer.

    Attributes:
        verdict: The denial.
        conditions: Conditions of the grant that would allow it, by word.
        exact: More conditions for this request alone: its object by ID, and those with which grants change what it
            creates.
        faults: What only an unrestricted grant allows, each as a clause.
    """

    verdict: Verdict
    conditions: Mapping[str, Value]
    exact: Mapping[str, Value]
    faults: tuple[str, ...]

    @property
    def is_bounded(self) -> bool:
        """Whether a line of a policy file can describe the whole request."""
        said = {*_read_head(self.verdict), *(word for word in _RUN if is_of_body(self.verdict.operation, word))}
        return UNRESTRICTED.word not in self.conditions and said <= self.conditions.keys()

    def grant(self, source: Source) -> Grant:
        """Return the grant that allows this request."""
        conditions = conditions_of({**self.conditions, **self.exact})
        return Grant(frozenset({self.verdict.operation.name}), source, conditions)


def show_request(verdict: Verdict) -> Mapping[str, object]:
    """Return the forwarded request, for the person who approves it, and for no log."""
    body = verdict.known.body
    return {
        "method": verdict.request.method,
        "target": verdict.target,
        "headers": _show_fields(verdict.head),
        "body": None if body is None else body[0],
    }


def _show_fields(head: RequestHead) -> tuple[tuple[str, Json], ...]:
    """Return all header fields, with one character per byte, and decoded credentials."""
    upgrade = ((b"upgrade", head.upgrade),) if head.upgrade else ()
    texts = ((name, value.decode("latin-1")) for name, value in (*head.fields, *upgrade))
    return tuple(
        (name.decode("latin-1"), show_credentials(text) if name in _CREDENTIALS else text) for name, text in texts
    )


def may_ask(policy: CompiledPolicy, verdict: Verdict) -> bool:
    """Whether a person may be asked about a denied request: only a grant is missing."""
    name, decision = verdict.operation.name, verdict.decision
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
    if sum(len(name) + len(str(value)) for name, value in _show_fields(denied.head)) > _MOST_OF_HEAD:
        return f"its header fields are longer than {_MOST_OF_HEAD >> 10} KiB"
    document = read_json(body) if body else None
    if isinstance(document, Refusal) or (body and refuse_type(denied.head) is not None):
        return "its body is not JSON, or not declared as JSON"
    if _has_twins(document):
        return "its body has a key in two spellings"
    return replace(denied, body=write_json(document) if body else body, known=forget(denied)._replace(body=(document,)))


def find_question(policy: CompiledPolicy, verdict: Verdict) -> Question | NeedsLookup | None:
    """Return the question to a person about a request, or the lookup to do first; None if there is none."""
    name, request, known = verdict.operation.name, verdict.request, verdict.known
    table, found = BODIES.get(name), known.found or objects.find_object(request)
    if isinstance(found, Lookup):
        return NeedsLookup(*verdict.parts, found)
    owners = {found.belongs_to} if found is not None else set[str]()
    if NEW in owners or (policy.owner and owners - {"", policy.owner}):  # It is missing, or another client's.
        return None
    known = known._replace(found=found)
    granted = [each for case in policy.cases[name] for each in case.conditions]
    read = None if table is None else read_request(table, request, known)
    needs = {} if read is None else find_needs(read, granted)
    if isinstance(needs, Lookup):
        return NeedsLookup(*verdict.parts, needs)
    if policy.owner and any(_is_decided(policy, *key, each) for key, each in known.answers.items()):
        return None
    verdict = replace(verdict, known=known)
    of_head = {word: value for word, value in _read_head(verdict).items() if value is not None}
    needs = leave_out_restrictions(verdict.operation, needs)
    conditions = {**of_head, **{word: value for word, value in needs.items() if value != ()}}
    of_object, exact = {}, {}
    if found is not None and (word := objects.WORDS[objects.KINDS[name]]) in objects.words_of_object(name):
        names, identity = _list_names(found, verdict.object)
        of_object, exact = {word: names or identity}, {word: identity or names}
    question = Question(verdict, {**conditions, **of_object}, exact, ())
    if name not in SEALED and _is_enough(policy, question):
        return question._replace(exact={**_list_put_in(policy, question), **exact})
    patterns = (word for word, value in question.conditions.items() if not is_literal(value))
    faults = (
        tuple(fault.name_place() for fault in (read.violations if read is not None else ()))
        or tuple(map(str, needs.values() if UNRESTRICTED.word in needs else ()))
        or tuple(f"{word} would list a star or a question mark, which is a pattern there" for word in patterns)
    )
    question = question._replace(conditions={**of_object, UNRESTRICTED.word: True}, faults=faults)
    return question if len(faults) <= MOST_FAULTS and _is_enough(policy, question) else None


def _is_decided(policy: CompiledPolicy, kind: Kind, name: str, found: ResolvedObject) -> bool:
    """Whether no person is asked about an object in a body: another client owns it, or it must exist but does not.

    The engine's default network is looked up for comparison.
    """
    if found.belongs_to == NEW:
        return kind not in {Kind.VOLUME, Kind.IMAGE} and name not in BY_ITSELF
    return found.belongs_to not in {"", policy.owner}


def find_mounts(question: Question) -> tuple[Mount, ...]:
    """Return the host paths that a request mounts. Under an unrestricted grant, the engine follows all links."""
    verdict, is_contained = question.verdict, UNRESTRICTED.word not in question.conditions
    table = BODIES.get(verdict.operation.name)
    claims = read_request(table, verdict.request, verdict.known).claims if table is not None else []
    binds = dict.fromkeys(option for claim in claims for option, _ in claim.options if isinstance(option, Bind))
    mounts = (make_mount(verdict.known.places, bind.path, writes=not bind.read_only) for bind in binds)
    return tuple(mount if is_contained else mount._replace(begins=()) for mount in mounts)


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


def _read_head(verdict: Verdict) -> Mapping[str, Value | None]:
    """Return the head's claims besides its object, by word; None for what no policy can express."""
    said: dict[str, Value | None] = {}
    for claim in reading_of_head(verdict.request, verdict.known).claims:
        constraint = CONSTRAINTS[claim.word]
        if constraint.takes in _OF_HEAD and not is_about_object(verdict.operation, constraint.name):
            value = constraint.least(claim.options[0][0]) if claim.options else None
            fits = value is not None and can_be_listed(constraint, value) and is_literal(value)
            said[constraint.name] = value if fits and constraint.name not in said else None
    return said


def _list_names(found: ResolvedObject, meant: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of an object that a policy must list: the requested one, or all if the operation acts on all.

    Also returns the ID by which it is judged; empty if it has none, or is judged by all its names.
    """
    if found.every:
        return found.names, ()
    identity = found.subject or found.id
    names = (meant,) if meant in found.names else found.names[:1]
    return names, (identity,) if objects.is_full_id(identity) else ()


def _is_enough(policy: CompiledPolicy, question: Question) -> bool:
    """Whether the grant would allow the request, as far as is known."""
    conditions = question.conditions
    if not all(is_literal(value) for value in conditions.values()):
        return False
    if conditions.get(UNRESTRICTED.word, True) is not True:
        return False
    judged = judge_again(extend(policy, question.grant(Source(""))), question.verdict, question.verdict.known, "0" * 32)
    return isinstance(judged, NeedsLookup) or (isinstance(judged, Verdict) and judged.decision.allowed)


def _list_put_in(policy: CompiledPolicy, question: Question) -> Mapping[str, Value]:
    """Return the limits and labels that grants set on created objects, except those that the request exceeds."""
    profile = (each for case in policy.cases[question.verdict.operation.name] for each in case.conditions)
    acts = {each.word: each.value for each in profile if each.constraint.acts and each != UNRESTRICTED}
    left = {word: value for word, value in acts.items() if word not in question.conditions}
    return {word: each for word, each in left.items() if _is_enough(policy, question._replace(exact={word: each}))}


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


_PASSWORDS: Final = ("password", "auth", "identitytoken", "registrytoken")
_IS_BASE64: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}").fullmatch


def show_credentials(text: str) -> Json:
    """Return credentials for the person who approves a request; ambiguous ones as text.

    Only the length of a password or token is shown. Only its registry gets it, and the registry is shown.
    """
    if not _IS_BASE64(text) or len(text) % 4:
        return text
    said = read_json(base64.urlsafe_b64decode(text))
    if not isinstance(said, dict):
        return text
    return {
        name: {key: _hide(key, below) for key, below in each.items()} if isinstance(each, dict) else _hide(name, each)
        for name, each in said.items()
    }


def _hide(name: str, value: Json) -> Json:
    is_hidden = isinstance(value, str) and value and fold(name) in _PASSWORDS
    return f"{HIDDEN} ({len(str(value))} characters)" if is_hidden else value
