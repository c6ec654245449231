"""What is denied in HTTP/2 is read by another implementation of it as it is meant, and nothing comes of the rest."""

import itertools
import re
from collections.abc import Iterable
from urllib.parse import quote

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockerproxy.wire.http2 import SETTINGS, START, deny_http2

GRPC = ((":method", "POST"), (":scheme", "http"), (":path", "/moby.buildkit.v1.Control/Info"), (":authority", "x"))
TYPES = ("application/grpc", "application/grpc+proto")
PRINTED = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
SAYS = 'Grpc denied: "é" & 100 %'
PING = bytes(3) + b"\x06\x00" + bytes(4)


class Asker:
    """A client of HTTP/2."""

    def __init__(self) -> None:
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.events: list[h2.events.Event] = []

    def ask(self, *fields: tuple[str, str], end: bool = True, stream: int = 1) -> None:
        self.connection.send_headers(stream, fields, end_stream=end)

    def sent(self) -> bytes:
        """What follows the first line of the preface, or what was not taken yet."""
        return self.connection.data_to_send().removeprefix(START)

    def hear(self, data: bytes) -> None:
        self.events += self.connection.receive_data(data)

    def fields(self, stream: int = 1) -> dict[str, str]:
        """The fields of the answer."""
        answers = (event for event in self.events if isinstance(event, h2.events.ResponseReceived))
        [fields] = [answer.headers for answer in answers if answer.stream_id == stream]
        return {str(name): str(value) for name, value in fields or ()}

    def has(self, kind: type[h2.events.Event]) -> bool:
        return any(isinstance(event, kind) for event in self.events)


def feed(pieces: Iterable[bytes], says: str = SAYS) -> bytes:
    """Return what is said to pieces that follow the first line, at the first of them that ends the connection."""
    inbox = bytearray(START)
    for piece in pieces:
        inbox += piece
        if told := deny_http2(inbox, says):
            return told
    return b""


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@pytest.mark.parametrize("kind", TYPES)
@given(st.lists(st.integers(0, 500), max_size=5), st.booleans())
def test_a_call_is_answered_with_a_status_and_where_the_reason_is(kind: str, places: list[int], end: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    asker = Asker()
    asker.hear(SETTINGS)
    asker.ask(*GRPC, ("content-type", kind), ("te", "trailers"), end=end)
    asker.hear(feed(cut(asker.sent(), places)))
    fields = asker.fields()
    assert (fields[":status"], fields["content-type"], fields["grpc-status"]) == ("200", "application/grpc", "7")
    assert fields["grpc-message"] == 'Grpc denied: "%C3%A9" & 100 %25'
    for kind_of in (h2.events.SettingsAcknowledged, h2.events.StreamEnded, h2.events.ConnectionTerminated):
        assert asker.has(kind_of)


def test_who_is_not_seen_to_speak_grpc_gets_403() -> None:
    asker = Asker()
    asker.hear(SETTINGS)
    asker.ask((":method", "GET"), (":scheme", "http"), (":path", "/_ping"), (":authority", "x"))
    asker.hear(feed([asker.sent()]))
    assert asker.fields() == {":status": "403"}
    assert asker.has(h2.events.StreamEnded)


def test_of_calls_that_come_at_once_the_first_is_answered_and_the_others_can_be_asked_again() -> None:
    asker = Asker()
    asker.hear(SETTINGS)
    for stream in (1, 3, 5):
        asker.ask(*GRPC, ("content-type", TYPES[0]), stream=stream)
    asker.hear(feed([asker.sent()]))
    assert asker.fields(1)["grpc-status"] == "7"
    [ended] = [event for event in asker.events if isinstance(event, h2.events.ConnectionTerminated)]
    assert (ended.last_stream_id, ended.error_code) == (1, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"SM\r\n\r\r",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SM\r\n\r\n" + b"\xff\xff\xff" + bytes(6),
        b"SM\r\n\r\n" + bytes(3) + b"\x01\x04" + bytes(4),
        b"SM\r\n\r\n" + bytes(3) + b"\x01\x04" + b"\0\0\0\x02",
        b"SM\r\n\r\n" + PING * 101,
        b"SM\r\n\r\n" + 2 * (b"\0\x40\0\x04\0" + bytes(4 + 16384)),
    ],
)
def test_what_is_no_conversation_is_over(data: bytes) -> None:
    told = feed([data])
    assert told[-17:-8] == b"\0\0\x08\x07" + bytes(5)


@given(st.lists(st.binary(max_size=400) | st.just(PING + bytes(8)), max_size=30), st.booleans())
def test_it_is_over_soon_whatever_comes(pieces: list[bytes], begins: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    told = feed([b"SM\r\n\r\n"] * begins + pieces)
    assert len(told) <= 300
    assert feed([b"SM\r\n\r\n"] * begins + pieces + [bytes(9)] * 5000)


@example(" ")
@example(" a  ")
@example("x" * 8191 + " y")
@given(st.one_of(st.text(max_size=400), st.integers(0, 9000).map("é".__mul__), st.integers(0, 9000).map("x".__mul__)))
def test_a_message_of_any_length_is_read_as_it_is_or_up_to_where_it_is_cut(says: str) -> None:
    asker = Asker()
    asker.hear(SETTINGS)
    asker.ask(*GRPC, ("content-type", TYPES[0]))
    asker.hear(feed([asker.sent()], says))
    written = asker.fields()["grpc-message"]
    quoted = re.sub("^ | $", "%20", quote(says, safe=PRINTED, errors="replace"))
    assert written == quoted[:8192].rstrip(" ")
