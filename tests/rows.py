"""Tests of a table: one test goes through all of its rows and reports each that fails.

pytest makes a test of each row with `parametrize`, which costs more than most rows take and is right for a few of them.
"""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

Test = Callable[..., None]


def for_each(
    names: str | tuple[str, ...], rows: Iterable[Any], ids: Callable[[Any], object] = str
) -> Callable[[Test], Test]:
    """Call a test for each row, with its values as the arguments that have these names.

    Args:
        names: One name, for which a row is the value itself, or several, for which it is a tuple.
        rows: At least one; a table without rows tests nothing.
        ids: What to call a row, or each of its values, if it fails.
    """
    table = list(rows)
    assert table, f"no rows for {names}"
    listed = (names,) if isinstance(names, str) else names

    def decorate(test: Test) -> Test:
        @wraps(test, updated=())
        def go_through(**fixtures: Any) -> None:
            failures = []
            for row in table:
                values = (row,) if isinstance(names, str) else row
                try:
                    test(**fixtures, **dict(zip(listed, values, strict=True)))
                except Exception as error:  # noqa: BLE001 (all rows are tried, and all that failed are told)
                    error.add_note(f"in the row {' | '.join(str(ids(value)) for value in values)}")
                    failures.append(error)
            if failures:
                raise ExceptionGroup(f"{len(failures)} of {len(table)} rows failed", failures)

        parameters = inspect.signature(test).parameters.values()
        left = [each for each in parameters if each.name not in listed]
        go_through.__signature__ = inspect.Signature(left)  # type: ignore[attr-defined] # pytest reads fixtures here
        go_through.pytestmark = getattr(test, "pytestmark", [])  # type: ignore[attr-defined]
        return go_through

    return decorate
