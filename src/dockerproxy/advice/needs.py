"""The smallest contained grant with which a request passes.

It contains nothing that the client did not send. Restricting words are kept to judge the request again, but no policy
is learned from them. A name with a star or question mark is kept literally, but never put into a policy, where it would
be a pattern.

Attacks: docs/attacks.md, advice/needs.
"""

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from dockerproxy.api.catalog import Operation
from dockerproxy.policy.claim import KEEP, Claim, Reading
from dockerproxy.policy.objects import OWN, Lookup, join_lookups
from dockerproxy.policy.values import MOST_LISTED, Pairs, Takes, Value, items_of, merge, say_value
from dockerproxy.policy.vocabulary import CONSTRAINTS, LONGEST, is_of_body, refuse_to_bound
from dockerproxy.policy.words.constraint import Condition, Constraint, is_default
from dockerproxy.policy.words.publish import fill
from dockerproxy.policy.words.spellings import read_address, read_ports

Pair = tuple[str, str | tuple[str, ...]]
"""A label and its value."""

Item = str | tuple[str, ...]
"""An item of a list: a name, the words of a command, or an item of `publish` after its own word."""

LISTS: Final = frozenset({Takes.ITEMS, Takes.LISTS, Takes.PORTS})
"""Forms of values that are learned from a body."""


def find_needs(read: Reading, granted: Sequence[Condition] = (), *, asks: bool = True) -> Mapping[str, Value] | Lookup:
    """Return the smallest words of a contained grant that let a request pass, with their values.

    An optional word is empty if no value admits the request, and missing if the request does not concern it. If no
    words suffice, there is only `unrestricted`, with the reason as its value. For words that restrict (`restricts`), it
    is what `claims_of` needs to judge the request again.

    Args:
        read: The request, read with the operation's table.
        granted: Conditions of a policy. Labels that it sets are not secret, and an address that it fills in is needed.
        asks: Whether lookups are possible; otherwise objects have the names in the request.

    Returns:
        The words, or the lookup to do first.
    """
    operation = read.request.operation
    wrong = (claim.wrong for claim in read.claims if claim.wrong is not None)
    fixed = (claim.fault(claim.says) for claim in read.claims if CONSTRAINTS[claim.word].is_private)
    fault = next(chain(read.violations, wrong, fixed), None)
    if fault is not None:
        return refuse_to_bound(fault.name_place())
    asking = (claim for claim in read.claims if asks and claim.word != OWN)  # Ownership of a name is not learned.
    lookup = join_lookups(filter(None, (each for claim in asking for each in (claim.lookup, claim.later))))
    if lookup is not None:
        return lookup
    put_on = (each.value.items for each in granted if each.word == "labels" and isinstance(each.value, Pairs))
    said = frozenset(chain.from_iterable(put_on))
    by_word: dict[str, list[Claim]] = {}
    for claim in read.claims:
        by_word.setdefault(claim.word, []).append(fill(claim, granted))
    needed: dict[str, Value] = {}
    for word, claims in by_word.items():
        constraint = CONSTRAINTS[word]
        if restricts(operation, constraint):
            kept = _keep(constraint, claims, said)
            needed |= {word: kept} if kept != () else {}
            continue
        listed = [claim for claim in claims if _is_learned(operation, claim)]
        value = _list(constraint, listed)
        if value is None and not all(is_default(constraint, claim) for claim in listed):
            claim = next((each for each in listed if _list(constraint, (each,)) is None), listed[-1])
            return refuse_to_bound(claim.fault(constraint.problem(None, claim)).name_place())
        if listed:
            needed[word] = value or ()
    return needed


def restricts(operation: Operation, constraint: Constraint) -> bool:
    """Whether a word limits bodies without the client's doing. No policy is learned from such words."""
    is_demand = constraint.takes not in LISTS or not constraint.is_learned
    return constraint.narrows and is_demand and is_of_body(operation, constraint.name)


