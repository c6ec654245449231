"""What a client is told: a line of text that is not long, and of which a terminal obeys nothing."""

from typing import Final

from dockerproxy.errors import Refusal
from dockerproxy.policy.model import Decision

LONGEST: Final = 2000

_STATUSES: Final = frozenset({400, 403, 404, 413, 417, 431})


def check_text(text: str) -> None:
    """Check what a client is told."""
    assert text.isprintable(), ascii(text)
    assert len(text) <= LONGEST, text


def check_refusal(refusal: Refusal) -> None:
    """Check why a request has no single reading."""
    assert refusal.status in _STATUSES
    assert refusal.reason
    check_text(refusal.reason)


def check_message(decision: Decision) -> None:
    """Check why a request is not allowed."""
    assert decision.allowed or decision.message or not decision.source
    check_text(decision.message)
