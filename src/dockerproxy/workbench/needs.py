"""Find what a request needs from a policy: for each condition of its operation, the value that allows it.

A record has less than the proxy had: one of an image's names, or only the client's spelling of an object. If the record
or a policy cannot express the value, the need is a `Gap`, and the condition must be omitted.

Attacks: docs/attacks.md, workbench/needs.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from dockerproxy.advice.needs import LISTS, can_be_listed, restricts
from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import BUILD_TUNNELS, HEALTH, OPERATIONS, UNKNOWN, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import MAX_TARGET, Outcome, Record
from dockerproxy.owner_labels import NEW
from dockerproxy.policy.claim import Claim, Known
from dockerproxy.policy.decide import judge_claims, reading_of_head
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.list_filters import LISTED, refuse_filters
from dockerproxy.policy.objects import (
    BUILD,
    KINDS,
    LABELLED,
    NAMING,
    OWN,
    RUNNING,
    TAGGING,
    WORDS,
    Kind,
    Lookup,
    ResolvedObject,
    ask,
    find_object,
    is_full_id,
    missing,
    new_name,
)
from dockerproxy.policy.values import Pairs, Takes, Value, is_literal, merge
from dockerproxy.policy.vocabulary import CONSTRAINTS, LONGEST, UNRESTRICTED, find_words, is_about_object, is_of_body
from dockerproxy.policy.words.constraint import Condition, Constraint
from dockerproxy.text import escape, trim
from dockerproxy.workbench.generated import can_be_listed as can_list_command
from dockerproxy.workbench.patterns import is_id

LITERAL: Final = frozenset({"signal"})
"""Lists of plain words, without globs."""

_UNKNOWN_ID: Final = f"sha256:{'0' * 64}"

_SHOWN: Final = 100
"""Characters of a path that are shown in a comment."""

_UNCERTAIN: Final = {
    "path": "did not name one clean path",
    "signal": "did not name one signal",
    "images": "did not name images in a way that engines read alike",
}
"""For each list in the query, why it may be empty."""

_HAS_RUN: Final = {"state": {"Status": "running"}, "mounts": []}
"""The facts about a container whose record says that it has run, or that it shares mounts."""

_BY_ID: Final = "named one only by its id"

_UNNAMED: Final = {
    "names": "gave no name that a policy can list",
    "images": "named no image that a policy can list",
    "containers": "named no container that a policy can list",
    "commands": "ran nothing that a policy can list",
}
"""For each list whose omission admits everything, why a request may not meet any list."""

_NOT_FOUND: Final = 404

_DENIALS: Final = (403, _NOT_FOUND)
"""Statuses of a policy's answers. Any other means that the lookup failed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a condition would deny a request, as the end of a sentence that begins with it."""

    reason: str


REACHING: Final = Gap("acted on more than it named")
UNTOLD: Final = Gap("had a body that was not recorded")
_CUT: Final = Gap("had a target too long for a record")
_LONG: Final = Gap(f"had one of more than {LONGEST} characters")
_STRANGE: Final = Gap("had one with characters that no policy can have")


_CONTRIVED: Final = frozenset({_CUT, _LONG, _STRANGE})
"""Gaps that no program needs, and any client can send: they never omit a condition."""

_NOT_OF_NAMES: Final = frozenset({OWN, LABELLED, RUNNING})
"""Words about other properties of an object than its name: no request shows which of its labels matter."""

_OPTIONAL: Final = frozenset({"names"})
"""Optional in a request: most clients do not name what they create."""

_DONE: Final = range(100, 400)
"""Statuses of valid requests for existing objects; none if the client left before."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A full ID that the engine did not know. The answer is 404 under any policy, so the request needs no object."""

    id: str


