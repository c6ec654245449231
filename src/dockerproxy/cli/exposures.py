"""What a policy exposes, as lines that `serve` logs and `check` prints."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import Case, CompiledPolicy, describe_conditions
from dockerproxy.policy.conditions import NamesNoBuilder
from dockerproxy.policy.exposure import find_exposures
from dockerproxy.policy.model import Mode, Value


def describe_exposures(policy: CompiledPolicy, *, in_file: bool = False) -> str:
    """Say in plain words what a client can do that its operator may not expect, and how to take it out.

    Args:
        policy: Of a socket.
        in_file: Whether it is written in a policy file, and not in the environment.
    """
    return "\n".join(_lines(policy, in_file=in_file))


def _lines(policy: CompiledPolicy, *, in_file: bool) -> Iterator[str]:
    exposures = list(_find_exposures(policy))
    if exposures:
        yield "what this policy lets a client do, and you may not expect:"
    for says, names in exposures:
        cases = [case for name in names for case in policy.cases[name]]
        only = all(map(_restricts, cases))
        decisive = cases if only else [policy.cases[name][0] for name in names]
        opened = ", ".join(dict.fromkeys(case.decision.source for case in decisive))
        when = f", but only if {' or if '.join(dict.fromkeys(map(describe_conditions, cases)))}" if only else ""
        if in_file:
            yield f"  it {says}{when}, by {opened}; deny: [{', '.join(names)}] takes it out"
        else:
            yield f"  it {says}{when} ({opened}; DENY={','.join(names)} takes it out)"
    writes = sum(policy.allows(name) for name, operation in OPERATIONS.items() if operation.access == "write")
    reads = sum(policy.allows(name) for name, operation in OPERATIONS.items() if operation.access == "read")
    counted = f"{reads} operations that read and {writes} that change something"
    if policy.mode is Mode.ENFORCE:
        yield f"{counted} are allowed; the rest is refused"
    elif policy.mode is Mode.REPORT:
        yield f"{counted} are allowed; the rest passes too, and is reported"
    else:
        yield "everything passes, and what it takes is learned"


def _find_exposures(policy: CompiledPolicy) -> Iterator[tuple[str, list[str]]]:
    """Return what is exposed in spite of all conditions, with the operations that do it."""
    for exposure in find_exposures(policy):
        names = [name for name in exposure.operations if not all(map(_prevents, policy.cases[name]))]
        if names:
            yield exposure.says, names


def _prevents(case: Case) -> bool:
    """Whether the conditions of a case leave nothing of what an operation exposes."""
    return any(
        _PREVENTING[condition.word](condition.value) for condition in case.conditions if condition.word in _PREVENTING
    )


_PREVENTING: Final[Mapping[str, Callable[[Value], bool]]] = {
    "stdin": lambda value: value is False,
    "showsecret": lambda value: value is False,
    "ps_args": lambda value: isinstance(value, tuple) and not any(map(_shows_environment, value)),
}
"""Conditions without which an operation types into containers, shows secrets, or shows the environment."""


def _shows_environment(arguments: str) -> bool:
    """Whether ps may print the environment of processes: an e without a dash in front does it (ps(1))."""
    return any("e" in word for word in arguments.split() if not word.startswith("-"))


def _restricts(case: Case) -> bool:
    """Whether the conditions of a case keep a client from something. Who is not buildx calls a container anything."""
    return any(condition.word != NamesNoBuilder.word for condition in case.conditions)
