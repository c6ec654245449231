"""Write denials: what was denied, and the line or setting that would allow it, with what that exposes.

Attacks: docs/attacks.md, advice/denials.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dockerproxy.advice.dangers import (
    ADD,
    INTERNET,
    LEAVE_OUT,
    describe_danger,
    opens_internet,
    propose,
    replace_line,
)
from dockerproxy.advice.needs import find_needs
from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import ENGINE, Fault, Reading
from dockerproxy.policy.compile import describe_conditions
from dockerproxy.policy.image_grants import EXAMPLES, needs_tags
from dockerproxy.policy.list_filters import LISTED, PRUNED, RELATIVE, UNCLEAR
from dockerproxy.policy.model import CREATED_BY, Advice, Compiled, Denied, Granted, values_of
from dockerproxy.policy.objects import KINDS, MOUNTING, OWN, WORDS, Lookup, list_switches
from dockerproxy.policy.values import MOST_LISTED, Takes, Value, is_literal, items_of, merge, write_value
from dockerproxy.policy.vocabulary import CONSTRAINTS, LONGEST, UNRESTRICTED, is_about_object
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.response_filters.hiding import find_bar

_LAST: Final = {"PluginInspect": '"docker inspect" found no other object of this name, and no rule allows plugins'}
"""Reasons where clients ask last of all, so that this denial is the only one that their users see."""

_LONGEST_LINE: Final = 4096
"""Characters of the items that a proposed line adds. What it gives away depends on each of them."""


@dataclass(frozen=True)
class Adviser(Advice):
    """Writes the denials of a socket.

    Attributes:
        hint: Returns how an operator can allow an operation, for the images that a request names, by word.
        add: How to add a grant, for `propose`.
    """

    hint: Callable[[str, Mapping[str, Value]], str]
    add: str = ADD

    def write(self, denied: Denied) -> str:
        """Return a denial as a sentence."""
        if not denied.operation:
            return "; ".join(filter(None, (denied.says, denied.asked)))
        text, more = denied.says or self._explain(denied), denied.bar.rpartition("; to allow it, ")[2]
        by = "a person denied it, and " if denied.by_person else ""
        bar = "" if text.endswith(more) else f", and {more}"
        return "; ".join(filter(None, (f"{denied.operation} denied: {by}{text}{bar}", denied.asked)))

    def find_needs(
        self, read: Reading, granted: Sequence[Condition] = (), *, asks: bool = True
    ) -> Mapping[str, Value] | Lookup:
        """Return the words that a contained grant needs for a request (`advice/needs`), or the lookup to do first."""
        return find_needs(read, granted, asks=asks)

    def _explain(self, denied: Denied) -> str:
        """Return what is wrong, and how to allow it."""
        faults, remedy = denied.faults, self._name_object(denied) if denied.others else ""
        if denied.case is not None and faults:
            remedy = find_remedy(denied.policy, denied.operation, denied.case, faults, denied.waiting)
        if denied.images or not faults:
            return self._say_rule(denied, remedy)
        return f"{faults[0]}{f', and {len(faults) - 1} more' if faults[1:] else ''}; {remedy}"

    def _name_object(self, denied: Denied) -> str:
        """Propose a line for another's object. If its maker called it `*`, no line is for it alone."""
        name = denied.operation
        word = WORDS[KINDS[name]]
        why = widen({}, (Fault("", "", "", word, denied.others),))
        if isinstance(why, str):
            return why
        line = {word: denied.others, **values_of((UNRESTRICTED,) if name in SEALED else ())}
        danger = describe_danger(name, line, places=denied.policy.policy.places, owns=True)
        return propose(self.add, name, line, danger, instead=LEAVE_OUT)

    def _say_rule(self, denied: Denied, remedy: str) -> str:
        """Return which rule denies an operation, or what no rule allows, with another remedy if not empty."""
        name, policy, cases = denied.operation, denied.policy.policy, denied.policy.cases[denied.operation]
        denial = next((each for each in policy.denials if name in each.operations), None)
        grants = [grant for grant in policy.grants if name in grant.operations]
        reason = _unmet(name, cases) or _LAST.get(name, "no rule allows it")
        remedy = remedy or self.hint(name, denied.images)
        is_open = any(UNRESTRICTED in grant.conditions for grant in grants)
        evaded = policy.tenancy.refuses(name, is_open=is_open)
        is_void = grants and not cases and denial is None
        if name in LISTED and cases:
            reason = f"one of its filters {RELATIVE}"
        if name in PRUNED and cases:  # A grant without `own` would remove objects of others.
            reason, remedy = f"one of its filters {UNCLEAR}", "leave that filter out"
        if denial is not None:
            reason = "a rule denies it"
            danger = _find_danger(denied.policy, (name,) if name in remedy else denial.operations)
            remedy = remedy.replace("to allow it", f"to allow it and let clients {danger}", 1) if danger else remedy
        elif is_void and evaded:
            reason, remedy = f"the quota of {evaded} cannot count what it makes", "to allow it, use another socket"
        elif is_void and any(needs_tags(name, values_of(each.conditions), owns=True) for each in grants):
            reason = "the grant must list in tags the names that clients may give or remove"
            remedy = propose(self.add, name, denied.images or {"tags": EXAMPLES["tags"]})
        elif is_void and name in CREATED_BY:
            reason = f"own objects can only be changed within a grant of {CREATED_BY[name]}"
            remedy = propose(self.add, CREATED_BY[name], {})
        elif is_void and name in SEALED:
            reason = f"{SEALED[name]}, and no condition can limit it"
            remedy = propose(self.add, name, values_of((UNRESTRICTED,)))
        bar = find_bar(policy.hides, name) if grants and denial is None else ""
        return bar or "; ".join(filter(None, (reason, remedy)))


