"""Find the grant that a person is asked for in mode ask, and show the request.

The grant is as narrow as the request; an unrestricted one only if no other is enough.

Attacks: docs/attacks.md, advice/questions.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Final

from dockerproxy.advice.needs import LISTS, can_be_listed, leave_out_restrictions
from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.secrets import HIDDEN
from dockerproxy.policy import objects
from dockerproxy.policy.asking import Question
from dockerproxy.policy.claim import Fault
from dockerproxy.policy.compile import extend
from dockerproxy.policy.decide import reading_of_head
from dockerproxy.policy.judge import judge_again
from dockerproxy.policy.model import Source
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.values import Takes, Value, is_literal
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED, is_about_object, is_of_body
from dockerproxy.text import fold
from dockerproxy.wire.document import Json, read_json
from dockerproxy.wire.head import RequestHead

MOST_FAULTS: Final = 20
_MOST_OF_HEAD: Final = 4096
"""Limits of what a person can be expected to read: faults, and characters of header fields, with decoded credentials
but without passwords."""

_CREDENTIALS: Final = frozenset({b"x-registry-auth", b"x-registry-config"})

_OF_HEAD: Final = LISTS | {Takes.FLAG}
"""Forms of values for the head's claims."""

_RUN: Final = ("commands", "cpus", "images", "memory", "pids", "user")
"""Words that limit what runs. A line without them would allow any program, image, user or amount."""


def propose(verdict: Verdict, needs: Mapping[str, Value], violations: Sequence[Fault]) -> Question | str:
    """Return the question about a request that needs some words, or why a person cannot judge it.

    Empty if no grant would allow it. Only an unrestricted one allows violations of the operation's table.
    """
    headers = _show_fields(verdict.head)
    if sum(len(name) + len(str(value)) for name, value in headers) > _MOST_OF_HEAD:
        return f"its header fields are longer than {_MOST_OF_HEAD >> 10} KiB"
    name, found = verdict.operation.name, verdict.known.found
    of_head = _read_head(verdict)
    needed = {word: value for word, value in leave_out_restrictions(verdict.operation, needs).items() if value != ()}
    conditions = {**{word: value for word, value in of_head.items() if value is not None}, **needed}
    of_object, exact = dict[str, Value](), dict[str, Value]()
    if found is not None and (word := objects.WORDS[objects.KINDS[name]]) in objects.words_of_object(name):
        names, identity = _list_names(found, verdict.object)
        of_object, exact = {word: names or identity}, {word: identity or names}
    question = Question(verdict, _show_request(verdict, headers), {**conditions, **of_object}, exact)
    if name not in SEALED and _is_enough(question):
        said = {*of_head, *(word for word in _RUN if is_of_body(verdict.operation, word))}
        exact = {**_list_put_in(question), **exact}
        return question._replace(exact=exact, is_bounded=said <= question.conditions.keys())
    faults = (SEALED[name],) if name in SEALED else tuple(fault.name_place() for fault in violations)
    faults = faults or _list_faults(question.conditions, needs)
    question = question._replace(conditions={**of_object, UNRESTRICTED.word: True}, faults=faults)
    return question if len(faults) <= MOST_FAULTS and _is_enough(question) else ""


def _list_faults(conditions: Mapping[str, Value], needs: Mapping[str, Value]) -> tuple[str, ...]:
    """Return why no contained grant allows a request that violates no table, each as a clause."""
    if UNRESTRICTED.word in needs:
        return (str(needs[UNRESTRICTED.word]),)
    patterns = (word for word, value in conditions.items() if not is_literal(value))
    return tuple(f"{word} would list a star or a question mark, which is a pattern there" for word in patterns)


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


def _is_enough(question: Question) -> bool:
    """Whether the grant would allow the request, as far as is known."""
    conditions = question.conditions
    if not all(map(is_literal, conditions.values())) or conditions.get(UNRESTRICTED.word, True) is not True:
        return False
    verdict = question.verdict
    policy = extend(verdict.policy, question.grant(Source("")))
    judged = judge_again(policy, verdict, verdict.known, "0" * 32)
    return isinstance(judged, NeedsLookup) or (isinstance(judged, Verdict) and judged.decision.allowed)


def _list_put_in(question: Question) -> Mapping[str, Value]:
    """Return the limits and labels that grants set on created objects, except those that the request exceeds."""
    verdict = question.verdict
    profile = (each for case in verdict.policy.cases[verdict.operation.name] for each in case.conditions)
    acts = {each.word: each.value for each in profile if each.constraint.acts and each != UNRESTRICTED}
    left = {word: value for word, value in acts.items() if word not in question.conditions}
    return {word: each for word, each in left.items() if _is_enough(question._replace(exact={word: each}))}


def _show_request(verdict: Verdict, headers: tuple[tuple[str, Json], ...]) -> Mapping[str, object]:
    body = verdict.known.body
    return {
        "method": verdict.request.method,
        "target": verdict.target,
        "headers": headers,
        "body": None if body is None else body[0],
    }


def _show_fields(head: RequestHead) -> tuple[tuple[str, Json], ...]:
    """Return all header fields, with one character per byte, and decoded credentials."""
    upgrade = ((b"upgrade", head.upgrade),) if head.upgrade else ()
    texts = ((name, value.decode("latin-1")) for name, value in (*head.fields, *upgrade))
    return tuple(
        (name.decode("latin-1"), show_credentials(text) if name in _CREDENTIALS else text) for name, text in texts
    )


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
