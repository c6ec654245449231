"""Format numbers for narrow columns: three digits and a unit."""

from typing import Final

_THOUSAND: Final = 1000
_UNITS: Final = ("", "k", "M", "G", "T", "P", "E")
_TEN: Final = 10
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def write_number(number: float) -> str:
    """Format a count or a number of bytes: `0`, `980`, `1.2k`, `35M`."""
    for unit in _UNITS:
        if number < _THOUSAND or unit == _UNITS[-1]:
            break
        number /= _THOUSAND
    return f"{number:.1f}{unit}" if unit and number < _TEN else f"{number:.0f}{unit}"


def write_rate(rate: float) -> str:
    """Format a rate per second: `0`, `0.4`, `12.5`, `120`."""
    return "0" if not rate else f"{rate:.1f}" if rate < _TEN * _TEN else write_number(rate)


def write_duration(milliseconds: float | None) -> str:
    """Format the duration of an answer: `0.7ms`, `35ms`, `1.2s`; empty if there was none."""
    if milliseconds is None:
        return "-"
    if milliseconds < _TEN:
        return f"{milliseconds:.1f}ms"
    if milliseconds < _THOUSAND:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / _THOUSAND
    return f"{seconds:.1f}s" if seconds < _TEN else write_age(seconds)


def write_age(seconds: float) -> str:
    """Format an age: `5s`, `12m`, `3h07m`, `5d04h`."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    days = whole // _DAY
    return f"{days}d{whole % _DAY // _HOUR:02d}h" if days < _TEN * _TEN else f"{days}d"