@dataclass(frozen=True, slots=True)
class Need:
    """What a policy must have for a request to pass.

    Attributes:
        operation: The operation to grant.
        named: The object in its path; empty if there is none, or none that the engine is asked about.
        values: For each possible condition the value (for a list, its items), or why there is none.
        reaches: Whether a parameter, which the grant must list too, reaches more than the named object.
        opening: Why only an unrestricted grant allows it; or empty.
        is_untold: Whether the record lacks the conditions that a contained grant must have.
        demands: Conditions without which a contained grant allows less.
        is_doubtful: Whether it was denied or named a missing object: it may be an attempt to poison learning.
        is_own: Whether its object was created by the client.
        in_round: Whether its object is one of many that the client listed before.
        needs_all: Whether it is a list or prune whose filter is denied by grants that show or remove only a part.
    """

    operation: Operation
    values: Mapping[str, Value | Gap | Absent]
    named: str = ""
    reaches: bool = False
    opening: str = ""
    is_untold: bool = False
    demands: frozenset[str] = frozenset()
    is_doubtful: bool = False
    is_own: bool = False
    in_round: bool = False
    needs_all: bool = False


@dataclass(frozen=True, slots=True)
class Impossible:
    """A request that no policy allows, and the reason, in ASCII on one line."""

    text: str


def find_need(record: Record) -> Need | Impossible | None:
    """Return what the request of a record needs; None if it needs nothing."""
    undecided = record.decision is Outcome.DENIED and record.status not in _DENIALS
    if record.operation in BUILD_TUNNELS:  # The name of its build is unknown.
        record = record._replace(target="/build", body={})
    if undecided or record.operation == HEALTH.name:
        return None
    if record.decision is Outcome.REFUSED:
        return _impossible(record, record.reason)
    if len(record.target) >= MAX_TARGET and record.operation in OPERATIONS:
        operation = OPERATIONS[record.operation]
        return _be_wary(_with_body(Need(operation, dict.fromkeys(words_of_head(operation), _CUT)), record), record)
    request = canonicalise(record.method, record.target)
    if isinstance(request, Refusal) or request.operation is UNKNOWN:
        unknown = record.reason if record.operation == BUILD else "unknown operation"
        return _impossible(record, request.reason if isinstance(request, Refusal) else unknown)
    if request.operation.name in BUILD_TUNNELS:
        return None  # Its builds have their own records.
    named = find_object(request)
    values = {name: _find_value(word, request, record) for name, word in words_of_head(request.operation).items()}
    need = Need(
        request.operation,
        values,
        named.name if isinstance(named, Lookup) else "",
        _reaches(values, request, find_named(request, record)),
        needs_all=request.operation.name in LISTED and refuse_filters(request) != "",
    )
    is_there = not (isinstance(named, Lookup) and is_absent(named, record))  # Otherwise any body gets 404.
    return _be_wary(_with_body(need, record, asked=is_there), record)


def _be_wary(need: Need, record: Record) -> Need | Impossible:
    """Leave out conditions that would allow more than they seem to."""
    for word, value in need.values.items():
        if isinstance(value, tuple) and word not in LITERAL and not _is_itself(value):
            return _impossible(record, f"a * or ? in {word} would be a pattern")
    left_out = [
        (word, value)
        for word, value in need.values.items()
        if isinstance(value, Gap) and value != UNTOLD and word not in _OPTIONAL
    ]
    gaps = [f"{word} would be left out, since it {value.reason}" for word, value in left_out]
    is_needed = need.operation.name == TAGGING  # Without `images`, an image must be within `tags`.
    if gaps and (is_needed or not _CONTRIVED.isdisjoint(value for _, value in left_out)):
        return _impossible(record, f"not learned from: {gaps[0]}")
    if record.decision is not Outcome.DENIED and record.status in _DONE:
        return need
    if need.reaches:
        gaps.append(REACHING.reason)
    if need.opening or gaps:
        return _impossible(record, f"refused, and not learned from: {need.opening or gaps[0]}")
    return replace(need, is_doubtful=True)


def _is_itself(value: Value) -> bool:
    """Whether a list has no wildcards, except a few in commands."""
    commands = [item for item in value if isinstance(item, tuple)] if isinstance(value, tuple) else []
    return all(map(can_list_command, commands)) if commands else is_literal(value)


def words_of_head(operation: Operation) -> Mapping[str, Constraint]:
    """Return the conditions on the head of an operation that can be learned, by name."""
    words = find_words(operation).items() if operation.name not in LISTED else ()
    return {name: word for name, word in words if name not in _NOT_OF_NAMES and not is_of_body(operation, name)}


