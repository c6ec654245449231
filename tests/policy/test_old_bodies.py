"""What old engines take from a request and new ones do not is known; tests/test_docs.py writes it to docs/http.md."""

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.judge import OLD_READINGS


def test_every_line_is_about_an_operation() -> None:
    assert {operation for operation, *_ in OLD_READINGS} <= set(OPERATIONS)
    assert {kind for _, _, kind, _ in OLD_READINGS} == {"body", "same", "wider"}
