"""The reason of a denial, taken apart: what is wrong, and what would allow it.

Attacks: docs/attacks.md, workbench/reasons.
"""

import re
from typing import Final

from dockerproxy.observe.record import Outcome, Record

_NOT_FOUND: Final = 404
_QUOTED_OR_ADVICE: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|; (?=to allow )', re.DOTALL)
"""A quote without an end goes on to the end of the text."""


def split_reason(reason: str) -> tuple[str, str]:
    """Split a reason before what would allow the request; the second part is empty if nothing is proposed."""
    for found in _QUOTED_OR_ADVICE.finditer(reason):
        if not found[0].startswith('"'):
            return reason[: found.start()], reason[found.end() :]
    return reason, ""


def is_missing(record: Record) -> bool:
    """Whether an object does not exist: with and without the proxy. What is hidden has the reason of a denial."""
    is_denial = record.reason.startswith(f"{record.operation} denied: ")
    return record.decision is Outcome.DENIED and record.status == _NOT_FOUND and not is_denial
