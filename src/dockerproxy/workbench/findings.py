"""Findings: what a verb reports of a policy, each with how grave it is and where it is."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SOURCE: Final = re.compile(r".* \((?P<file>.+):(?P<line>[0-9]+)\)")
"""What `Reader.source` writes."""


class Severity(StrEnum):
    """How grave a finding is, gravest first; in the words of SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that an operator should know.

    Attributes:
        severity: How grave it is; a note needs no action.
        text: What is the matter, as a clause.
        hint: What to do; empty where nothing better is known.
        file: Path of the policy file; empty if it is about something else.
        line: In that file, from 1 on; 0 if it is about all of it.
        about: What it is about if that is no line: a path, the engine, a socket.
    """

    severity: Severity
    text: str
    hint: str = ""
    file: str = ""
    line: int = 0
    about: str = ""

    @property
    def where(self) -> str:
        """The place, as mistakes have it."""
        return f"{self.file}:{self.line}" if self.line else self.about or self.file


def find_line(source: str) -> int:
    """Return the line of the policy file that the source of a grant names; 0 if it is of no file."""
    found = _SOURCE.fullmatch(source)
    return int(found["line"]) if found else 0


def is_bad(findings: tuple[Finding, ...]) -> bool:
    """Whether some of them need action."""
    return any(finding.severity is not Severity.NOTE for finding in findings)