def _with_body(need: Need, record: Record, *, asked: bool = True) -> Need:
    name, body = need.operation.name, dict(record.body or {})
    if body.pop(RUNNING, False) is True and RUNNING in find_words(need.operation):
        need = replace(need, values={**need.values, RUNNING: True})
    if name not in BODIES or not asked:
        return replace(need, opening=SEALED.get(name, ""))
    words = find_words(need.operation)
    of_body = {word: each for word, each in words.items() if is_of_body(need.operation, word)}
    told = body if record.body is not None and _can_be_used(body, need.operation) else None
    if told is None:
        lists = [word for word, each in of_body.items() if each.narrows and each.is_learned and each.takes in LISTS]
        return replace(need, values={**need.values, **dict.fromkeys(lists, UNTOLD)}, is_untold=True)
    if UNRESTRICTED.word in told:
        return replace(need, opening=str(told[UNRESTRICTED.word]))
    values: dict[str, Value | Gap | Absent] = dict(need.values)
    for word, each in of_body.items():
        if restricts(need.operation, each):
            values[word] = told.get(word, ())
        elif word in told:
            values[word] = told[word] or Gap(_UNNAMED[word])
    return replace(need, values=values, demands=frozenset(told.keys() - of_body.keys()))


def _can_be_used(body: Mapping[str, Value], operation: Operation) -> bool:
    """Whether a policy can express the conditions in a record, which may come from another version."""
    words = find_words(operation)
    if isinstance(body.get(UNRESTRICTED.word), str):
        return True
    return body.keys() <= words.keys() and all(_is_said(operation, words[name], value) for name, value in body.items())


def _is_said(operation: Operation, word: Constraint, value: Value) -> bool:
    """Whether a word of a record can have this value."""
    if restricts(operation, word) and not isinstance(value, tuple):
        is_known = isinstance(value, Pairs) if word.takes is Takes.TEXTS else isinstance(value, str)
        return value == "" or (is_known and word.takes is not Takes.ITEMS)
    if not value and word.name not in _UNNAMED:
        return False
    if word.takes is Takes.PORTS:
        pairs = value.items if isinstance(value, Pairs) else (("", ""),)
        is_known = all(name in {"ports", "addresses"} and isinstance(texts, tuple) for name, texts in pairs)
    elif word.takes is Takes.AMOUNT:
        return isinstance(value, str) and not word.fault(value)
    else:
        kind = tuple if word.takes is Takes.LISTS else str
        is_known = word.takes in LISTS and isinstance(value, tuple) and all(isinstance(item, kind) for item in value)
    return is_known and can_be_listed(word, value)


def find_named(request: CanonicalRequest, record: Record) -> ResolvedObject | None:
    """Return the object that a request names, as far as its record tells; None if that cannot be known."""
    known = find_object(request)
    if known is None or isinstance(known, ResolvedObject):
        return known
    name = record.object
    if not name:
        return missing(known)
    identity = known.name if is_full_id(known.name) else ""
    # Records do not contain owner and labels.
    if known.kind is Kind.IMAGE and not is_full_id(name):
        # As if the engine had answered with this name only.
        answer = json.dumps({"Id": identity or _UNKNOWN_ID, "RepoTags": [name]})
        read = read_object(known, answer.encode(), request.version)
        return replace(read, belongs_to=NEW) if isinstance(read, ResolvedObject) else None
    owned = known.kind in {Kind.EXEC, Kind.TASK}
    document = _HAS_RUN if record.body is not None and record.body.get(RUNNING) is True else {}
    subject = name if owned else identity or name
    return ResolvedObject(known.name, (name,), subject=subject, belongs_to=NEW, document=document)


def is_absent(lookup: Lookup, record: Record) -> bool:
    """Whether a request named a full ID that the engine did not know."""
    return record.status == _NOT_FOUND and is_full_id(lookup.name) and record.object in ("", *missing(lookup).names)


def _impossible(record: Record, reason: str) -> Impossible:
    path = record.target.partition("?")[0]
    shown = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."
    text = ": ".join(filter(None, (trim(f"{record.method} {shown}", " "), reason)))
    return Impossible(escape(text)[:LONGEST])


