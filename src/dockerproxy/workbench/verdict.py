"""Summarise a policy in three lines: root on the host, secrets, and objects of other clients.

A verdict never understates what the policy allows. Each names the deciding grant.

Attacks: docs/attacks.md, workbench/verdict.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from dockerproxy.advice.dangers import BESIDES, holds_keys
from dockerproxy.api.catalog import OPERATIONS, Access, Operation
from dockerproxy.policy.compile import OF_OBJECTS, Case, CompiledPolicy
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import items_of, list_names
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words, is_about_object, is_of_body, narrows
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.images import Sent
from dockerproxy.policy.words.networks import BY_ITSELF
from dockerproxy.workbench.chains import NOTHING, Link, describe_chain, find_root
from dockerproxy.workbench.exposure import find_revealing

_SECRETS: Final = "reads secrets"
_OTHERS: Final = "others' objects"

_NAMING: Final = frozenset({"configs", "containers", "joins", "networks", "secrets", "services", "volumes"})
"""Words of bodies that list objects. A request may use these, even if another client owns them."""

_LISTING: Final = _NAMING | {"binds"}
"""The same, with directories of the host."""


class _Way(NamedTuple):
    """How a policy lets clients do something: a clause, the grant, and what limits it."""

    says: str
    link: Link
    limits: tuple[Condition, ...]

    @property
    def only(self) -> str:
        """What limits it, as the end of a clause: the items that a body may name, or when an object is reached."""
        listed = [each for each in self.limits if is_of_body(OPERATIONS[self.link.operation], each.word)]
        items = [item for each in listed if each.word in _LISTING for item in items_of(each.value)]
        items = list(filter(holds_keys, items)) or items
        when = [str(each) for each in self.limits if each not in listed or each.word not in _LISTING]
        namely = f", namely {list_names(items, 'and')}" if items else ""
        return namely + (f", but only if {' and '.join(when)}" if when else "")


def list_verdicts(policy: CompiledPolicy) -> tuple[str, str, str]:
    """Return the answers, each a line."""
    chain = find_root(policy)
    root = describe_chain(chain)
    if chain.is_root:
        return root, f"{_SECRETS}: yes, as root", f"{_OTHERS}: yes, as root"
    no = "no" if chain is NOTHING else "only as root"
    read, reached = (_choose(ways) for ways in (_list_secrets(policy), _list_others(policy)))
    secrets = f"yes, by {read.link}: it {read.says}{read.only}" if read else no
    others = f"{reached.says}, by {reached.link}{reached.only}" if reached else no
    return root, f"{_SECRETS}: {secrets}", f"{_OTHERS}: {others}"


def _choose(ways: Iterable[_Way]) -> _Way | None:
    """Return the first way that nothing limits, or else the first."""
    return min(ways, key=lambda way: bool(way.limits), default=None)


def _list_secrets(policy: CompiledPolicy) -> Iterator[_Way]:
    for exposure in find_revealing(policy):
        for name, cases in exposure.cases.items():
            for case in cases:
                yield _Way(exposure.says, Link(name, case.source), exposure.restrictions(case))


def _list_others(policy: CompiledPolicy) -> list[_Way]:
    """List the ways to reach objects of others, changes first. Images have no owner."""
    found: dict[str, list[_Way]] = {"changes them": [], "uses them": [], "reads them": []}
    for name, operation in OPERATIONS.items():
        for case in policy.cases[name]:
            verb, limits = _judge(operation, case)
            if verb:
                found[verb].append(_Way(verb, Link(name, case.source), limits))
    return next((ways for ways in found.values() if ways), [])


def _judge(operation: Operation, case: Case) -> tuple[str, tuple[Condition, ...]]:
    """Return how a case reaches objects of others, as a verb, and what limits it; empty if it does not."""
    if operation.name in OF_OBJECTS | BESIDES and OWN not in case.by_word:
        verb = "changes them" if operation.access is Access.WRITE else "reads them"
        said = (each for each in case.conditions if not each.constraint.is_private and each != UNRESTRICTED)
        return verb, tuple(each for each in said if narrows(operation, each.word))
    if case.sends is not None and isinstance(case.sends.constraint, Sent):
        taken = case.sends.constraint.list_taken(case.sends.value)
        if taken:
            return "changes them", (Condition(case.sends.constraint, taken),)
    words = (word for word in find_words(operation) if word in _NAMING and not is_about_object(operation, word))
    if UNRESTRICTED in case.conditions and any(words):
        return "uses them", ()
    return ("uses them", listed) if (listed := _list_named(operation, case)) else ("", ())


def _list_named(operation: Operation, case: Case) -> tuple[Condition, ...]:
    """Return the conditions that list existing objects. The engine's own network is not another client's."""
    return tuple(
        each
        for each in case.conditions
        if each.word in _NAMING
        and not is_about_object(operation, each.word)
        and not BY_ITSELF.issuperset(items_of(each.value))
    )
