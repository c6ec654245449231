"""Heads have one reading or none, and what is written reads as what was understood."""

import h11
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from rows import for_each
from wire.heads import Reading, heads, read_head, readable_heads, refusal_of

from dockerproxy.errors import Refusal
from dockerproxy.wire.head import (
    END_OF_HEAD,
    MAX_FIELDS,
    Framing,
    MediaType,
    RequestHead,
    ResponseHead,
    parse_request,
    parse_response,
    peek,
    read_response,
    write_request,
)

# h11 takes no raw bytes above ASCII in a target. Go does and so do we, so here they are all the same letter.
PLAIN = bytes(byte if byte < 0x80 else ord("x") for byte in range(256))


def read_with_h11(head: bytes) -> Reading:
    """Read with h11, and find out what body it expects by giving it one."""
    oracle = h11.Connection(h11.SERVER)
    oracle.receive_data(head.translate(PLAIN))
    request = oracle.next_event()
    assert isinstance(request, h11.Request)
    expects_continue = oracle.they_are_waiting_for_100_continue
    framing, length = Framing.NONE, 0
    if oracle.next_event() is h11.NEED_DATA:
        framing = Framing.CHUNKED
        for length in range(1, 100):
            oracle.receive_data(b"0\r\n\r\n"[length - 1 : length] or b".")
            found = oracle.next_event()
            if isinstance(found, h11.Data):
                framing = Framing.LENGTH
                found = oracle.next_event()
            if isinstance(found, h11.EndOfMessage):
                break
    return Reading(
        method=request.method,
        target=request.target,
        minor=int(request.http_version[2:]),
        framing=framing,
        length=length if framing is Framing.LENGTH else 0,
        expects_continue=expects_continue,
    )


def reading_of(head: RequestHead) -> Reading:
    return Reading(
        method=head.method,
        target=head.target.translate(PLAIN),
        minor=head.minor,
        framing=head.framing,
        length=head.length,
        expects_continue=head.expects_continue,
    )


@given(st.binary(max_size=200) | heads())
def test_any_bytes_are_a_head_or_a_refusal_and_nothing_is_raised(data: bytes) -> None:
    parsed = parse_request(data + END_OF_HEAD)
    assert isinstance(parsed, RequestHead | Refusal)
    if isinstance(parsed, Refusal):
        assert parsed.status in {400, 417, 431}
        assert parsed.reason.isprintable()


@given(heads())
def test_what_we_accept_another_strict_parser_reads_alike(head: bytes) -> None:
    parsed = parse_request(head)
    event(type(parsed).__name__)
    if isinstance(parsed, RequestHead) and parsed.length < 50:
        assert read_with_h11(head) == reading_of(parsed)


@given(heads())
def test_what_is_written_another_strict_parser_reads_as_it_was_meant(head: bytes) -> None:
    parsed = parse_request(head)
    if isinstance(parsed, RequestHead) and parsed.length < 50:
        assert read_with_h11(write_request(parsed, parsed.target, upgrade=True)) == reading_of(parsed)


@given(readable_heads())
def test_a_written_head_reads_as_the_head_it_was_written_from(head: RequestHead) -> None:
    # An upgrade says what becomes of the connection, so closing it is not spoken of as well.
    expected = head._replace(close=head.minor == 0) if head.upgrade else head
    assert parse_request(write_request(head, head.target, upgrade=True)) == expected


@given(readable_heads())
def test_where_nothing_becomes_a_tunnel_no_upgrade_is_passed_on(head: RequestHead) -> None:
    written = parse_request(write_request(head, head.target, upgrade=False))
    assert written == head._replace(upgrade=b"")


@given(heads())
def test_what_goes_to_the_engine_is_written_in_one_way_only(head: bytes) -> None:
    parsed = parse_request(head)
    if isinstance(parsed, RequestHead):
        written = write_request(parsed, b"/judged", upgrade=True)
        again = parse_request(written)
        assert isinstance(again, RequestHead)
        assert write_request(again, b"/judged", upgrade=True) == written


def test_a_head_is_taken_apart_into_what_the_proxy_must_know() -> None:
    fields = ("User-Agent: curl", "CONTENT-TYPE:\tApplication/JSON ", "Content-Length: 012", "Connection: Close")
    assert read_head(*fields, line="POST /containers/create HTTP/1.1") == RequestHead(
        method=b"POST",
        target=b"/containers/create",
        minor=1,
        fields=((b"host", b"docker"), (b"user-agent", b"curl"), (b"content-type", b"Application/JSON")),
        framing=Framing.LENGTH,
        length=12,
        declares_length=True,
        close=True,
        expects_continue=False,
        upgrade=b"",
        media_type=MediaType("application/json"),
    )


