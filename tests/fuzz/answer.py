"""Answers of the engine, and the chunked coding in both directions: where a message ends does not depend on pieces."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import h11
from fuzz.pieces import cut
from wire.heads import read_head

from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead, parse_response
from dockerproxy.wire.incoming import HeldBody, RequestBody

_CHUNKED = read_head("Transfer-Encoding: chunked", line="POST /x HTTP/1.1")
_SWITCHING = 101
_MOST_HELD = 64


@dataclass(frozen=True)
class Body:
    """What was made of a chunked body.

    Attributes:
        content: Of its chunks.
        used: Bytes that belong to it.
        is_whole: Whether its end was seen.
        broken: Why it has no reading, or empty.
    """

    content: bytes
    used: int
    is_whole: bool
    broken: str


def read(data: bytes) -> object:
    """Read an answer, once."""
    head, _, body = data.partition(END_OF_HEAD)
    return parse_response(head + END_OF_HEAD), _read_chunks([body]), _read_request([body])


def check(data: bytes) -> None:
    """Check what is made of an answer; of its body, what is made of it as one of a request as well."""
    head, end, body = data.partition(END_OF_HEAD)
    parsed = parse_response(head + END_OF_HEAD)
    whole = _read_chunks([body])
    for pieces in cut(body):
        assert _read_chunks(pieces) == whole
    _check_request(body, whole)
    if parsed is not None:
        assert parsed.length == 0 or parsed.framing is Framing.LENGTH
        if end and parsed.status != _SWITCHING:
            _check_with_h11(parsed, data, whole)


def _read_chunks(pieces: list[bytes]) -> Body:
    """Read a chunked body until it ends or is broken; never is more claimed than has come."""
    chunks, content, used = Chunks(), b"", 0
    for piece in pieces:
        fed = chunks.feed(piece)
        assert fed.used == len(piece) or (fed.used < len(piece) and (fed.broken or chunks.ended))
        at = 0
        for start, end in fed.payload:
            assert at <= start < end <= len(piece)
            at = end
        assert at <= fed.used or fed.broken
        content += b"".join(piece[start:end] for start, end in fed.payload)
        used += fed.used
        if fed.broken or chunks.ended:
            assert not (fed.broken and chunks.ended)
            return replace(Body(content, used, chunks.ended, fed.broken), used=0 if fed.broken else used)
    return Body(content, used, is_whole=False, broken="")


def _read_request(pieces: list[bytes]) -> tuple[RequestBody, bytes, int]:
    body, to_engine, used = RequestBody(_CHUNKED), b"", 0
    for piece in pieces:
        left = piece
        while left and not (body.complete or body.broken):
            passed, taken = body.feed(left)
            to_engine += b"".join(passed)
            used, left = used + taken, left[taken:]
    return body, to_engine, used


def _check_request(data: bytes, whole: Body) -> None:
    """What goes on of the body of a request has the same content, in chunks that anyone reads alike."""
    for pieces in ([data], *cut(data)):
        body, to_engine, used = _read_request(pieces)
        assert (body.complete, body.broken) == (whole.is_whole, whole.broken)
        assert whole.broken or (body.received, used) == (len(whole.content), whole.used)
        again = _read_chunks([to_engine])
        assert (again.broken, again.is_whole, again.used) == ("", whole.is_whole, len(to_engine))
        assert again.content == whole.content
        _check_written(to_engine, whole)
    held = HeldBody(_CHUNKED, _MOST_HELD)
    while data and not (held.complete or held.broken):
        data = data[held.feed(data)[1] :]
    assert bytes(held.content) == whole.content
    assert bool(held.broken) is bool(whole.broken or len(whole.content) > _MOST_HELD)


def _check_written(to_engine: bytes, whole: Body) -> None:
    """Another strict parser reads in what goes on what was understood."""
    oracle = h11.Connection(h11.SERVER)
    oracle.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + to_engine)
    _, *found = _read_events(oracle)
    assert b"".join(event.data for event in found if isinstance(event, h11.Data)) == whole.content
    assert isinstance(found[-1], h11.EndOfMessage) if whole.is_whole and found else not whole.is_whole
    assert oracle.trailing_data[0] == b""


def _check_with_h11(parsed: ResponseHead, data: bytes, chunked: Body) -> None:
    """Another parser ends an answer where we do, if both take it for one."""
    oracle = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**21)
    oracle.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    oracle.send(h11.EndOfMessage())
    oracle.receive_data(data)
    try:
        response, *found = _read_events(oracle)
    except h11.RemoteProtocolError:
        return
    assert isinstance(response, h11.Response | h11.InformationalResponse)
    assert response.status_code == parsed.status
    if isinstance(response, h11.InformationalResponse) or (parsed.framing is Framing.CHUNKED and chunked.broken):
        return
    body = data.partition(END_OF_HEAD)[2]
    content, is_whole = {
        Framing.NONE: (b"", True),
        Framing.LENGTH: (body[: parsed.length], len(body) >= parsed.length),
        Framing.CHUNKED: (chunked.content, chunked.is_whole),
        Framing.CLOSE: (body, False),
    }[parsed.framing]
    assert b"".join(event.data for event in found if isinstance(event, h11.Data)) == content
    assert is_whole is any(isinstance(event, h11.EndOfMessage) for event in found)


def _read_events(oracle: h11.Connection) -> list[object]:
    """Return what a parser finds in what it was given, as far as that goes."""
    return list(_iterate_events(oracle))


def _iterate_events(oracle: h11.Connection) -> Iterator[object]:
    while True:
        event = oracle.next_event()
        if event in (h11.NEED_DATA, h11.PAUSED):
            return
        yield event
        if isinstance(event, h11.EndOfMessage | h11.InformationalResponse):
            return
