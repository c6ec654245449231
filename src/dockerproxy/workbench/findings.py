"""Findings: what a verb reports about a policy, with severity and place."""

import re
from enum import StrEnum
from typing import Final, NamedTuple

_SOURCE: Final = re.compile(r".* \((?P<file>.+):(?P<line>[0-9]+)\)")
"""The form of a source, as `Reader.source` writes it."""


class Severity(StrEnum):
    """The severity of a finding, the highest first, in SARIF's words."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """Something that a verb checked or found; without a level, the check passed.

    Attributes:
        name: What was checked, or what the finding is about.
        where: The file, followed by line and column, each after a colon, as far as known.
        rule: The kind of the finding.
        says: What is wrong, as a clause; empty if the check passed.
        hint: What to do; may be empty.
        fails: Whether it causes an exit status other than 0.
    """

    name: str
    where: str
    rule: str
    level: Severity | None = None
    says: str = ""
    hint: str = ""
    fails: bool = False


def differ(about: str, where: str, level: Severity, says: str, hint: str = "") -> Finding:
    """Return a mismatch between a policy and this engine or host; a note needs no action."""
    fails = level is not Severity.NOTE
    return Finding(name=about, where=where, rule="not-as-here", level=level, says=says, hint=hint, fails=fails)


def place_of_source(file: str, source: str) -> str:
    """Return the place that a source names, like `ContainerList (policy.yaml:3)`, with the path of the file."""
    found = _SOURCE.fullmatch(source)
    return f"{file}:{found['line']}" if found else file
