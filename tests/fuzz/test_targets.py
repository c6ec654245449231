"""What the fuzzer begins with, and what it has found: each input was kept because it took another way through the code.

No Atheris is needed for this.
"""

from pathlib import Path

import pytest
from fuzz.kept import find_kept, hash_of, is_called_by_its_hash
from fuzz.targets import TARGETS, Change
from rows import for_each

CHANGES = {name: target.change for name, target in TARGETS.items() if target.change is not None}


def leave(data: bytes, most: int) -> bytes:
    """Change nothing, in place of libFuzzer."""
    return data[:most]


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzer_begins_with_keeps_every_promise(name: str) -> None:
    for content in TARGETS[name].seeds():
        TARGETS[name].check(content)


@for_each(("name", "kept"), [(name, path) for name in TARGETS for path in find_kept(name)])
def test_what_the_fuzzer_has_found_keeps_every_promise(name: str, kept: Path) -> None:
    TARGETS[name].check(kept.read_bytes())


@pytest.mark.parametrize(("name", "change"), CHANGES.items())
def test_what_a_change_makes_is_no_longer_than_it_may_be_and_keeps_every_promise(name: str, change: Change) -> None:
    target = TARGETS[name]
    made = [change(content, target.longest, seed, leave) for seed, content in enumerate(target.seeds())]
    assert len({hash_of(content) for content in made}) > len(made) // 2
    for content in made:
        assert len(content) <= target.longest
        target.check(content)


def test_an_input_is_called_by_its_hash_unless_somebody_gave_it_a_name(tmp_path: Path) -> None:
    for name in (hash_of(b"x"), "a-name"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir() if not is_called_by_its_hash(path)] == ["a-name"]