@pytest.mark.parametrize(
    ("field", "framing", "length"),
    [
        ("Content-Length: 0", Framing.NONE, 0),
        ("Content-Length: 1", Framing.LENGTH, 1),
        ("Content-Length: 999999999999999999", Framing.LENGTH, 10**18 - 1),
        ("Transfer-Encoding: chunked", Framing.CHUNKED, 0),
        ("Transfer-Encoding: ChUnKeD", Framing.CHUNKED, 0),
        ("X-Nothing: 1", Framing.NONE, 0),
    ],
)
def test_the_end_of_a_body_is_known_from_its_head(field: str, framing: Framing, length: int) -> None:
    head = read_head(field, line="POST /x HTTP/1.1")
    assert (head.framing, head.length) == (framing, length)


@for_each(
    ("fields", "minor", "closes"),
    [
        ((), 1, False),
        ((), 0, True),
        (("Connection: keep-alive",), 0, True),
        (("Connection: close",), 1, True),
        (("Connection: x, CLOSE ,y",), 1, True),
        (("Connection: x", "Connection: close"), 1, True),
        (("Connection: closed",), 1, False),
        (("X: close",), 1, False),
    ],
)
def test_a_client_that_wants_the_connection_closed_is_understood(
    fields: tuple[str, ...], minor: int, *, closes: bool
) -> None:
    assert read_head(*fields, line=f"GET /x HTTP/1.{minor}").close is closes


@pytest.mark.parametrize(
    "name", ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"]
)
def test_a_field_about_the_connection_goes_no_further(name: str) -> None:
    assert read_head(f"{name}: value").fields == ((b"host", b"docker"),)


def test_a_field_that_the_connection_names_goes_no_further_but_the_host_does() -> None:
    head = read_head("X-Gone: 1", "X-Stays: 2", "Connection: x-gone, host")
    assert head.fields == ((b"host", b"docker"), (b"x-stays", b"2"))


def test_fields_keep_their_order_and_their_repetitions() -> None:
    head = read_head("X-Meta-B: 1", "X-Meta-A: 2", "X-Meta-B: 3")
    assert head.fields[1:] == ((b"x-meta-b", b"1"), (b"x-meta-a", b"2"), (b"x-meta-b", b"3"))


def test_an_exact_number_of_fields_is_the_bound() -> None:
    most = [f"X-{number}: 1" for number in range(MAX_FIELDS - 1)]  # The host is one, too.
    assert len(read_head(*most).fields) == MAX_FIELDS
    assert refusal_of(*most, "One: more") == Refusal(431, f"the request has more than {MAX_FIELDS} headers")


def test_an_expectation_is_met_or_refused() -> None:
    assert read_head("Expect: 100-Continue").expects_continue
    assert refusal_of("Expect: 200-maybe").status == 417
    assert refusal_of("Expect: 100-continue", line="GET / HTTP/1.0").status == 417


def test_http_1_0_needs_no_host() -> None:
    assert read_head(line="GET / HTTP/1.0", host=None).fields == ()


def test_what_is_quoted_of_a_client_is_short_and_harmless() -> None:
    reason = refusal_of("\x1b[31m" + "x" * 500).reason
    assert len(reason) < 100
    assert reason.isprintable()


def response_of(*fields: str, line: str = "HTTP/1.1 200 OK") -> ResponseHead | None:
    return parse_response("\r\n".join([line, *fields, "", ""]).encode("latin-1"))


def framed(status: int, framing: Framing, length: int = 0, *, close: bool = False, raw: bool = False) -> ResponseHead:
    return ResponseHead(status, framing, length, close, raw)


OK = "HTTP/1.1 200 OK"


@for_each(
    ("line", "fields", "expected"),
    [
        (OK, ("Content-Length: 5",), framed(200, Framing.LENGTH, 5)),
        (OK, ("Content-Length: 0",), framed(200, Framing.LENGTH, 0)),
        (OK, ("Transfer-Encoding: chunked",), framed(200, Framing.CHUNKED)),
        (OK, (), framed(200, Framing.CLOSE, close=False)),
        ("HTTP/1.1 200", ("Content-Length: 5",), framed(200, Framing.LENGTH, 5)),
        ("HTTP/1.1 204 No Content", ("Content-Length: 5",), framed(204, Framing.NONE)),
        ("HTTP/1.1 304 Not Modified", ("Transfer-Encoding: chunked",), framed(304, Framing.NONE)),
        ("HTTP/1.1 100 Continue", (), framed(100, Framing.NONE)),
        ("HTTP/1.1 101 UPGRADED", ("Connection: Upgrade",), framed(101, Framing.NONE)),
        ("HTTP/1.1 404 x", ("Content-Length: 1", "Connection: close"), framed(404, Framing.LENGTH, 1, close=True)),
        ("HTTP/1.0 200 OK", ("Content-Length: 1",), framed(200, Framing.LENGTH, 1, close=True)),
        ("HTTP/1.0 200 OK", ("Content-Length: 1", "Connection: keep-alive"), framed(200, Framing.LENGTH, 1)),
        (
            OK,
            ("Content-Type: application/vnd.docker.raw-stream",),
            framed(200, Framing.CLOSE, close=False, raw=True),
        ),
        (
            OK,
            ("Content-Type: application/vnd.docker.multiplexed-stream",),
            framed(200, Framing.CLOSE, close=False, raw=True),
        ),
    ],
)
def test_the_end_of_a_response_is_known_from_its_head(
    line: str, fields: tuple[str, ...], expected: ResponseHead
) -> None:
    assert response_of(*fields, line=line) == expected


