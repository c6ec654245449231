"""How to take operations out of a policy file: a denial, and the removal of each line that it would leave nothing."""

from collections.abc import Collection
from typing import NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.model import Policy, Source
from dockerproxy.policy.values import list_names


class Removal(NamedTuple):
    """What to do in a policy file so that operations are denied.

    Attributes:
        lines: Sources of the lines of `allow` that grant nothing else; beside a denial, each would be a mistake.
        denied: The operations that other lines grant, too.
    """

    lines: tuple[str, ...]
    denied: tuple[str, ...]

    def __str__(self) -> str:
        """Say it as a clause that follows what it ends."""
        denial = f"deny: [{', '.join(self.denied)}]"
        if not self.lines:
            return f"{denial} removes it"
        return f"remove {list_names(self.lines, 'and')}{f' and write {denial}' if self.denied else ''} to end it"


def find_removal(policy: Policy, names: Collection[str]) -> Removal:
    """Return how to have operations denied that a policy file allows."""
    denied = {*names}.union(*(denial.operations for denial in policy.denials))
    granted: dict[Source, set[str]] = {}
    for grant in policy.grants:
        granted.setdefault(grant.source, set()).update(grant.operations)
    lines = [source for source, those in granted.items() if those <= denied and not those.isdisjoint(names)]
    others = {source: those for source, those in granted.items() if source not in lines}
    kept = set[str]().union(*others.values())
    if any(source.word not in OPERATIONS for source in others):
        kept |= policy.lines  # A line of the file's own stands for those of presets and sections, until it is removed.
    return Removal(tuple(map(str, lines)), tuple(name for name in names if name in kept))
