"""Responses that the proxy itself writes, in the form that Docker's clients print: a JSON object with a message."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from dockerproxy.text import escape, lower
from dockerproxy.wire.document import object_of, read_engine_json
from dockerproxy.wire.head import END_OF_HEAD

_OF_CONTENT: Final = frozenset({b"connection", b"content-length", b"etag", b"transfer-encoding"})
"""Response fields that describe the body's bytes."""

_PLAIN: Final = frozenset(
    b"api-version builder-version connection content-length content-type date docker-experimental libpod-api-version "
    b"libpod-buildah-version ostype server swarm transfer-encoding x-reference-id".split(b" ")
)
"""Engines' response fields that frame the response, or reveal nothing about the requested object."""

_PASSING: Final = frozenset({429, 503})
"""The result may differ a second later."""

_LONGEST: Final = 2000
"""Characters of a message to read."""


def write_answer(status: int, message: str, *, close: bool, body: bool = True, decision: str = "") -> bytes:
    """Write a complete response, without a body if HEAD asked, and with the ID of the decision in the log."""
    content = write_message(message, decision, status)
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b%b\r\n%b" % (
        status,
        HTTPStatus(status).phrase.encode(),
        len(content),
        b"Retry-After: 1\r\n" if status in _PASSING else b"",
        b"Connection: close\r\n" if close else b"",
        content if body else b"",
    )


def write_message(message: str, decision: str = "", status: int = 0) -> bytes:
    """Write the body of a response that has only a message, and perhaps the ID of a decision.

    Podman's client reads the status from the body to tell that an object does not exist.
    """
    content = {"message": message, "decision": decision, "response": status}
    return json.dumps({key: value for key, value in content.items() if value or key == "message"}).encode() + b"\n"


def add_decision(message: str, decision: str) -> str:
    """Return the message of a denial with the ID of the decision, for clients that show nothing else."""
    return f"{message} (decision {decision})"


def read_message(content: bytes) -> str:
    """Return the message in the body of a response; empty if it has none."""
    return escape(str(object_of(read_engine_json(content)).get("message", ""))[:_LONGEST])


def write_document(content: bytes) -> bytes:
    """Write a complete response with a document of our own."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(content) + content


def with_content(head: bytes, content: bytes) -> bytes:
    """Replace the body of a response that parsed without error. The rest of its head stays."""
    kept = _keep_fields(head, lambda name: name not in _OF_CONTENT)
    return b"\r\n".join([*kept, b"Content-Length: %d" % len(content)]) + END_OF_HEAD + content


def keep_plain(head: bytes) -> bytes:
    """Return a response head that parsed without error, without fields that may reveal too much."""
    return b"\r\n".join(_keep_fields(head, _PLAIN.__contains__)) + END_OF_HEAD


def _keep_fields(head: bytes, keeps: Callable[[bytes], bool]) -> list[bytes]:
    """Return the lines of a head, without fields whose names are not kept."""
    line, *fields = head[: -len(END_OF_HEAD)].split(b"\r\n")
    return [line, *(field for field in fields if keeps(lower(field.partition(b":")[0])))]


def answer_ping(status: int, *remarks: str) -> tuple[int, str]:
    """Return status and message for a health check, from the status of the engine's answer to a ping.

    Each remark, if not empty, is something else that the operator must know.
    """
    extra = "".join(f"; {remark}" for remark in remarks if remark)
    if status == HTTPStatus.OK:
        return HTTPStatus.OK, f"the proxy is up and the engine responds{extra}"
    return HTTPStatus.BAD_GATEWAY, f"the engine responded to a ping with {status}{extra}"