@for_each(
    ("line", "fields"),
    [
        ("HTTP/2.0 200 OK", ()),
        ("HTTP/1.2 200 OK", ()),
        ("HTTP/1.1 99 Low", ()),
        ("HTTP/1.1 2000 High", ()),
        ("HTTP/1.1 200OK", ()),
        ("HTTP/1.1  200 OK", ()),
        ("garbage", ()),
        ("", ()),
        ("HTTP/1.1 200 OK", ("no colon",)),
        ("HTTP/1.1 200 OK", (" folded",)),
        ("HTTP/1.1 200 OK", ("Content-Length: x",)),
        ("HTTP/1.1 200 OK", ("Content-Length: 5", "Content-Length: 5")),
        ("HTTP/1.1 200 OK", ("Content-Length: 5", "Transfer-Encoding: chunked")),
        ("HTTP/1.1 200 OK", ("Transfer-Encoding: gzip, chunked",)),
        ("HTTP/1.1 200 OK", ("Transfer-Encoding: identity",)),
    ],
)
def test_a_response_without_a_single_reading_is_none(line: str, fields: tuple[str, ...]) -> None:
    assert response_of(*fields, line=line) is None


STATUS_LINES = st.sampled_from(
    ["HTTP/1.1 200 OK"] * 5 + ["HTTP/1.1 204 x", "HTTP/1.1 404", "HTTP/1.0 200 OK", "HTTP/1.1 304 x", "HTTP/1.1 20 x"]
)
RESPONSE_FIELDS = st.sampled_from(
    [
        *("Content-Length: 3", "content-length: 0", "Content-Length: 3, 3", "Content-Length: -1", "Content-Length:"),
        *("Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: identity", "X: \xff"),
        *("Connection: close", "Content-Type: application/json", " folded", "Bad name: 1", "Api-Version: 1.45"),
    ]
)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    lines = [draw(STATUS_LINES), *draw(st.lists(RESPONSE_FIELDS, max_size=3))]
    return "\r\n".join(lines).encode("latin-1") + END_OF_HEAD


@given(st.binary(max_size=100) | responses())
def test_any_bytes_are_a_response_head_or_none_and_nothing_is_raised(data: bytes) -> None:
    assert isinstance(parse_response(data + END_OF_HEAD), ResponseHead | None)


@given(responses())
def test_a_response_that_we_read_another_strict_parser_reads_alike(data: bytes) -> None:
    parsed = parse_response(data)
    if parsed is None:
        return
    oracle = h11.Connection(h11.CLIENT)
    oracle.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    oracle.send(h11.EndOfMessage())
    bodies = {
        Framing.NONE: b"",
        Framing.LENGTH: b"." * parsed.length,
        Framing.CHUNKED: b"3\r\nabc\r\n0\r\n\r\n",
        Framing.CLOSE: b"whatever comes",
    }
    oracle.receive_data(data + bodies[parsed.framing])
    response = oracle.next_event()
    assert isinstance(response, h11.Response)
    assert response.status_code == parsed.status
    found = [oracle.next_event() for _ in range(2)]
    if parsed.framing is Framing.CLOSE:
        assert isinstance(found[0], h11.Data)
        assert found[1] is h11.NEED_DATA
    else:
        assert h11.EndOfMessage in map(type, found)
        assert oracle.trailing_data == (b"", False)


@pytest.mark.parametrize(
    ("fields", "minor", "status", "wanted"),
    [
        ((), 1, 100, False),
        (("Expect: 100-continue",), 1, 100, True),
        ((), 1, 102, True),
        ((), 1, 101, True),
        ((), 0, 102, False),
    ],
)
def test_an_interim_answer_reaches_a_client_that_can_make_sense_of_it(
    fields: tuple[str, ...], minor: int, status: int, *, wanted: bool
) -> None:
    assert read_head(*fields, line=f"GET / HTTP/1.{minor}").wants_interim(status) is wanted


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "/x")),
        (b"GET /x y HTTP/1.1\r\n", ("GET", "/x y")),
        (b"GET /x", ("GET", "/x")),
        (b"GET", ("GET", "")),
        (b"", ("", "")),
        (b"\xff\0 x y", ("\xff\0", "x")),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1", ("GET", "/" + "x" * 2043)),
    ],
)
def test_of_a_head_without_a_reading_the_record_shows_the_beginning(head: bytes, shown: tuple[str, str]) -> None:
    assert peek(head) == shown


@given(st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 2 OK\r\n"]), st.sampled_from([0, 10, 3000]))
def test_a_response_that_is_remembered_is_read_alike(line: bytes, size: int) -> None:
    head = line + b"X: " + b"x" * size + END_OF_HEAD
    assert read_response(head) == read_response(head) == parse_response(head)
