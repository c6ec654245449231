"""Split the reason of a denial into the fault and the advice.

Attacks: docs/attacks.md, workbench/reasons.
"""

import re
from typing import Final

from dockerproxy.observe.record import Outcome, Record

_NOT_FOUND: Final = 404
_QUOTED_OR_ADVICE: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|; (?=to allow )', re.DOTALL)
"""An unterminated quote extends to the end of the text."""


def split_reason(reason: str) -> tuple[str, str]:
    """Return the fault and the advice in a reason; the advice may be empty."""
    for found in _QUOTED_OR_ADVICE.finditer(reason):
        if not found[0].startswith('"'):
            return reason[: found.start()], reason[found.end() :]
    return reason, ""


def is_missing(record: Record) -> bool:
    """Whether a 404 means that an object does not exist. A hidden object has the reason of a denial."""
    is_denial = record.reason.startswith(f"{record.operation} denied: ")
    return record.decision is Outcome.DENIED and record.status == _NOT_FOUND and not is_denial
