"""Find what a policy exposes that its operator may not expect.

Exposures depend on how an operation is granted: a contained grant prevents most of those that need a body, but not all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dockerproxy.advice.dangers import ROWS, Row, list_on_host
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.places import NOWHERE
from dockerproxy.policy.values import items_of
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_of_body
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.workbench.dangers import Danger, find_danger


@dataclass(frozen=True, slots=True)
class Exposure:
    """A consequence of allowed operations, and the `cases` of a policy that have it (see `exposures.txt`).

    Attributes:
        says: What a client can do, as a clause that follows "a client".
        names: The operations that have it; one suffices.
        exposes: Whether a grant of one of them has it.
        words: Conditions on bodies that reduce it; others have no effect on it.
        of_others: Whether it concerns objects of others, so that `own` prevents it.
        hidden_by: Words of `hide` that prevent it.
        needs: Operations of which one must be allowed, too.
        reads_secrets: Whether it reveals passwords, keys or files, which the verdict of `check` mentions.
        gives: Facts of `workbench/chains` that follow; a question mark behind one means that it may follow.
        cases: Cases of a policy that have it, by operation.
    """

    says: str
    names: tuple[str, ...]
    exposes: Danger
    words: tuple[str, ...]
    of_others: bool
    hidden_by: tuple[str, ...]
    needs: tuple[str, ...]
    reads_secrets: bool
    gives: tuple[str, ...]
    cases: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of the policy that have it."""
        return tuple(self.cases)

    def restrictions(self, case: Case) -> tuple[Condition, ...]:
        """Return the conditions of a case that reduce it. Clients other than buildx choose any name for a container."""
        return tuple(
            condition
            for condition in case.conditions
            if not condition.constraint.is_private
            and condition.word not in {"buildx_builders", UNRESTRICTED.word}
            and not (self._is_of_body(case, condition.word) and condition.word not in self.words)
        )

    def _is_of_body(self, case: Case, word: str) -> bool:
        """Whether a condition of a case concerns only the body."""
        return any(case in cases and is_of_body(OPERATIONS[name], word) for name, cases in self.cases.items())


def _read(rows: Iterable[Row]) -> tuple[Exposure, ...]:
    return tuple(
        Exposure(
            says=says,
            names=said["of"],
            exposes=find_danger(*said.get("where", ("whole",))),
            words=said.get("less by", ()),
            of_others="about" in said,
            hidden_by=said.get("hidden by", ()),
            needs=said.get("needs", ()),
            reads_secrets="reads" in said,
            gives=said.get("gives", ()),
        )
        for says, said in rows
    )


EXPOSURES: Final = _read(ROWS["told"])
"""The most dangerous first. Each is shown with its allowed operations, and with how to deny them."""

_HELPS: Final = _read(ROWS["helps"])
GIVING: Final = (*(each for each in EXPOSURES if each.gives), *_HELPS)
"""Sources of facts: the exposures, and others that are never shown."""

_REVEALING: Final = tuple(each for each in (*EXPOSURES, *_HELPS) if each.reads_secrets)


def find_exposures(policy: CompiledPolicy) -> tuple[Exposure, ...]:
    """Return what a policy exposes in spite of its conditions, with the cases that expose it."""
    return find_in(policy, map(_spare_own, EXPOSURES))


def find_revealing(policy: CompiledPolicy) -> tuple[Exposure, ...]:
    """Return the exposures that read secrets, without those that only help to."""
    return find_in(policy, map(_spare_own, _REVEALING))


def _spare_own(exposure: Exposure) -> Exposure:
    if not exposure.of_others:
        return exposure
    return replace(exposure, exposes=lambda case: OWN not in case.by_word and exposure.exposes(case))


def find_in(policy: CompiledPolicy, exposures: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Return the exposures that a policy has, `own` or not, with the cases that have them."""
    shown = (each for each in exposures if policy.hides.isdisjoint(each.hidden_by))
    shown = (each for each in shown if not each.needs or any(map(policy.cases.get, each.needs)))
    found = ((exposure, _find_cases(policy, exposure)) for exposure in shown)
    return tuple(replace(exposure, cases=cases) for exposure, cases in found if cases)


def _find_cases(policy: CompiledPolicy, exposure: Exposure) -> Mapping[str, tuple[Case, ...]]:
    found = {
        name: tuple(
            case for case in policy.cases[name] if exposure.exposes(on_host(policy, case)) and not _prevents(case)
        )
        for name in exposure.names
        if policy.cases[name]
    }
    return {name: cases for name, cases in found.items() if cases}


def _prevents(case: Case) -> bool:
    """Whether a client cannot send input, which prevents the exposure."""
    return "stdin" in case.by_word and case.by_word["stdin"].value is False


def on_host(policy: CompiledPolicy, case: Case) -> Case:
    """Return a case that lists directories by their paths on the host, not the client's (`policy/places`)."""
    binds, places = case.by_word.get("binds"), policy.policy.places
    if binds is None or places == NOWHERE:
        return case
    listed = tuple(list_on_host(items_of(binds.value), places))
    others = tuple(each for each in case.conditions if each is not binds)
    return replace(case, conditions=(*others, replace(binds, value=listed)))
