"""Findings: what a verb reports about a policy, with severity and place."""

from enum import StrEnum
from typing import NamedTuple

from dockerproxy.policy.model import Source


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


def place_of(file: str, source: Source) -> str:
    """Return the place of a line, with the path of the file."""
    return f"{file}:{source.line}" if source.line else file