def _find_danger(policy: Compiled, names: Collection[str]) -> str:
    """Say the worst that grants give away of what is denied; the alphabet has them in this order."""
    dangers = (
        describe_danger(name, values_of(grant.conditions), places=policy.policy.places)
        for grant in policy.policy.grants
        for name in grant.operations.intersection(names)
    )
    return min(filter(None, dangers), default="")


def _unmet(name: str, cases: Sequence[Granted]) -> str:
    """Describe the conditions that must hold, as a clause; empty if there are none."""
    if not cases:
        return ""
    conditions = " or ".join(dict.fromkeys(describe_conditions(case.conditions) for case in cases if case.conditions))
    word = WORDS[KINDS[name]] if name in KINDS else ""
    silent = any(word in case.by_word and "force" not in case.by_word for case in cases)
    further = list_switches(name) if silent else ()
    without = f", and without the parameter {' or '.join(further)}" if further else ""
    return f"only allowed if {conditions}{without}" if conditions else ""


def _open(name: str, said: Mapping[str, Value], faults: Sequence[Fault]) -> Mapping[str, Value]:
    """Return what lets any body pass, for the same objects if nothing is wrong with these."""
    about = {word: value for word, value in said.items() if is_about_object(OPERATIONS[name], word)}
    kept = about if about.keys().isdisjoint(fault.word for fault in faults) else {}
    return {**kept, UNRESTRICTED.word: True}


def find_remedy(
    policy: Compiled, name: str, case: Granted, faults: Sequence[Fault], waiting: Sequence[Fault] = ()
) -> str:
    """Say how to allow a request despite its faults under the nearest grant.

    `waiting` has possible faults for which the engine was not asked, by the names that the client wrote. Where clients
    own what they create, these are most likely theirs, and listing a name would admit what others call so.
    """
    advice = policy.policy.advice
    remedy = advice.add if isinstance(advice, Adviser) else ADD
    said = values_of(tuple(each for each in case.conditions if not each.constraint.is_private))
    violations = [fault for fault in faults if not fault.word]
    if violations and all(fault.fix for fault in violations):
        return f"to allow it, {violations[0].fix}"
    named = () if policy.owner else waiting
    listed = [fault for fault in named if is_literal(fault.value) and not _is_broken(fault)]
    needed = _open(name, said, faults) if violations else widen(said, (*faults, *listed))
    if isinstance(needed, str):
        return needed
    # A socket has one line for each create, and of others none beside one without conditions.
    is_pointless = not said or needed == values_of((UNRESTRICTED,))
    has_line = any(each.source.word == name for each in policy.cases[name])
    if name in policy.policy.lines or (is_pointless and has_line):
        remedy = replace_line(remedy, name)
    danger, before = (
        describe_danger(name, each, places=policy.policy.places, owns=policy.owner != "") for each in (needed, said)
    )
    if danger in {before, ""} and name in MOUNTING and opens_internet(said, needed):
        return propose(remedy, name, needed, INTERNET, instead="join a listed network")
    instead = "" if any(fault.path == ENGINE for fault in faults) else LEAVE_OUT
    return propose(remedy, name, needed, danger if danger != before else "", instead=instead)


def widen(values: Mapping[str, Value], faults: Sequence[Fault]) -> Mapping[str, Value] | str:
    """Return the values that a grant needs for a request to pass; or why no grant can allow it."""
    if len(faults) > MOST_LISTED:  # Merging one by one takes quadratic time.
        return f"it needs more than {MOST_LISTED} items, so allow them by patterns or ranges"
    if sum(len(write_value(fault.value)) for fault in faults) > _LONGEST_LINE:
        return f"it needs a line of more than {_LONGEST_LINE} characters, so allow them by patterns or ranges"
    needed = dict(values)
    for fault in faults:
        if fault.value == "" and fault.word in values:
            return f'only a grant without condition "{fault.word}" allows it'
        if fault.value == "" or _is_broken(fault):
            return f'condition "{fault.word}" cannot list it'
        if not (fault.is_pattern or is_literal(fault.value)):
            return f'condition "{fault.word}" cannot list it: * and ? are wildcards there'
        constraint = CONSTRAINTS[fault.word]
        before = needed.get(fault.word, constraint.unspoken or None)
        merged = fault.value if before is None else merge(before, fault.value)
        if constraint.takes is Takes.AMOUNT and before is not None and constraint.within(fault.value, before):
            continue
        needed[fault.word] = fault.value if merged is None else merged
    return needed


def _is_broken(fault: Fault) -> bool:
    """Whether no list can contain what a fault needs, or a line with it would be too long to read."""
    items, constraint = items_of(fault.value), CONSTRAINTS[fault.word]
    return fault.word == OWN or any(len(item) > LONGEST or constraint.fault(item) for item in items)
