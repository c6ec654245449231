"""What is denied in HTTP/2 is read by another implementation of it as it is meant, and nothing comes of the rest."""

import itertools
import json
from collections.abc import Iterable
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockerproxy.wire.http2 import SETTINGS, START, Denial

MESSAGE = "Grpc denied: no rule allows it; to allow it, set ALLOW=Grpc, or GRPC=1 to allow more"
ID = "4KD7Q-00"
GRPC = ((":method", "POST"), (":scheme", "http"), (":path", "/moby.buildkit.v1.Control/Info"), (":authority", "x"))
TYPES = ("application/grpc", "application/grpc+proto")
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


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@pytest.mark.parametrize("kind", TYPES)
@given(st.lists(st.integers(0, 500), max_size=5), st.booleans())
def test_a_call_is_answered_with_a_status_and_the_reason(kind: str, places: list[int], end: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    asker, denial = Asker(), Denial(MESSAGE, ID)
    asker.hear(SETTINGS)
    asker.ask(*GRPC, ("content-type", kind), ("te", "trailers"), end=end)
    for piece in cut(asker.sent(), places):
        asker.hear(denial.feed(piece))
    fields = asker.fields()
    assert (fields[":status"], fields["content-type"], fields["grpc-status"]) == ("200", "application/grpc", "7")
    assert unquote(fields["grpc-message"]) == f"{MESSAGE} (decision {ID})"
    assert asker.has(h2.events.StreamEnded)
    assert asker.has(h2.events.ConnectionTerminated)
    assert denial.over


def test_who_is_not_seen_to_speak_grpc_gets_403_and_json() -> None:
    asker, denial = Asker(), Denial(MESSAGE, ID)
    asker.hear(SETTINGS)
    asker.ask((":method", "GET"), (":scheme", "http"), (":path", "/_ping"), (":authority", "x"))
    asker.hear(denial.feed(asker.sent()))
    assert asker.fields()[":status"] == "403"
    data = b"".join(event.data or b"" for event in asker.events if isinstance(event, h2.events.DataReceived))
    assert json.loads(data) == {"message": "unsupported HTTP version; use HTTP/1.1", "decision": ID}
    assert asker.has(h2.events.StreamEnded)


def test_all_calls_that_come_at_once_are_answered_and_the_rest_can_be_asked_again() -> None:
    asker, denial = Asker(), Denial(MESSAGE, ID)
    asker.hear(SETTINGS)
    for stream in (1, 3, 5):
        asker.ask(*GRPC, ("content-type", TYPES[0]), stream=stream)
    asker.hear(denial.feed(asker.sent()))
    assert {asker.fields(stream)["grpc-status"] for stream in (1, 3)} == {"7"}
    [ended] = [event for event in asker.events if isinstance(event, h2.events.ConnectionTerminated)]
    assert (ended.last_stream_id, ended.error_code) == (5, 0)
    assert denial.feed(b"\0" * 1000) == b"" or denial.over


def test_settings_and_pings_are_acknowledged_before_anything_is_asked() -> None:
    asker, denial = Asker(), Denial(MESSAGE, ID)
    asker.hear(SETTINGS)
    asker.connection.ping(b"12345678")
    asker.hear(denial.feed(asker.sent()))
    assert asker.has(h2.events.SettingsAcknowledged)
    assert asker.has(h2.events.PingAckReceived)
    assert not denial.over


@example("x" * 126)
@example("x" * 127)
@example("x" * 254)
@example("x" * 255)
@example("\N{GRINNING FACE}" * 1001)
@given(st.text(max_size=3000))
def test_any_reason_is_a_field_of_one_frame(message: str) -> None:
    asker, denial = Asker(), Denial(message, ID)
    asker.hear(SETTINGS)
    asker.ask(*GRPC, ("content-type", TYPES[0]))
    asker.hear(denial.feed(asker.sent()))
    assert unquote(asker.fields()["grpc-message"]) == (
        f"{message[:1000]} (decision {ID})".encode(errors="replace").decode()
    )


@pytest.mark.parametrize(
    "data",
    [
        b"SM\r\n\r\r",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SM\r\n\r\n" + b"\xff\xff\xff" + bytes(6),
        b"SM\r\n\r\n" + bytes(3) + b"\x01\x04" + bytes(4),
        b"SM\r\n\r\n" + bytes(3) + b"\x01\x04" + b"\0\0\0\x02",
        b"SM\r\n\r\n" + PING * 101,
    ],
)
def test_what_is_no_conversation_is_over(data: bytes) -> None:
    denial = Denial(MESSAGE, ID)
    told = denial.feed(data)
    assert denial.over
    assert told[-17:-8] == b"\0\0\x08\x07" + bytes(5)


@given(st.lists(st.binary(max_size=400) | st.just(PING + bytes(8)), max_size=30), st.booleans())
def test_it_is_over_soon_whatever_comes(pieces: list[bytes], begins: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    denial = Denial(MESSAGE, ID)
    taken = said = 0
    for piece in [b"SM\r\n\r\n"] * begins + pieces:
        taken += len(piece)
        said += len(denial.feed(piece))
        if denial.over:
            break
    assert said <= 17 + 400 * (1 + taken // 9)
