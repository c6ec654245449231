"""What old engines take from a request and new ones do not is known, and said."""

from pathlib import Path

import pytest

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.old_bodies import OLD_READINGS, is_old_body

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()


def test_every_line_is_about_an_operation() -> None:
    assert {operation for operation, *_ in OLD_READINGS} <= set(OPERATIONS)
    assert {kind for _, _, kind, _ in OLD_READINGS} == {"body", "same", "wider"}


@pytest.mark.parametrize(("operation", "says"), [(operation, says) for operation, _, _, says in OLD_READINGS])
def test_each_is_documented(operation: str, says: str) -> None:
    assert any(f"`{operation}`" in line and says in line for line in PAGE.splitlines())


def test_a_body_that_is_longer_than_nothing_is_none_for_a_start() -> None:
    assert [is_old_body("ContainerStart", length=length) for length in (0, 2, 7)] == [False] * 3
    assert [is_old_body("ContainerStart", length=length) for length in (8, 10**6, None)] == [True] * 3
    assert not is_old_body("ImagePush", length=None)
