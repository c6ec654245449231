"""Answers of the proxy itself, as Docker's clients print them: a JSON object with a message."""

import json
from http import HTTPStatus
from typing import Final

from dockerproxy.text import lower
from dockerproxy.wire.head import END_OF_HEAD

_OF_CONTENT: Final = frozenset({b"connection", b"content-length", b"etag", b"transfer-encoding"})
"""Fields of a response that speak of the bytes behind it."""

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


def with_content(head: bytes, content: bytes) -> bytes:
    """Write a response anew with other content, which is there whole: all else of its head stays.

    Args:
        head: Of the response, which was read without fault.
        content: What follows it now.
    """
    line, *fields = head[: -len(END_OF_HEAD)].split(b"\r\n")
    kept = [field for field in fields if lower(field.partition(b":")[0]) not in _OF_CONTENT]
    return b"\r\n".join([line, *kept, b"Content-Length: %d" % len(content)]) + END_OF_HEAD + content


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
