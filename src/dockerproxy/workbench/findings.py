"""Findings: what a verb reports of a policy, each with how grave it is and where it is."""

import re
from enum import StrEnum
from typing import Final, NamedTuple

_SOURCE: Final = re.compile(r".* \((?P<file>.+):(?P<line>[0-9]+)\)")
"""What `Reader.source` writes."""


class Severity(StrEnum):
    """How grave a finding is, gravest first; in the words of SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """Something that a verb checked or found; without a level, all is well.

    Attributes:
        name: What was checked, or what the finding is about.
        where: The file, its line and column behind colons, as far as there are any.
        rule: Which kind of finding it is, the same for all of the kind.
        says: What is wrong, as a clause; empty if nothing.
        hint: What to do; empty where nothing better is known.
        fails: Whether it is the reason for an exit status other than 0.
    """

    name: str
    where: str
    rule: str
    level: Severity | None = None
    says: str = ""
    hint: str = ""
    fails: bool = False


def differ(about: str, where: str, level: Severity, says: str, hint: str = "") -> Finding:
    """Return that a policy and this engine or host do not agree; a note needs no action."""
    fails = level is not Severity.NOTE
    return Finding(name=about, where=where, rule="not-as-here", level=level, says=says, hint=hint, fails=fails)


def place_of_source(file: str, source: str) -> str:
    """Return the place of the line that a source names, like `ContainerList (policy.yaml:3)`, in a file at a path."""
    found = _SOURCE.fullmatch(source)
    return f"{file}:{found['line']}" if found else file