def _find_value(word: Constraint, request: CanonicalRequest, record: Record) -> Value | Gap | Absent:
    if is_about_object(request.operation, word.name):
        return _find_object(word, request, record)
    name = request.operation.name
    named = request.values(NAMING[name]) if name in NAMING else ()
    if any(map(is_id, named)):
        return Gap(_BY_ID)
    images = (ask(Kind.IMAGE, name, request.version, request.operation) for name in named)
    known = Known(answers={(each.kind, each.name): missing(each) for each in images})
    least = find_least(word, reading_of_head(request, known).claims)
    if least is None and word.takes is Takes.ITEMS:
        return Gap(_UNCERTAIN[word.name])
    if least is None:
        return Gap("had a value that engines read differently" if word.takes is Takes.FLAG else "did not meet it")
    return _check(word, least) if isinstance(least, tuple) else least


NO_NAME: Final = ("localhost/unnamed",)
"""The `tags` of a grant for unnamed builds: some value is required, and no client uses this one."""


def find_least(word: Constraint, claims: Iterable[Claim]) -> Value | None:
    """Return the narrowest value of a word that admits the claims of a request; None if the word alone cannot."""
    own = (claim for claim in claims if claim.word == word.name and claim.options)
    found = [least for claim in own if (least := word.least(claim.options[0][0])) is not None]
    return reduce(lambda one, other: merge(one, other) or one, found) if found else None


def _find_object(word: Constraint, request: CanonicalRequest, record: Record) -> Value | Gap | Absent:
    known, found = find_object(request), find_named(request, record)
    if isinstance(known, Lookup) and is_absent(known, record):
        return Absent(known.name)
    if found is None:
        return Gap("named something unknown")
    reason = _find_ignorance(known, found, record)
    # An ID stands for all names of an image, of which the record has one.
    if reason and (word.name != "tags" or not found.names):
        return Gap(reason)
    given = new_name(request)
    value = _check(word, (found.names[0], given) if given else (found.names[0],))
    if isinstance(value, Gap):
        return value
    claims = reading_of_head(request, Known(found=found)).claims
    is_forced = any(claim.word == "force" and claim.options for claim in claims)
    return value if _keeps_to(word, value, claims, {"force": _TRUE} if is_forced else {}) else REACHING


_TRUE: Final = Condition(CONSTRAINTS["force"], value=True)


def _keeps_to(word: Constraint, value: Value, claims: Iterable[Claim], beside: Mapping[str, Condition]) -> bool:
    """Whether a request meets the condition on its object, in a grant with other conditions."""
    own = [claim for claim in claims if claim.word == word.name]
    return not judge_claims({word.name: Condition(word, value), **beside}, own).faults


def _reaches(
    values: Mapping[str, Value | Gap | Absent], request: CanonicalRequest, found: ResolvedObject | None
) -> bool:
    """Whether the condition on the object would not hold if the grant had no other."""
    if request.operation.name not in KINDS:
        return False
    word = CONSTRAINTS[WORDS[KINDS[request.operation.name]]]
    value = values[word.name]
    claims = reading_of_head(request, Known(found=found)).claims
    return isinstance(value, tuple) and not _keeps_to(word, value, claims, {})


def _find_ignorance(known: ResolvedObject | Lookup | None, found: ResolvedObject, record: Record) -> str:
    """Return why the recorded name of an object is not enough to list it; empty if it is."""
    if not found.names:
        return "named one that was not recorded"
    if found.every:
        return "acted on all names of an image, of which the log has one"
    if not isinstance(known, Lookup):
        return ""
    is_image = known.kind is Kind.IMAGE
    if is_id(known.name) and record.object in ("", known.name, *missing(known).names):
        # An object without a name, except an image, is listed by its ID.
        return _BY_ID if is_image or not record.object else ""
    return "named an image that has no name" if is_image and is_full_id(found.names[0]) else ""


def _check(word: Constraint, items: tuple[object, ...]) -> Value | Gap:
    """Return items as a policy lists them, or why it cannot."""
    texts = tuple(map(str, items))
    if max(map(len, texts)) > LONGEST:
        return _LONG
    if not all(item.isprintable() and max(item, default="") <= "\uffff" for item in texts):
        return _STRANGE
    if any(map(word.fault, texts)):
        return Gap("had one that no policy can list")
    return texts
