"""Find out whether a policy lets a client become root on the host, by the shortest chain of grants.

Grants give facts (`Exposure.gives`), each to an `Extent`. A rule derives a fact from others, to the least of their
extents. The search goes forward: it starts with the facts that grants give, and applies rules until there is nothing
new. It keeps the shortest chain of each fact for each extent, so that a shorter chain of less certainty cannot hide a
longer one.

Attacks: docs/attacks.md, workbench/chains.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from itertools import product
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.rows import list_rows, read_table
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.model import Mode, Source
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import items_of, list_names
from dockerproxy.policy.vocabulary import narrows
from dockerproxy.workbench.exposure import GIVING, Exposure, find_in

_MAY: Final = "?"
_EVERYTHING: Final = "**"


class Extent(IntEnum):
    """The extent to which a fact holds, from nothing to everything."""

    NO = 0
    OWN = 1
    MAY = 2
    SOME = 3
    YES = 4


ROOT: Final = "root"
"""The fact that is searched: clients can become root on the host."""

MAKERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ContainerCreate", "ContainerCreateLibpod"), "container"),
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), "service"),
    "PodCreateLibpod": "pod",
}
"""What some operations create. Their facts are about a thing that does not run yet: `any@container`."""

_STARTERS: Final[Mapping[str, tuple[str, str]]] = {
    "container": ("its-starts", "if another client starts it, or the engine restarts"),
    "service": ("swarm", "if the engine manages a swarm"),
    "pod": ("its-starts-pods", "if another client starts it"),
}
"""For each created thing: the fact that starts it, and when it runs without that fact."""

_MADE: Final = ("any", "trusted", "writes", "setuid", "binds", "runs", "joins", "reads")

_WHOSE: Final = "for "
"""How a reason begins that limits the clients, and so comes first."""


class Rule(NamedTuple):
    """A fact that follows from all of some others, or may follow, with a question mark behind it.

    The reason is a clause, empty if the facts are self-explanatory.
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
    source: Source

    def __str__(self) -> str:
        """Return the line, with the operation unless the line names it."""
        return str(self.source) if self.operation in {"", self.source.word} else f"{self.operation} of {self.source}"


class Chain(NamedTuple):
    """Grants that together give a fact to an extent, with the reasons."""

    extent: Extent
    links: tuple[Link, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def is_root(self) -> bool:
        """Whether every client certainly becomes root."""
        return self.extent is Extent.YES and not any(each.startswith(_WHOSE) for each in self.reasons)

    @property
    def length(self) -> tuple[int, int]:
        """The sort key for the shortest chain."""
        return len(self.links) + len(self.reasons), len(self.reasons)


NOTHING: Final = Chain(Extent.NO)

_Chains = dict[str, dict[Extent, Chain]]


def find_root(policy: CompiledPolicy) -> Chain:
    """Return the shortest chain that gives the greatest extent of root on the host; `NOTHING` if there is none."""
    if policy.mode is not Mode.ENFORCE:
        return Chain(Extent.YES, (Link("", Source(f"mode: {policy.mode}")),))
    known: _Chains = {}
    for exposure in find_in(policy, GIVING):
        for fact, chain in _give(exposure):
            _keep(known, fact, chain)
    while sum(_derive(known, rule) for rule in RULES):
        pass
    found = known.get(ROOT)
    return found[max(found)] if found else NOTHING


def describe_root(policy: CompiledPolicy) -> str:
    """Return whether clients can become root on the host, and by which grants."""
    return describe_chain(find_root(policy))


def describe_chain(chain: Chain) -> str:
    """Return the same for a chain that was found."""
    if chain is NOTHING:
        return "root on the host: no"
    answer = "yes" if chain.extent is Extent.YES else "maybe"
    by = f"by {list_names([str(link) for link in chain.links], 'and')}"
    whose = [each for each in chain.reasons if each.startswith(_WHOSE)]
    reasons = (each for each in chain.reasons if each not in whose)
    return f"root on the host: {', '.join((answer, *whose, '; '.join((by, *reasons))))}"


def _give(exposure: Exposure) -> Iterator[tuple[str, Chain]]:
    for name, cases in exposure.cases.items():
        for case in cases:
            extent, link = _find_extent(exposure, name, case), Link(name, case.source)
            for word in exposure.gives:
                fact, most = _split(word)
                thing = f"@{MAKERS[name]}" if name in MAKERS and fact != ROOT else ""
                # The host is affected, whatever object the request names.
                whose = Extent.YES if fact == ROOT or thing else extent
                yield fact + thing, Chain(min(whose, most), (link,))
                yield f"its-{fact}", Chain(min(_ITS[extent], most), (link,))


_ITS: Final = {Extent.OWN: Extent.YES, Extent.SOME: Extent.MAY, Extent.YES: Extent.YES}
"""Extents of the same fact for objects that the client created itself."""


def _split(word: str) -> tuple[str, Extent]:
    """Return a fact of a table, and its greatest extent."""
    return word.removesuffix(_MAY), Extent.MAY if word.endswith(_MAY) else Extent.YES


def _find_extent(exposure: Exposure, name: str, case: Case) -> Extent:
    """Return the extent to which a fact holds under the conditions of a case."""
    restrictions = (each for each in exposure.restrictions(case) if narrows(OPERATIONS[name], each.word))
    words = [each.word for each in restrictions if _EVERYTHING not in items_of(each.value)]
    if OWN in words:
        return Extent.OWN
    return Extent.SOME if words else Extent.YES


def _derive(known: _Chains, rule: Rule) -> bool:
    """Apply a rule to the known facts; return whether it gives anything new."""
    (fact, most), found = _split(rule.fact), False
    for chains in list(product(*(known.get(each, {}).values() for each in rule.facts))):
        links = dict.fromkeys(link for chain in chains for link in chain.links)
        reasons = dict.fromkeys(reason for chain in chains for reason in chain.reasons)
        reasons |= {rule.says: None} if rule.says else {}
        extent = min(most, *(chain.extent for chain in chains))
        found |= _keep(known, fact, Chain(extent, tuple(links), tuple(reasons)))
    return found


def _keep(known: _Chains, fact: str, chain: Chain) -> bool:
    """Keep a chain if it is the shortest for its extent; return whether it is."""
    if fact == ROOT and chain.extent is Extent.OWN:  # Root only in its own containers, which are confined.
        return False
    kept = known.setdefault(fact, {})
    if chain.extent in kept and kept[chain.extent].length <= chain.length:
        return False
    kept[chain.extent] = chain
    return True
