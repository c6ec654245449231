"""What a contained grant would have to say for a request to pass: the least that admits each of its claims.

What a client need not have said is not made up: no amount is bounded, no user demanded, no label put on. A name with a
star or a question mark is listed as it is here, but never in a policy, where it would be a pattern.

Attack: a client that fills a record or a policy file -> Defence: items are of bounded length and number, and where
there are more, or one that no file can have, no words will do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Final

from dockerproxy.api.bodies.tables import Body
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.amounts import read_address, read_ports
from dockerproxy.policy.claim import Claim, Fault, Known
from dockerproxy.policy.objects import OWN, Lookup
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import MOST_LISTED, Pairs, Takes, Value, merge
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_of_body
from dockerproxy.policy.words.constraint import Constraint, is_default
from dockerproxy.policy.words.registry import CONSTRAINTS
from dockerproxy.text import escape

Item = str | tuple[str, ...]
"""Of a list: a name, the words of a command, or what `publish` says with one of its own words in front."""

LONGEST: Final = 300
"""Characters of an item that a policy still lists."""

LISTS: Final = frozenset({Takes.ITEMS, Takes.LISTS, Takes.PORTS})
"""Forms of values that are learned of a body."""


def find_needs(body: Body, request: CanonicalRequest, known: Known) -> Mapping[str, Value] | Lookup:
    """Return the least words of a contained grant that let a request pass, with their values.

    A word that may be left out is empty if no list has what the request has, and missing if the request has nothing
    that it speaks of. If no words do, there is only `unrestricted`, and its value is the reason.

    Returns:
        The words, or what the engine must be asked before they are known.
    """
    read = read_request(body, request, known)
    wrong = (claim.wrong for claim in read.claims if claim.wrong is not None)
    fixed = (claim.fault(claim.says) for claim in read.claims if CONSTRAINTS[claim.words[0]].is_private)
    fault = next(chain(read.violations, wrong, fixed), None)
    if fault is not None:
        return refuse_to_bound(fault.name_place())
    asking = (claim for claim in read.claims if claim.words[0] != OWN)  # Whose a name is, nobody learns from it.
    lookups = filter(None, (lookup for claim in asking for lookup in (claim.lookup, claim.later)))
    asked = {lookup.target: lookup for lookup in lookups}
    if asked:
        first, *others = asked.values()
        return replace(first, others=tuple(others)) if others else first
    by_word: dict[str, list[Claim]] = {}
    for claim in read.claims:
        if _is_learned(request, claim):
            by_word.setdefault(claim.words[0], []).append(claim)
    needed: dict[str, Value] = {}
    for word, claims in by_word.items():
        constraint = CONSTRAINTS[word]
        value = _list(constraint, claims)
        if value is None and not all(is_default(constraint, claim) for claim in claims):
            return refuse_to_bound(_find_fault(constraint, claims).name_place())
        needed[word] = value or ()
    return needed


def refuse_to_bound(reason: str) -> Mapping[str, Value]:
    """Say that no words do, and why: in ASCII, on one line."""
    return {UNRESTRICTED.word: escape(reason)[:LONGEST]}


def _is_learned(request: CanonicalRequest, claim: Claim) -> bool:
    """Whether a claim says what a grant must list. What the head says of the object is learned from the head."""
    constraint = CONSTRAINTS[claim.words[0]]
    if constraint.takes not in LISTS:
        return not constraint.narrows
    if not constraint.narrows or claim.without is False:
        return True
    return constraint.is_learned and is_of_body(request.operation, constraint.name)


def _list(constraint: Constraint, claims: Iterable[Claim]) -> Value | None:
    """Return the least value that admits all of some claims; None if a policy cannot say it."""
    value: Value | None = None
    for claim in claims:
        least = constraint.least(claim.options[0][0]) if claim.options else None
        if least is None or not can_be_listed(constraint, least):
            return None
        value = least if value is None else merge(value, least)
        if value is None or len(list_items(value)) > MOST_LISTED:
            return None
    return value


def _find_fault(constraint: Constraint, claims: Iterable[Claim]) -> Fault:
    """Return what is wrong with the first claim that cannot be listed."""
    claims = tuple(claims)
    claim = next((each for each in claims if _list(constraint, (each,)) is None), claims[-1])
    return claim.fault(constraint.problem(None, claim))


def list_items(value: Value) -> tuple[Item, ...]:
    """Take the value of a word apart; one that is no list has no items."""
    if isinstance(value, Pairs):
        return tuple((name, text) for name, texts in value.items if isinstance(texts, tuple) for text in texts)
    return tuple(value) if isinstance(value, tuple) else ()


def can_be_listed(constraint: Constraint, value: Value) -> bool:
    """Whether a policy file can have all items of a value as they are."""
    return all(_fits_file(constraint, item) for item in list_items(value))


def _fits_file(constraint: Constraint, item: Item) -> bool:
    text = item if isinstance(item, str) else "".join(item)
    if len(text) > LONGEST or not text.isprintable() or max(text, default="") > "\uffff":
        return False
    if isinstance(item, str):
        return not constraint.fault(item)
    return constraint.takes is not Takes.PORTS or bool((read_ports if item[0] == "ports" else read_address)(item[1]))
