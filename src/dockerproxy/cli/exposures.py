"""What a policy exposes, as lines that `serve` logs and `check` prints."""

from collections.abc import Iterator

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.exposure import find_exposures


def describe_exposures(policy: CompiledPolicy) -> str:
    """Say in plain words what a client can do that its operator may not expect, and how to take it out."""
    return "\n".join(_lines(policy))


def _lines(policy: CompiledPolicy) -> Iterator[str]:
    exposures = find_exposures(policy)
    if exposures:
        yield "what this policy lets a client do, and you may not expect:"
    for exposure in exposures:
        opened = dict.fromkeys(policy.cases[name][0].decision.source for name in exposure.operations)
        out = ",".join(exposure.operations)
        yield f"  it {exposure.says} ({', '.join(opened)}; DENY={out} takes it out)"
    writes = sum(policy.allows(name) for name, operation in OPERATIONS.items() if operation.access == "write")
    reads = sum(policy.allows(name) for name, operation in OPERATIONS.items() if operation.access == "read")
    yield f"{reads} operations that read and {writes} that change something are allowed; the rest is refused"
