"""Describe what a policy exposes, in lines that `serve` logs and `check` prints."""

from collections.abc import Iterator

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.groups import PRESET
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.workbench.dangers import is_whole
from dockerproxy.workbench.exposure import Exposure, find_exposures
from dockerproxy.workbench.removing import find_removal


def describe_exposures(policy: CompiledPolicy, *, in_file: bool = False, base: CompiledPolicy | None = None) -> str:
    """Return what clients can do that the operator may not expect, and how to deny it."""
    told = [f"  {each}" for each in list_exposures(policy, in_file=in_file, base=base)]
    head = ["what this policy lets a client do that you may not expect:"] if told else []
    return "\n".join([*head, *told, count_operations(policy)])


def list_exposures(
    policy: CompiledPolicy, *, in_file: bool = False, base: CompiledPolicy | None = None
) -> tuple[str, ...]:
    """Yield each exposure that a base does not have, the most dangerous first."""
    exposures = find_exposures(policy)
    before = {exposed.says: _list_ways(exposed) for exposed in (find_exposures(base) if base else ())}
    new = (exposed for exposed in exposures if not _list_ways(exposed) <= before.get(exposed.says, set()))
    told = [_describe(policy.policy, exposed, in_file=in_file) for exposed in new]
    return (*told, *(_list_opened(policy, exposures, base) if in_file else ()))


def _list_ways(exposed: Exposure) -> set[tuple[str, tuple[Condition, ...]]]:
    return {(name, exposed.restrictions(case)) for name, cases in exposed.cases.items() for case in cases}


def _describe(policy: Policy, exposed: Exposure, *, in_file: bool) -> str:
    cases = [case for those in exposed.cases.values() for case in those]
    whens = list(dict.fromkeys(" and ".join(map(str, exposed.restrictions(case))) for case in cases))
    only = "" not in whens
    when = f", but only if {' or if '.join(whens)}" if only else ""
    decisive = (
        cases
        if only
        else [min(those, key=lambda case: len(exposed.restrictions(case))) for those in exposed.cases.values()]
    )
    end = say_end(policy, exposed, in_file=in_file)
    if in_file:
        opened = ", ".join(dict.fromkeys(map(_say_source, decisive)))
        return f"it {exposed.says}{when}, by {opened}; {end}"
    opened = ", ".join(dict.fromkeys(str(case.source) for case in decisive))
    return f"it {exposed.says}{when} ({opened}; {end})"


def say_end(policy: Policy, exposed: Exposure, *, in_file: bool) -> str:
    """Say what to do so that a policy does not expose something any more."""
    if in_file:
        return str(find_removal(policy, exposed.operations))
    names = ",".join(exposed.operations)
    return f"adding {names} to DENY removes it" if policy.denials else f"DENY={names} removes it"


def _say_source(case: Case) -> str:
    """Return the line of a file, and whether it is unrestricted."""
    source = case.source
    if UNRESTRICTED not in case.conditions:
        return str(source)
    if source.word.startswith(PRESET):
        return f"{source}, in which it is {UNRESTRICTED.word}"
    return str(source._replace(word=f"{source.word}: {UNRESTRICTED.word}"))


def _list_opened(policy: CompiledPolicy, exposures: tuple[Exposure, ...], base: CompiledPolicy | None) -> Iterator[str]:
    """Yield the other unrestricted grants, so that each of them is mentioned."""
    told = {
        name
        for exposed in exposures
        for name, cases in exposed.cases.items()
        if any(UNRESTRICTED in case.conditions for case in cases)
    }
    opened: dict[str, list[str]] = {}
    for name in OPERATIONS:
        known = [case.conditions for case in base.cases[name]] if base else []
        cases = [case for case in policy.cases[name] if case.conditions not in known]
        sources = [_say_source(case) for case in cases if UNRESTRICTED in case.conditions]
        if name in CONTAINED and name not in told and sources:
            opened.setdefault(sources[0], []).append(name)
    for source, names in opened.items():
        listed = ", ".join(names)
        yield f"it can send anything in {listed}: unchecked, by {source}"


def count_operations(policy: CompiledPolicy) -> str:
    """Return how many operations are allowed, and what happens to the others."""
    allowed = [operation for name, operation in OPERATIONS.items() if policy.allows(name)]
    reads = sum(operation.access == "read" for operation in allowed)
    counted = f"{reads} operations that read and {len(allowed) - reads} that change something are allowed"
    contained = sum(not any(map(is_whole, policy.cases[operation.name])) for operation in allowed)
    if contained:
        counted += f", {contained} of them contained"
    if policy.mode is Mode.ENFORCE:
        return f"{counted}; the rest is denied" + (", unless an operator allows it" if policy.policy.asks else "")
    if policy.mode is Mode.REPORT:
        return f"{counted}; the rest passes too, and is reported"
    return "everything passes, and is learned"
