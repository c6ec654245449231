"""What a reviewer must read stays as short as it is."""

from pathlib import Path
from typing import Final

from audit import SOURCE, TESTS, count_folder, count_lines, count_parts, count_words, file_of, find_closure

MOST_OF_PARTS: Final = (10_000, 1_200, 1_100)
"""Lines of code that decide what passes, that are plans, ownership and parts of answers, and that read builds."""

MOST_OF_ALL: Final = 25_000
MOST_OF_TESTS: Final = 63_600
MOST_WORDS: Final = 25_600
"""Words in `docs/*.md`."""

PROGRAM: Final = '''"""A module."""

# A comment.
ROWS = (
    "one",  # A comment.

)
"""A value."""


def run() -> str:
    """Return lines."""
    return """
    two"""
'''


def test_what_decides_is_read_in_two_days() -> None:
    for (part, lines), most in zip(count_parts().items(), MOST_OF_PARTS, strict=True):
        assert lines <= most, f"{lines} lines {part}: run `make audit`, and take something away"


def test_the_source_does_not_grow() -> None:
    assert count_folder(SOURCE) <= MOST_OF_ALL, "take something away"


def test_the_tests_do_not_grow() -> None:
    assert count_folder(TESTS) <= MOST_OF_TESTS, "take something away"


def test_the_documentation_does_not_grow() -> None:
    assert count_words() <= MOST_WORDS, "take something away"


def test_comments_and_docstrings_count_nowhere(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    assert count_lines(tmp_path / "program.py") == len(["ROWS", "one", ")", "def", "return", "two"])


def test_every_constraint_is_on_the_path() -> None:
    assert "dockerproxy.policy.words.binds" in find_closure()


def test_every_file_of_the_path_exists() -> None:
    assert all(file_of(module).is_file() for module in find_closure())
