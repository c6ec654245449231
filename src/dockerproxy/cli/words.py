"""Numbers in sentences."""


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 line`, `2 lines`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
