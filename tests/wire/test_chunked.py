"""A chunked body reads the same in whatever pieces it comes."""

from dataclasses import dataclass

import h11
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from rows import for_each
from wire.chunks import Coded, coded_bodies, nearly_coded, splits

from dockerproxy.wire.chunked import Chunks

TAIL = b"GET /next HTTP/1.1\r\n\r\n"


@dataclass(frozen=True)
class Read:
    """What was made of a body."""

    content: bytes
    broken: str
    ended: bool
    rest: bytes


def read_pieces(pieces: list[bytes]) -> Read:
    """Read pieces until the body has ended or is broken; what was not used comes again, as on a connection."""
    chunks, content, waiting = Chunks(), b"", b"".join(pieces)
    for piece in pieces:
        at = 0
        while at < len(piece):
            fed = chunks.feed(piece[at:])
            content += b"".join(piece[at:][start:end] for start, end in fed.payload)
            at += fed.used
            waiting = waiting[fed.used :]
            if fed.broken or chunks.ended:
                return Read(content, fed.broken, chunks.ended, b"" if fed.broken else waiting)
            assert at == len(piece), "bytes are left although the body goes on"
    return Read(content, "", ended=False, rest=b"")


def by_the_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@given(coded_bodies())
def test_a_body_is_its_content_and_ends_exactly_where_the_next_request_begins(body: Coded) -> None:
    assert read_pieces([body.coded + TAIL]) == Read(body.content, "", ended=True, rest=TAIL)


@given(st.data(), coded_bodies())
def test_a_body_is_the_same_in_whatever_pieces_it_comes(data: st.DataObject, body: Coded) -> None:
    whole = read_pieces([body.coded + TAIL])
    assert read_pieces(data.draw(splits(body.coded + TAIL))) == whole
    assert read_pieces(by_the_byte(body.coded + TAIL)) == whole


@given(st.data(), nearly_coded() | st.binary(max_size=100))
def test_what_is_wrong_with_a_body_does_not_depend_on_the_pieces_it_comes_in(data: st.DataObject, body: bytes) -> None:
    whole = read_pieces([body])
    event(whole.broken or f"ended: {whole.ended}")
    assert read_pieces(data.draw(splits(body))) == whole
    assert read_pieces(by_the_byte(body)) == whole


@given(nearly_coded())
def test_a_body_that_we_read_another_strict_parser_reads_alike(body: bytes) -> None:
    read = read_pieces([body])
    # A blank before an extension is bad but legal (RFC 9112 §7.1.1), and Go takes it; h11 does not.
    # And h11 believes what a trailer says of the framing, of which we believe and pass on nothing.
    assume(read.ended and b" ;" not in body and b"Content-Length" not in body)
    oracle = h11.Connection(h11.SERVER)
    oracle.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    content = b""
    while not isinstance(found := oracle.next_event(), h11.EndOfMessage):
        assert found is not h11.NEED_DATA
        content += found.data if isinstance(found, h11.Data) else b""
    assert (content, oracle.trailing_data[0]) == (read.content, read.rest)


@for_each(
    ("body", "reason"),
    [
        (b"g\r\n", "malformed chunked encoding: a chunk size is not hexadecimal"),
        (b"\r\n", "malformed chunked encoding: a chunk size is not hexadecimal"),
        (b"0x1\r\n", "malformed chunked encoding: a chunk size is not hexadecimal"),
        (b"1\n", "malformed chunked encoding: a line does not end with CRLF"),
        (b"1\r\nab\r\n", "malformed chunked encoding: a chunk is longer than its size"),
        (b"1\r\na\n", "malformed chunked encoding: a line does not end with CRLF"),
        (b"1\r\na" + b"b" * 5000, "malformed chunked encoding: a line is too long"),
        (b"1;" + b"x" * 5000, "malformed chunked encoding: a line is too long"),
        (b"0\r\nno colon\r\n", "malformed chunked encoding: invalid trailer"),
        (b"0\r\n" + b"X: 1\r\n" * 65, "malformed chunked encoding: invalid trailer"),
    ],
)
def test_a_breach_of_the_coding_is_named(body: bytes, reason: str) -> None:
    assert read_pieces([body]).broken == reason
    assert read_pieces(by_the_byte(body)).broken == reason


@pytest.mark.parametrize("trailers", [0, 1, 64])
def test_trailers_are_read_and_dropped(trailers: int) -> None:
    assert read_pieces([b"1\r\na\r\n0\r\n" + b"X: 1\r\n" * trailers + b"\r\n"]) == Read(b"a", "", ended=True, rest=b"")


def test_nothing_is_taken_once_the_body_has_ended() -> None:
    chunks = Chunks()
    assert chunks.feed(b"0\r\n\r\n").used == 5
    assert chunks.feed(TAIL).used == 0
