"""How to allow a request that is denied: the line that an operator can put into the policy.

Attacks: docs/attacks.md, policy/remedies.
"""

from collections.abc import Mapping, Sequence

from dockerproxy.policy.claim import Fault
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.model import values_of
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import MOST_LISTED, Takes, Value, is_literal, items_of, merge, propose
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.policy.words.registry import CONSTRAINTS


def find_remedy(
    policy: CompiledPolicy, name: str, case: Case, faults: Sequence[Fault], waiting: Sequence[Fault] = ()
) -> str:
    """Say how to let a request pass in spite of its faults under the grant that is nearest to it.

    What may be wrong besides is waiting: the engine was not asked of it, and it goes by names that the client wrote.
    """
    remedy = policy.policy.remedy
    if name in policy.policy.lines:  # A socket has one line for each create.
        remedy = remedy.replace("add", "remove its line and add", 1)
    if any(not fault.word for fault in faults):
        return propose(remedy, name, values_of((UNRESTRICTED,)))
    listed = [fault for fault in waiting if is_literal(fault.value) and not _is_broken(fault)]
    said = tuple(each for each in case.conditions if not each.constraint.is_private)
    needed = widen(values_of(said), (*faults, *listed))
    return needed if isinstance(needed, str) else propose(remedy, name, needed)


def widen(values: Mapping[str, Value], faults: Sequence[Fault]) -> Mapping[str, Value] | str:
    """Return what a grant would have to say besides what it says for a request to pass; or why no grant can say it."""
    if len(faults) > MOST_LISTED:  # Merging them one by one takes quadratic time.
        return f"it needs more than {MOST_LISTED} items, so allow them by patterns or ranges"
    needed = dict(values)
    for fault in faults:
        if fault.value == "" and fault.word in values:
            return f'only a grant without condition "{fault.word}" allows it'
        if fault.value == "" or _is_broken(fault):
            return f'condition "{fault.word}" cannot list it'
        if not is_literal(fault.value):
            return f'condition "{fault.word}" cannot list it: * and ? are wildcards there'
        constraint = CONSTRAINTS[fault.word]
        before = needed.get(fault.word, constraint.unspoken or None)
        merged = fault.value if before is None else merge(before, fault.value)
        if constraint.takes is Takes.AMOUNT and before is not None and constraint.within(fault.value, before):
            continue
        needed[fault.word] = fault.value if merged is None else merged
    return needed


def _is_broken(fault: Fault) -> bool:
    """Whether no list can have what a fault needs."""
    return fault.word == OWN or any(map(CONSTRAINTS[fault.word].fault, items_of(fault.value)))
