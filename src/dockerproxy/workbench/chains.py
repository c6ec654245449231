"""Find out whether a policy lets a client become root on the host, and the shortest chain of grants that gives it.

A fact is a word, of which a grant has so much as its `Extent` says. `Exposure.gives` names the facts of grants. A rule
derives a fact from others, and is as sure as the least of them. The search goes forward: first the facts that grants
give, then what follows, until nothing new does. Of each fact the shortest chain is kept for each extent, so that one
that is less sure cannot hide a longer one.

Attacks: docs/attacks.md, workbench/chains.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from itertools import product
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.rows import list_rows, read_table
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import items_of, list_names
from dockerproxy.policy.vocabulary import narrows
from dockerproxy.workbench.exposure import GIVING, Exposure, find_in

_MAY: Final = "?"
_EVERYTHING: Final = "**"


class Extent(IntEnum):
    """On what a fact holds, from nothing to everything."""

    NO = 0
    OWN = 1
    MAY = 2
    SOME = 3
    YES = 4


ROOT: Final = "root"
"""The fact that a policy is asked for: its clients can become root on the host."""

MAKERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ContainerCreate", "ContainerCreateLibpod"), "container"),
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), "service"),
    "PodCreateLibpod": "pod",
}
"""What some operations make. A fact that they give is of a thing that does not run yet: `any@container`."""

_STARTERS: Final[Mapping[str, tuple[str, str]]] = {
    "container": ("its-starts", "if somebody else starts it, or the engine when it starts again"),
    "service": ("swarm", "if the engine manages a swarm"),
    "pod": ("its-starts-pods", "if somebody else starts it"),
}
"""For what is made: the fact that has it run, and when it runs without."""

_MADE: Final = ("any", "trusted", "writes", "runs", "joins", "reads")


class Rule(NamedTuple):
    """A fact that follows from all of some others; a question mark behind it says that it only may.

    It says why as a clause, or nothing where the facts say it.
    """

    fact: str
    facts: tuple[str, ...]
    says: str = ""


def _list_rules() -> Iterator[Rule]:
    for made in _MADE:
        for thing, (starter, unless) in _STARTERS.items():
            yield Rule(made, (f"{made}@{thing}", starter))
            yield Rule(f"{made}?", (f"{made}@{thing}",), unless)
    for row in list_rows(read_table("rules", __file__)):
        fact, of, says = (cell.strip() for cell in row.split("|"))
        yield Rule(fact, tuple(of.split()), says)


RULES: Final = tuple(_list_rules())


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
    return describe_chain(find_root(policy))


def describe_chain(chain: Chain) -> str:
    """Say the same of a chain that was found."""
    if chain is NOTHING:
        return "root on the host: no"
    answer = "yes" if chain.extent is Extent.YES else "maybe"
    by = f"by {list_names([str(link) for link in chain.links], 'and')}"
    return f"root on the host: {answer}, {'; '.join((by, *chain.reasons))}"


def _give(exposure: Exposure) -> Iterator[tuple[str, Chain]]:
    for name, cases in exposure.cases.items():
        for case in cases:
            extent, link = _find_extent(exposure, name, case), Link(name, case.decision.source)
            for word in exposure.gives:
                fact, most = _split(word)
                thing = f"@{MAKERS[name]}" if name in MAKERS and fact != ROOT else ""
                # It is about the host whatever object the request names.
                whose = Extent.YES if fact == ROOT or thing else extent
                yield fact + thing, Chain(min(whose, most), (link,))
                yield f"its-{fact}", Chain(min(_ITS[extent], most), (link,))


_ITS: Final = {Extent.OWN: Extent.YES, Extent.SOME: Extent.MAY, Extent.YES: Extent.YES}
"""The extent of what holds of everything, of some objects or of one's own, for what the client made itself."""


def _split(word: str) -> tuple[str, Extent]:
    """Return a fact of a table, and how far it goes at the most."""
    return word.removesuffix(_MAY), Extent.MAY if word.endswith(_MAY) else Extent.YES


def _find_extent(exposure: Exposure, name: str, case: Case) -> Extent:
    """Return on what the conditions of a case leave a fact."""
    restrictions = (each for each in exposure.restrictions(case) if narrows(OPERATIONS[name], each.word))
    words = [each.word for each in restrictions if _EVERYTHING not in items_of(each.value)]
    if OWN in words:
        return Extent.OWN
    return Extent.SOME if words else Extent.YES


def _derive(known: _Chains, rule: Rule) -> bool:
    """Apply a rule to what is known; whether something new is."""
    (fact, most), found = _split(rule.fact), False
    for chains in list(product(*(known.get(each, {}).values() for each in rule.facts))):
        links = dict.fromkeys(link for chain in chains for link in chain.links)
        reasons = dict.fromkeys(reason for chain in chains for reason in chain.reasons)
        reasons |= {rule.says: None} if rule.says else {}
        extent = min(most, *(chain.extent for chain in chains))
        found |= _keep(known, fact, Chain(extent, tuple(links), tuple(reasons)))
    return found


def _keep(known: _Chains, fact: str, chain: Chain) -> bool:
    """Keep a chain if it is the shortest to its extent; whether it is."""
    if fact == ROOT and chain.extent is Extent.OWN:  # Only in what a client made itself, which is confined.
        return False
    kept = known.setdefault(fact, {})
    if chain.extent in kept and kept[chain.extent].length <= chain.length:
        return False
    kept[chain.extent] = chain
    return True
