"""Every word is in the registry, by its own name."""

from pathlib import Path

from dockerproxy.policy import words
from dockerproxy.policy.words.registry import CONSTRAINTS

FILES = [path for path in Path(words.__path__[0]).glob("*.py") if "\nCONSTRAINT" in path.read_text()]


def test_every_file_that_has_words_is_registered() -> None:
    registry = Path(words.__path__[0], "registry.py").read_text()
    assert FILES
    assert not [path.name for path in FILES if path.stem != "registry" and f"\n    {path.stem},\n" not in registry]


def test_every_word_is_found_by_its_own_name() -> None:
    assert all(word == constraint.name for word, constraint in CONSTRAINTS.items())
