"""One request through a unix socket."""

import signal
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cli.programs import NOWHERE, OK, engine_at, engine_of
from folders import short_folder
from rows import for_each
from waiting import PATIENCE

from dockerproxy.cli.request import ask

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer_of(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


@for_each(
    ("answer", "expected"),
    [
        (answer_of(b'{"message": "no"}', "403 Forbidden"), (403, "no")),
        (answer_of(b'{"other": 1}'), (200, "")),
        (answer_of(b"[1]"), (200, "")),
        (answer_of(b"OK"), (200, "")),
        (answer_of(b""), (200, "")),
        (answer_of(b"\xff"), (200, "")),
        (answer_of(b'{"message": "\\u001b[2J\\u2028\\ud800\\n"}'), (200, r"\x1b[2J\u2028\ud800\n")),
        (answer_of(b'{"message": "%b"}' % (b"x" * 9000)), (200, "x" * 2000)),
        (answer_of(b"[" * 100_000), (200, "")),
        (CHUNKED + b'12\r\n{"message": "so"}\n\r\n0\r\n\r\n', (200, "so")),
        (CHUNKED + b'8\r\n{"messag\r\na\r\ne": "it"}\n\r\n0\r\n\r\n', (200, "it")),
    ],
)
def test_the_status_and_the_message_of_an_answer_are_returned(answer: bytes, expected: tuple[int, str]) -> None:
    with short_folder() as folder, engine_at(folder / "s", answer):
        assert ask(f"{folder}/s", "GET", "/_ping") == expected


@pytest.mark.parametrize("answer", [b"what?\r\n\r\n", b"HTTP/1.1 fine\r\n\r\n"])
def test_what_does_not_speak_http_does_not_answer(answer: bytes) -> None:
    with (
        short_folder() as folder,
        engine_at(folder / "s", answer),
        pytest.raises(ConnectionError, match="invalid HTTP response"),
    ):
        ask(f"{folder}/s", "GET", "/_ping")


def test_where_nobody_listens_nobody_answers() -> None:
    with pytest.raises(FileNotFoundError):
        ask(NOWHERE, "GET", "/_ping")


class Trickling(socketserver.BaseRequestHandler):
    """Answers less than a whole answer, a byte whenever the last one was taken."""

    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        self.request.settimeout(0.02)
        while True:
            try:
                if not self.request.recv(4096):
                    return
            except TimeoutError:
                self.request.sendall(b"x")


class Endless(socketserver.BaseRequestHandler):
    """Answers without end."""

    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            self.request.sendall(b"x" * 65536)


def test_an_answer_has_its_time() -> None:
    with short_folder() as folder, engine_of(folder / "s", Trickling), pytest.raises(TimeoutError):
        ask(f"{folder}/s", "GET", "/_ping", patience=0.3)


@contextmanager
def interrupted() -> Iterator[threading.Event]:
    """Interrupt each system call of this thread with a signal; give the event of the first one that was handled."""
    ended, handled, thread = threading.Event(), threading.Event(), threading.get_ident()

    def interrupt() -> None:
        while not ended.wait(0.01):
            signal.pthread_kill(thread, signal.SIGUSR1)

    former = signal.signal(signal.SIGUSR1, lambda *_: handled.set())
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        yield handled
    finally:
        ended.set()
        interrupting.join()
        signal.signal(signal.SIGUSR1, former)


def test_a_full_queue_of_connections_is_waited_for_despite_signals() -> None:
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        listening.bind(f"{folder}/s")
        listening.listen(0)
        first.connect(f"{folder}/s")
        with interrupted() as handled:
            with pytest.raises(TimeoutError, match="its queue of connections is full"):
                ask(f"{folder}/s", "GET", "/_ping", patience=0.1)
            handled.clear()

            def serve() -> None:
                handled.wait(PATIENCE)
                listening.accept()[0].close()
                with listening.accept()[0] as accepted:
                    accepted.recv(1000)
                    accepted.sendall(OK)

            serving = threading.Thread(target=serve)
            serving.start()
            assert ask(f"{folder}/s", "GET", "/_ping", patience=PATIENCE) == (200, "")
            serving.join()


def test_no_more_of_an_answer_is_read_than_is_shown() -> None:
    with short_folder() as folder, engine_of(folder / "s", Endless):
        assert ask(f"{folder}/s", "GET", "/_ping") == (200, "")