def leave_out_restrictions(operation: Operation, needed: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the needed words without those that the request already meets."""
    return {word: value for word, value in needed.items() if not restricts(operation, CONSTRAINTS[word])}


def _is_learned(operation: Operation, claim: Claim) -> bool:
    """Whether a grant must list a claim. The head's claims about the object are learned from the head."""
    constraint = CONSTRAINTS[claim.word]
    if constraint.takes not in LISTS:
        return not constraint.narrows
    if not constraint.narrows or claim.without is False:
        return True
    return is_of_body(operation, constraint.name)


def _keep(constraint: Constraint, claims: Iterable[Claim], said: Container[Pair]) -> Value:
    """Return the strictest value of a restricting word that admits all claims.

    An empty text if no value does, and an empty list without claims.
    """
    options = [claim.options[0] if claim.options else (None, KEEP) for claim in claims]
    values = [value for value, put in options if not callable(put)]  # A missing limit gets the granted one.
    is_labels = constraint.name == "labels"
    kept: Value = _keep_labels(values, said) if is_labels else ()
    for value in values if not is_labels else ():
        own = constraint.record(value)
        if own is None:
            return ""
        both = merge(kept, own) if isinstance(own, tuple) else own
        kept = both if both is not None and (not kept or constraint.within(kept, own)) else kept
    names = [name for name, _ in kept.items] if isinstance(kept, Pairs) else items_of(kept)
    return "" if len(names) > MOST_LISTED or not all(map(_is_short, names)) else kept


def _keep_labels(values: Iterable[Hashable], said: Container[Pair]) -> Value:
    """Return labels, without values that the policy does not set itself."""
    kept: dict[str, str | tuple[str, ...]] = {}
    for name, text in (pair for value in values if isinstance(value, Pairs) for pair in value.items):
        shown = text if (name, text) in said else ()
        kept[name] = shown if kept.get(name, shown) == shown else ()
    return Pairs(tuple(kept.items())) if kept else ()


def claims_of(operation: Operation, needed: Mapping[str, Value]) -> Iterator[Claim]:
    """Return the claims for which `find_needs` returns these words."""
    for word, value in needed.items():
        constraint = CONSTRAINTS[word]
        without = None if is_of_body(operation, word) else False  # A grant must name the object.
        if not value:
            says = "is not met" if restricts(operation, constraint) else "has no value that a policy can list"
            yield Claim(word, (), word, None, says, without=without is None)
            continue
        says, shown = "has values that the rule does not allow", None
        if not isinstance(value, Pairs):
            says, shown = "which the rule does not allow", say_value(value)
        if restricts(operation, constraint):  # Amounts state the allowed limit themselves.
            says = "" if constraint.takes is Takes.AMOUNT else "which the request adds"
        for each in constraint.read_back(value):
            yield Claim(word, ((each, KEEP),), word, shown, says, without=without)


def _list(constraint: Constraint, claims: Iterable[Claim]) -> Value | None:
    """Return the smallest value that admits all claims; None if a policy cannot express it."""
    value: Value | None = None
    for claim in claims:
        named = None if claim.lookup is None else (claim.lookup.name,)
        least = constraint.least(claim.options[0][0]) if claim.options else named
        if least is None or not can_be_listed(constraint, least):
            return None
        value = least if value is None else merge(value, least)
        if value is None or len(list_items(value)) > MOST_LISTED:
            return None
    return value


def list_items(value: Value) -> tuple[Item, ...]:
    """Return the items of a word's value; empty if it is not a list."""
    if isinstance(value, Pairs):
        return tuple((name, text) for name, texts in value.items if isinstance(texts, tuple) for text in texts)
    return tuple(value) if isinstance(value, tuple) else ()


def can_be_listed(constraint: Constraint, value: Value) -> bool:
    """Whether a policy file can contain all items of a value literally."""
    return all(_fits_file(constraint, item) for item in list_items(value))


def _fits_file(constraint: Constraint, item: Item) -> bool:
    if not _is_short(item if isinstance(item, str) else "".join(item)):
        return False
    if isinstance(item, str):
        return not constraint.fault(item)
    return constraint.takes is not Takes.PORTS or bool((read_ports if item[0] == "ports" else read_address)(item[1]))


def _is_short(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable() and max(text, default="") <= "\uffff"
