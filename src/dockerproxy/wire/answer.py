"""Answers of the proxy itself, as Docker's clients print them: a JSON object with a message."""

import json
from http import HTTPStatus
from typing import Final

_PASSING: Final = frozenset({429, 503})
"""May differ a second later."""


def write_answer(status: int, message: str, *, close: bool, body: bool = True) -> bytes:
    """Write a whole response.

    Args:
        status: One of the statuses this proxy answers with.
        message: For the person who reads the client's output.
        close: Whether the connection ends after it.
        body: False for an answer to HEAD, which has none.
    """
    content = json.dumps({"message": message}).encode() + b"\n"
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b%b\r\n%b" % (
        status,
        HTTPStatus(status).phrase.encode(),
        len(content),
        b"Retry-After: 1\r\n" if status in _PASSING else b"",
        b"Connection: close\r\n" if close else b"",
        content if body else b"",
    )


def answer_ping(status: int, *remarks: str) -> tuple[int, str]:
    """Return status and message for a health check.

    Args:
        status: What the engine's ping was answered with.
        remarks: What whoever looks after the proxy must know besides; each may be empty.
    """
    besides = "".join(f"; {remark}" for remark in remarks if remark)
    if status == HTTPStatus.OK:
        return HTTPStatus.OK, f"the proxy is up and the engine responds{besides}"
    return HTTPStatus.BAD_GATEWAY, f"the engine responded to a ping with {status}{besides}"
