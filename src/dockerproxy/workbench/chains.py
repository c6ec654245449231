"""Find out whether a policy lets a client become root on the host, and the shortest chain of grants that gives it.

It searches forward over the tables of `workbench/consequences`: first the facts that grants give, then what follows,
until nothing new does. Of each fact the shortest chain is kept for each extent, so that a rule that takes away (`most`)
cannot hide a longer one.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import items_of, list_names
from dockerproxy.policy.vocabulary import narrows
from dockerproxy.workbench.consequences import (
    GIVING,
    MAKERS,
    ROOT,
    RULES,
    Extent,
    Rule,
    is_harmless,
    on_host,
)
from dockerproxy.workbench.exposure import Exposure, find_in

_MAY: Final = "?"
_EVERYTHING: Final = "**"


class Link(NamedTuple):
    """A grant in a chain: an operation, and the line or the mode that allows it."""

    operation: str
    source: str

    def __str__(self) -> str:
        """Name the line; with the operation, unless the line names it."""
        word = self.source.partition(" ")[0]
        return self.source if word in {self.operation, "mode:"} else f"{self.operation} of {self.source}"


class Chain(NamedTuple):
    """Grants that together give a fact to an extent, and why they do."""

    extent: Extent
    links: tuple[Link, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def length(self) -> tuple[int, int]:
        """By which the shortest is found."""
        return len(self.links) + len(self.reasons), len(self.reasons)


NOTHING: Final = Chain(Extent.NO)

_Chains = dict[str, dict[Extent, Chain]]


def find_root(policy: CompiledPolicy) -> Chain:
    """Return the shortest chain that gives most of root on the host; `NOTHING` if there is none."""
    if policy.mode is not Mode.ENFORCE:
        return Chain(Extent.YES, (Link("", f"mode: {policy.mode}"),))
    known: _Chains = {}
    for exposure in find_in(policy, GIVING):
        for fact, chain in _give(exposure):
            _keep(known, fact, chain)
    while sum(_derive(known, rule) for rule in RULES):
        pass
    found = known.get(ROOT)
    return found[max(found)] if found else NOTHING


def describe_root(policy: CompiledPolicy) -> str:
    """Say whether clients can become root on the host, and by which grants together."""
    chain = find_root(policy)
    if chain is NOTHING:
        return "root on the host: no"
    answer = "yes" if chain.extent is Extent.YES else "maybe"
    by = f"by {list_names([str(link) for link in chain.links], 'and')}"
    return f"root on the host: {answer}, {'; '.join((by, *chain.reasons))}"


def _give(exposure: Exposure) -> Iterator[tuple[str, Chain]]:
    for name, cases in exposure.cases.items():
        for case in cases:
            extent, link = _find_extent(exposure, name, case), Link(name, case.decision.source)
            for word in exposure.gives.split():
                fact, sure = word.removesuffix(_MAY), not word.endswith(_MAY)
                thing = f"@{MAKERS[name]}" if name in MAKERS and fact != ROOT else ""
                whose = on_host(fact + thing, extent)
                yield fact + thing, Chain(_limit(whose, sure=sure), (link,))
                yield f"its-{fact}", Chain(_limit(_ITS[extent], sure=sure), (link,))


_ITS: Final = {Extent.OWN: Extent.YES, Extent.SOME: Extent.MAY, Extent.YES: Extent.YES}
"""The extent of what holds of everything, of some objects or of one's own, for what the client made itself."""


def _limit(extent: Extent, *, sure: bool) -> Extent:
    return extent if sure else min(extent, Extent.MAY)


def _find_extent(exposure: Exposure, name: str, case: Case) -> Extent:
    """Return on what the conditions of a case leave a fact."""
    restrictions = (each for each in exposure.restrictions(case) if narrows(OPERATIONS[name], each.word))
    words = [each.word for each in restrictions if _EVERYTHING not in items_of(each.value)]
    if OWN in words:
        return Extent.OWN
    return Extent.SOME if words else Extent.YES


def _derive(known: _Chains, rule: Rule) -> bool:
    """Apply a rule to what is known; whether something new is."""
    fact, most = rule.fact.removesuffix(_MAY), Extent.MAY if rule.fact.endswith(_MAY) else rule.most
    found = False
    for chains in list(product(*(known.get(each, {}).values() for each in rule.facts))):
        links = dict.fromkeys(link for chain in chains for link in chain.links)
        reasons = dict.fromkeys(reason for chain in chains for reason in chain.reasons)
        reasons |= {rule.says: None} if rule.says else {}
        extent = min(most, *(chain.extent for chain in chains))
        found |= _keep(known, fact, Chain(extent, tuple(links), tuple(reasons)))
    return found


def _keep(known: _Chains, fact: str, chain: Chain) -> bool:
    """Keep a chain if it is the shortest to its extent; whether it is."""
    if is_harmless(fact, chain.extent):
        return False
    kept = known.setdefault(fact, {})
    if chain.extent in kept and kept[chain.extent].length <= chain.length:
        return False
    kept[chain.extent] = chain
    return True
