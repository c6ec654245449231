"""Inputs that the fuzzer found and that are kept: each is called by its hash, or by a name that somebody gave it."""

import hashlib
from pathlib import Path
from typing import Final

KEPT: Final = Path(__file__).parent.parent / "corpus" / "fuzz"


def find_kept(name: str) -> list[Path]:
    """Return the files of a target's kept inputs."""
    return sorted((KEPT / name).iterdir()) if (KEPT / name).is_dir() else []


def hash_of(content: bytes) -> str:
    """Return what libFuzzer calls an input."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def is_called_by_its_hash(path: Path) -> bool:
    """Whether nobody gave a file a name."""
    return path.name == hash_of(path.read_bytes())
