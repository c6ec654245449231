"""Our own answers are whole responses in the shape that Docker's clients print."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

import dockerproxy
from dockerproxy.text import escape
from dockerproxy.wire.answer import (
    answer_ping,
    keep_plain,
    read_message,
    with_content,
    write_answer,
    write_document,
    write_message,
)

SOURCE = Path(dockerproxy.__file__).parent
STATUSES = (200, 400, 403, 404, 408, 413, 417, 429, 431, 502, 503, 504)


def read_answer(data: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    """Read a response with h11, to its end and no further."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    body = b""
    while isinstance(found := client.next_event(), h11.Data):
        body += found.data
    assert isinstance(found, h11.EndOfMessage)
    assert client.trailing_data == (b"", False)
    return response, body


@given(st.sampled_from(STATUSES), st.text(), st.booleans())
def test_an_answer_says_what_docker_and_podman_do(status: int, message: str, close: bool) -> None:  # noqa: FBT001
    response, body = read_answer(write_answer(status, message, close=close))
    headers = dict(response.headers)
    assert response.status_code == status
    assert json.loads(body) == {"message": message, "response": status}
    assert headers[b"content-type"] == b"application/json"
    assert (headers.get(b"connection") == b"close") is close


@for_each("status", STATUSES)
def test_an_answer_to_head_has_the_same_head_and_no_body(status: int) -> None:
    whole, _ = read_answer(write_answer(status, "no", close=False))
    head, body = read_answer(write_answer(status, "no", close=False, body=False), method="HEAD")
    assert (head.status_code, head.headers, body) == (whole.status_code, whole.headers, b"")


@for_each("status", STATUSES)
def test_an_answer_names_its_status(status: int) -> None:
    assert re.match(rb"HTTP/1\.1 %d [A-Z][A-Za-z ]+\r\n" % status, write_answer(status, "", close=False))


def statuses_in_the_source() -> Iterator[int]:
    for path in SOURCE.rglob("*.py"):
        for found in re.finditer(r"(?:Refusal|fail|_answer)\(\s*([1-5]\d\d)\b", path.read_text()):
            yield int(found[1])


def test_every_status_that_is_answered_anywhere_can_be_written() -> None:
    found = set(statuses_in_the_source())
    assert found <= set(STATUSES)
    assert len(found) >= 5, "the search finds nothing any more"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, (200, "the proxy is up and the engine responds")),
        (204, (502, "the engine responded to a ping with 204")),
        (500, (502, "the engine responded to a ping with 500")),
    ],
)
def test_a_health_check_is_answered_from_the_engines_ping(status: int, answer: tuple[int, str]) -> None:
    assert answer_ping(status, "") == answer


def test_what_must_be_known_besides_is_said_with_every_health_check() -> None:
    assert answer_ping(200, "it denies nothing")[1].endswith("the engine responds; it denies nothing")
    assert answer_ping(500, "it denies nothing")[1].endswith("with 500; it denies nothing")


def test_a_response_with_other_content_keeps_all_else_of_its_head() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nTransfer-Encoding: chunked\r\nETAG: x\r\n"
        b"Connection: close\r\nContent-Type: application/json\r\n\r\n"
    )
    assert with_content(head, b"[]") == (
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
    )


@given(st.text())
def test_a_message_is_read_as_it_was_written_but_for_what_no_line_of_a_log_has(message: str) -> None:
    assert read_message(write_message(message)) == escape(message[:2000])


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"{}", b"\xff", b"[" * 100_000])
def test_what_has_no_message_says_nothing(content: bytes) -> None:
    assert read_message(content) == ""


def test_a_document_is_a_whole_response() -> None:
    response, body = read_answer(write_document(b"[1]"))
    assert (response.status_code, body) == (200, b"[1]")


def test_of_a_head_only_what_frames_the_answer_and_what_is_plain_is_kept() -> None:
    head = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nTransfer-Encoding: chunked\r\nETag: x\r\nX-New: y\r\n\r\n"
    assert keep_plain(head) == b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nTransfer-Encoding: chunked\r\n\r\n"
