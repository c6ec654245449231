"""Requests: from the bytes on a connection to what goes to the engine, which has one reading for whoever reads it."""

from typing import Final

import h11
from fuzz.grants import EVERYTHING, NARROW
from fuzz.messages import check_message, check_refusal
from fuzz.pieces import cut
from fuzz.serving import Connection, Exchange, serve, serve_again

from dockerproxy.api.catalog import HEALTH
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.steps import PlanKind
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, parse_request, peek

_OF_CONNECTION: Final = frozenset({b"connection", b"upgrade", b"expect", b"content-length", b"transfer-encoding"})
_ONCE: Final = (b"content-length", b"transfer-encoding", b"host", b"content-type", b"expect", b"upgrade")


def read(data: bytes) -> object:
    """Read what a client sends, once."""
    return serve(NARROW, [data])


def check(data: bytes) -> None:
    """Check what becomes of what a client sends."""
    assert all(len(shown) <= len(data) for shown in peek(data))
    for policy in (EVERYTHING, NARROW):
        whole = serve(policy, [data])
        _check_answers(whole)
        for pieces in cut(data):
            assert _view(serve(policy, pieces)) == _view(whole)
        for exchange in whole.exchanges:
            if exchange.to_engine:
                _check_plain(exchange.came)
                _check_plain(exchange.to_engine.partition(END_OF_HEAD)[0] + END_OF_HEAD)
                _check_target(exchange)
                _check_again(policy, exchange)
                _check_with_h11(exchange)


def _check_answers(served: Connection) -> None:
    """Whatever came has an answer."""
    if served.refusal is not None:
        check_refusal(served.refusal)
    for exchange in served.exchanges:
        if not isinstance(exchange.judged, Verdict):  # Its body is still to come.
            assert not exchange.to_engine
            continue
        decision = exchange.judged.decision
        assert exchange.judged.passes is decision.allowed is bool(exchange.to_engine)
        assert decision.allowed or decision.message
        check_message(decision)


def _view(served: Connection) -> object:
    """Return what must not depend on the pieces.

    How content is framed does, and of a body that turns out to be broken how much went on before that.
    """
    exchanges = [(each.judged, _read_plainly(each), each.is_whole) for each in served.exchanges]
    if served.refusal is not None and exchanges and not exchanges[-1][2]:
        exchanges[-1] = (exchanges[-1][0], (b"", b""), False)
    return exchanges, served.refusal is None


def _read_plainly(exchange: Exchange) -> tuple[bytes, bytes]:
    """Take apart what the engine gets: a head, and the content that it frames."""
    head, _, body = exchange.to_engine.partition(END_OF_HEAD)
    parsed = parse_request(head + END_OF_HEAD)
    if not head or getattr(parsed, "framing", None) is not Framing.CHUNKED:
        return head, body
    chunks = Chunks()
    fed = chunks.feed(body)
    assert not fed.broken
    assert fed.used == len(body)
    assert chunks.ended is exchange.is_whole
    return head, b"".join(body[start:end] for start, end in fed.payload)


def _check_plain(head: bytes) -> None:
    """A head is of plain lines, and says once what may be said once."""
    lines = head.removesuffix(END_OF_HEAD).split(b"\r\n")
    assert not any(byte < 0x20 and byte != 0x09 for line in lines for byte in line)
    names = [line.partition(b":")[0].lower() for line in lines[1:]]
    assert all(names.count(name) <= 1 for name in _ONCE)
    assert not {b"content-length", b"transfer-encoding"} <= set(names)


def _check_target(exchange: Exchange) -> None:
    """What goes on has a path of plain segments, and a query without what two readers might take apart differently."""
    path, _, query = exchange.to_engine.split(b" ", 2)[1].partition(b"?")
    assert not {b"", b".", b".."} & set(path.split(b"/")[1:])
    assert not set(path) & set(b'%?#\\"<>')
    assert not set(query) & set(b";#+ ")


def _check_again(policy: CompiledPolicy, exchange: Exchange) -> None:
    """What goes on would be judged the same, and go on the same. A health check and a build become other requests."""
    judged = exchange.judged
    assert isinstance(judged, Verdict)
    is_build = judged.operation is not None and judged.operation.name == "ImageBuild"
    if judged.operation is HEALTH or (is_build and judged.decision.plan is PlanKind.BUILD):
        return
    again = serve_again(policy, exchange)
    assert again.refusal is None, again.refusal
    (found,) = again.exchanges
    assert isinstance(found.judged, Verdict)
    assert found.judged.operation is judged.operation
    assert found.judged.decision._replace(query={}) == judged.decision._replace(query={})
    assert _read_plainly(found) == _read_plainly(exchange)
    assert found.is_whole is exchange.is_whole


def _check_with_h11(exchange: Exchange) -> None:
    """Another strict parser reads in what goes on what was understood."""
    judged = exchange.judged
    assert isinstance(judged, Verdict)
    oracle = h11.Connection(h11.SERVER, max_incomplete_event_size=2**21)
    oracle.receive_data(exchange.to_engine)
    request, content = oracle.next_event(), b""
    assert isinstance(request, h11.Request)
    while isinstance(found := oracle.next_event(), h11.Data):
        content += found.data
    assert isinstance(found, h11.EndOfMessage) is exchange.is_whole
    assert oracle.trailing_data[0] == b""
    assert content == _read_plainly(exchange)[1]
    if judged.operation is HEALTH:
        return
    target = exchange.to_engine.split(b" ", 2)[1]
    assert (request.method, request.target) == (judged.request.method.encode(), target)
    assert request.http_version == b"1.%d" % judged.head.minor
    fields = [(name, value) for name, value in request.headers if name not in _OF_CONNECTION]
    assert fields == [field for field in judged.head.fields if field[0] not in _OF_CONNECTION]
    assert all(name not in _OF_CONNECTION for name, _ in judged.head.fields)
