"""Versions of the API: the prefix of a path, read as an engine reads it, or refused.

Attack: a version of three parts, `v1.40.0`, under which Docker leaves out fields that it knows since 1.41, while a
reader of two parts sees no version -> Defence: one reader for all, and a version of Docker's API has two parts (test:
test_a_version_that_no_engine_has_is_none).
Attack: zeros in front, blanks, signs, other digits, which each engine reads in its own way -> Defence: plain numbers.

Docker compares number by number, and takes a missing one for 0 (moby daemon/internal/versions). Podman's own API has
versions of up to three parts, like `v5.4.2`; Cockpit still says `v1.12` before `/libpod`.
"""

import re
from typing import Final

from dockerproxy.text import number

_NUMBER: Final = "(?:0|[1-9][0-9]{0,3})"
_IS_DOCKERS: Final = re.compile(rf"v1\.{_NUMBER}").fullmatch
_IS_PODMANS: Final = re.compile(rf"v{_NUMBER}(?:\.{_NUMBER}){{0,2}}").fullmatch

_OLD_MANIFESTS: Final = frozenset("0123")
"""First digits of versions under which Podman's manifest paths mean other operations, one of them a push. It looks at
no other digit: v10 is old to it, v40 is not (podman pkg/api/server/register_manifest.go)."""

Version = tuple[int, int, int]


def exists(prefix: str, *, libpod: bool) -> bool:
    """Whether a prefix is a version of an API, Docker's or Podman's own."""
    return (_IS_PODMANS if libpod else _IS_DOCKERS)(prefix) is not None


def read_version(prefix: str) -> Version | None:
    """Read a prefix like `v1.45` that exists; None where none is named, which means the engine's newest."""
    major, minor, patch, *_ = (*(number(part) or 0 for part in prefix[1:].split(".")), 0, 0)
    return (major, minor, patch) if prefix else None


def has_old_manifests(prefix: str) -> bool:
    """Whether Podman takes paths below `/libpod/manifests` for those of its versions before 4."""
    return prefix[1:2] in _OLD_MANIFESTS
