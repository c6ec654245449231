"""What looks at conversations sees what must not be."""

from collections.abc import Callable

import h11
import pytest
from proxy.harness import OK, get, request
from proxy.oracle import Passed, Request, check_client, check_engine, check_records, read_requests
from rows import for_each

from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.wire.answer import write_answer

PING = b"GET /_ping HTTP/1.1\r\nhost: docker\r\n\r\n"
BUILD = b"POST /build HTTP/1.1\r\nhost: docker\r\ntransfer-encoding: chunked\r\n\r\n"
ATTACH = b"POST /containers/x/attach HTTP/1.1\r\nhost: docker\r\nconnection: upgrade\r\nupgrade: tcp\r\n\r\n"
SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
DENIED = write_answer(403, "no", close=False, decision="TESTS-00")


def engine_got(data: bytes, sent: bytes = b"", tunnel_behind: int | None = None, client_sent: bytes = b"") -> list[str]:
    return [request.line for request in check_engine([Passed(data, sent, tunnel_behind)], client_sent)]


def record(
    target: str = "/_ping", decision: Outcome = Outcome.ALLOWED, status: int = 200, method: str = "GET"
) -> Record:
    return Record("docker", Peer(1, 2, 3), method, target, "x", "", decision, "", "", status, 0, 0, 0.1)


def client_got(data: bytes, *sent: bytes) -> None:
    check_client(data, [Passed(b"", said, None) for said in sent])


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_body_is_the_same_however_its_chunks_are_cut(size: int) -> None:
    content = b"GET / HTTP/1.1\r\n\r\n"
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    first, second = read_requests(BUILD + coded + b"0\r\n\r\n" + PING).requests
    assert (first.line, first.body, first.is_whole) == ("POST /build", content, True)
    assert (second.line, second.is_whole) == ("GET /_ping", True)
    [unfinished] = read_requests(BUILD + coded).requests
    assert (unfinished.body, unfinished.is_whole) == (content, False)


def test_requests_in_their_one_spelling_are_well() -> None:
    assert engine_got(PING + BUILD + b"0\r\n\r\n" + PING) == ["GET /_ping", "POST /build", "GET /_ping"]
    assert engine_got(PING + BUILD + b"5\r\nab") == ["GET /_ping", "POST /build"]
    assert engine_got(PING + PING[:-2]) == ["GET /_ping"]


@for_each(
    "got",
    [
        get("/_ping"),
        PING.replace(b"_ping", b"%5fping"),
        PING.replace(b"docker", b"docker\r\nX: y"),
        PING.replace(b"\r\n\r\n", b"\r\nconnection: keep-alive\r\n\r\n"),
        PING.replace(b"/_ping", b"/volumes/../_ping"),
        request("POST", "/build", "Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        PING + b"\r\n\r\n",
        PING + b"{}\r\n\r\n",
        BUILD + b"x\r\n",
        BUILD + b"2\r\n{}X\r\n",
    ],
)
def test_what_is_no_request_of_ours_is_seen(got: bytes) -> None:
    with pytest.raises((AssertionError, h11.RemoteProtocolError)):
        engine_got(got)


def test_behind_a_request_are_requests_unless_the_engine_has_agreed_to_a_tunnel() -> None:
    assert engine_got(ATTACH + b"\0raw\r\n\r\n", SWITCH, 1, b"\0raw\r\n\r\n") == ["POST /containers/x/attach"]
    for sent, behind, client_sent in (
        (OK, 1, b"\0raw\r\n\r\n"),
        (SWITCH, None, b"\0raw\r\n\r\n"),
        (SWITCH, 1, b"other"),
    ):
        with pytest.raises((AssertionError, h11.RemoteProtocolError)):
            engine_got(ATTACH + b"\0raw\r\n\r\n", sent, behind, client_sent)
    with pytest.raises(AssertionError):
        engine_got(PING + b"raw", SWITCH, 1, b"raw")


PINGED = Request(PING, "GET /_ping", b"", is_whole=True)
HALF = Request(BUILD, "POST /build", b"ab", is_whole=False)


@for_each(
    ("requests", "records"),
    [
        ([PINGED], []),
        ([PINGED, PINGED], [record()]),
        ([PINGED], [record(decision=Outcome.DENIED)]),
        ([PINGED], [record(decision=Outcome.REFUSED)]),
        ([PINGED], [record("/info")]),
        ([], [record()]),
        ([PINGED], [record(), record()]),
        ([HALF], [record()]),
    ],
)
def test_a_request_without_a_record_of_its_own_is_seen_and_a_record_without_its_request(
    requests: list[Request], records: list[Record]
) -> None:
    with pytest.raises(AssertionError):
        check_records(requests, records)


def test_each_request_has_its_record() -> None:
    check_records([PINGED, PINGED], [record(), record("/info", Outcome.DENIED, 403), record()])
    check_records([], [record(status=0), record(status=503), record("", Outcome.REFUSED, 400)])
    check_records([HALF], [record("/build", Outcome.REFUSED, 400, "POST")])


@pytest.mark.parametrize(
    "check",
    [
        lambda: client_got(b""),
        lambda: client_got(OK, OK),
        lambda: client_got(OK + DENIED + SWITCH, OK + b"dropped", SWITCH),
        lambda: client_got(DENIED + OK[:-1] + DENIED, OK),
        lambda: client_got(b"HTTP/1.1 100 Continue\r\n\r\n" + DENIED),
        lambda: client_got(OK + OK, OK + b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    ],
)
def test_answers_of_its_own_engine_and_of_ours_are_well(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    [
        lambda: client_got(OK),
        lambda: client_got(OK + OK, OK),
        lambda: client_got(SWITCH + OK, OK, SWITCH),
        lambda: client_got(OK.replace(b"OK", b"KO"), OK),
        lambda: client_got(DENIED.replace(b"message", b"massage")),
    ],
)
def test_an_answer_that_nobody_gave_or_that_comes_twice_is_seen(check: Callable[[], None]) -> None:
    with pytest.raises(AssertionError):
        check()
