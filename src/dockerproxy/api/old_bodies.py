"""What engines do with a request only under an old version of the API: `old_bodies.txt` lists it."""

from typing import Final

from dockerproxy.api.rows import list_rows, read_table, split_row

OLD_READINGS: Final = tuple(tuple(split_row(row, 4)) for row in list_rows(read_table("old_bodies")))
"""Operation, version, what it is, and what an engine does."""

_BODILESS: Final = frozenset(operation for operation, _, kind, _ in OLD_READINGS if kind == "body")

_MOST_OF_NOTHING: Final = 7
"""Bytes of a body that Docker takes for none (`postContainersStart`). `{}` and `null` are shorter."""


def is_old_body(operation: str, *, length: int | None) -> bool:
    """Whether a body could be read by an old engine and by no other.

    Args:
        operation: Its name.
        length: Of the body, None if that is not known.
    """
    return operation in _BODILESS and (length is None or length > _MOST_OF_NOTHING)
