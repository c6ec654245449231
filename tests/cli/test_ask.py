"""One request through a unix socket."""

import pytest
from cli.programs import NOWHERE, engine_at, short_folder

from dockerproxy.cli.ask import ask


def answer_of(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (answer_of(b'{"message": "no"}', "403 Forbidden"), (403, "no")),
        (answer_of(b'{"other": 1}'), (200, "")),
        (answer_of(b"[1]"), (200, "")),
        (answer_of(b"OK"), (200, "")),
        (answer_of(b""), (200, "")),
        (answer_of(b"\xff"), (200, "")),
    ],
)
def test_the_status_and_the_message_of_an_answer_are_returned(answer: bytes, expected: tuple[int, str]) -> None:
    with short_folder() as folder, engine_at(folder / "s", answer):
        assert ask(f"{folder}/s", "GET", "/_ping") == expected


@pytest.mark.parametrize("answer", [b"what?\r\n\r\n", b"HTTP/1.1 fine\r\n\r\n"])
def test_what_does_not_speak_http_does_not_answer(answer: bytes) -> None:
    with short_folder() as folder, engine_at(folder / "s", answer), pytest.raises(ConnectionError, match="no answer"):
        ask(f"{folder}/s", "GET", "/_ping")


def test_where_nobody_listens_nobody_answers() -> None:
    with pytest.raises(FileNotFoundError):
        ask(NOWHERE, "GET", "/_ping")
