"""Numbers and limits in words."""

from dockerproxy.config.limits import Limit, Measure
from dockerproxy.policy.amounts import write_size
from dockerproxy.settings import Limits


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 line`, `2 lines`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def write_limit(limit: Limit, limits: Limits) -> str:
    """Write the value of a limit as a policy file has it; seconds with their unit."""
    value = getattr(limits, limit.name)
    match limit.measure:
        case Measure.SECONDS:
            return f"{value:g}s"
        case Measure.BYTES:
            return write_size(value)
        case Measure.NUMBER:
            return str(value)
