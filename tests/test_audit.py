"""What a reviewer must read stays as short as it is."""

from typing import Final

from audit import count_closure, count_source, file_of, find_closure

MOST_ON_THE_PATH: Final = 20_600
"""Lines that decide what passes, besides rows of tables."""

MOST_OF_ALL: Final = 42_119


def test_what_decides_is_read_in_two_days() -> None:
    assert count_closure() <= MOST_ON_THE_PATH, "run `make audit`, and take something away"


def test_the_source_does_not_grow() -> None:
    assert count_source() <= MOST_OF_ALL, "take something away"


def test_every_constraint_is_on_the_path() -> None:
    assert "dockerproxy.policy.constraints.binds" in find_closure()


def test_every_file_of_the_path_exists() -> None:
    assert all(file_of(module).is_file() for module in find_closure())
