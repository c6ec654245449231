"""What old engines take from a request and new ones do not is known, and said."""

from pathlib import Path

from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.judge import OLD_READINGS

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()


def test_every_line_is_about_an_operation() -> None:
    assert {operation for operation, *_ in OLD_READINGS} <= set(OPERATIONS)
    assert {kind for _, _, kind, _ in OLD_READINGS} == {"body", "same", "wider"}


@for_each(("operation", "says"), [(operation, says) for operation, _, _, says in OLD_READINGS])
def test_each_is_documented(operation: str, says: str) -> None:
    assert any(f"`{operation}`" in line and says in line for line in PAGE.splitlines())
