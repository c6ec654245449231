"""Numbers and limits in words."""

from typing import Final

from dockerproxy.settings import Limit, Limits, Measure

_UNITS: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


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
            return next((f"{value // size}{unit}" for unit, size in _UNITS if not value % size), str(value))
        case Measure.NUMBER:
            return str(value)
