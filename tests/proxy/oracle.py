"""What must be true of every conversation, whatever its transcript says; read by h11, which is not of our making."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import h11
from wire.test_corpus import EVERYTHING

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.observe.record import MAX_TARGET, Outcome, Record
from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Verdict

_LONGEST = 2**21
_OURS = re.compile(
    rb"HTTP/1\.1 \d{3} [A-Z][A-Za-z ]+\r\nContent-Type: application/json\r\nContent-Length: (\d+)\r\n"
    rb"(?:Connection: close\r\n)?\r\n"
)
_OUR_HOST = re.compile(rb"\A[^\r\n]+\r\nhost: dockerproxy\r\n")
_OUR_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
_SWITCH = re.compile(
    rb"HTTP/1\.1 (?:101 |200 [^\n]*\n(?:[^\r\n]+\r\n)*?Content-Type: application/vnd\.docker\.).*?\r\n\r\n", re.DOTALL
)
_PIECE = 8
_NOT_SENT = (502, 503)
"""What the client of an allowed request is told when the engine cannot be reached, or goes at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the engine reads it.

    Attributes:
        head: Its bytes.
        line: Method and target.
        body: As much of it as has come, without its framing.
        is_whole: Whether the end of it has come.
    """

    head: bytes
    line: str
    body: bytes = b""
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the engine makes of all bytes of a connection.

    Attributes:
        requests: One after the other.
        rest: What is no request yet, or what has come through a tunnel.
    """

    requests: tuple[Request, ...]
    rest: bytes


@lru_cache(maxsize=64)
def read_requests(data: bytes, tunnel_behind: int | None = None) -> Reading:
    """Read what the engine has got over one connection.

    Args:
        data: All of it.
        tunnel_behind: The number of requests after which the connection is none of HTTP's.

    Raises:
        h11.RemoteProtocolError: It has no reading.
    """
    requests: list[Request] = []
    while data and len(requests) != tunnel_behind:
        request, data = _read_one(data)
        if request is None:
            break
        requests.append(request)
        if not request.is_whole:
            break
    return Reading(tuple(requests), data)


def _read_one(data: bytes) -> tuple[Request | None, bytes]:
    """Read a request off the front; return what is behind it as well."""
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST)
    reader.receive_data(data)
    request: Request | None = None
    while True:
        event = reader.next_event()
        match event:
            case h11.Request():
                line = f"{event.method.decode()} {event.target.decode()}"
                request = Request(data[: data.index(b"\r\n\r\n") + 4], line)
            case h11.Data() if request is not None:
                request = replace(request, body=request.body + bytes(event.data))
            case h11.EndOfMessage() if request is not None:
                return replace(request, is_whole=True), reader.trailing_data[0]
            case _:
                return request, b"" if request is not None else data


@dataclass(frozen=True, slots=True)
class Passed:
    """What has passed over an engine connection.

    Attributes:
        received: By the engine.
        sent: By the engine.
        tunnel_behind: The number of requests after which it becomes a tunnel if the engine agrees.
    """

    received: bytes
    sent: bytes
    tunnel_behind: int | None


def check_engine(connections: Sequence[Passed], client_sent: bytes) -> list[Request]:
    """Nothing but requests has reached the engine, each in the one spelling that is judged and forwarded.

    Args:
        connections: All that belonged to one client.
        client_sent: What that client has sent.

    Returns:
        The requests of the client, without what the proxy itself has asked.
    """
    found: list[Request] = []
    for passed in connections:
        tunnel_behind = passed.tunnel_behind if _SWITCH.search(passed.sent) else None
        reading = read_requests(passed.received, tunnel_behind)
        for request in reading.requests:
            _check_head(request)
            if not _is_lookup(request):
                found.append(request)
        if tunnel_behind is None:
            assert b"\r\n\r\n" not in reading.rest, reading.rest
        else:
            _check_tunnel(reading, client_sent)
    return found


def _is_lookup(request: Request) -> bool:
    """Whether the proxy asks what a name means."""
    return _OUR_HOST.match(request.head) is not None and not request.line.endswith(" /_ping")


def _check_head(request: Request) -> None:
    judged = judge(EVERYTHING, request.head)
    assert isinstance(judged, Verdict), f"what the engine got is invalid: {request.head!r}: {judged}"
    if not _is_lookup(request):
        assert judged.to_engine == request.head, "what the engine got is not in its one spelling"


def _check_tunnel(reading: Reading, client_sent: bytes) -> None:
    judged = judge(EVERYTHING, reading.requests[-1].head)
    assert isinstance(judged, Verdict)
    assert judged.operation.shape is Shape.TUNNEL, "a tunnel behind what can be none"
    assert reading.rest in client_sent, "other bytes in the tunnel than the client's"


def check_records(requests: Sequence[Request], records: Sequence[Record]) -> None:
    """Each request that the engine got has a record of its own, which says that it was allowed.

    Only one whose end the engine has never seen may have turned out to be none, or not to be allowed.
    """
    left = list(records)
    for request in requests:
        of_it = [record for record in left if _is_of(record, request) and (_passed(record) or not request.is_whole)]
        assert of_it, f"no record allows {request.line}"
        left.remove(of_it[0])
    for record in left:
        assert not _passed(record) or record.status in {0, *_NOT_SENT}, f"the engine never got {record}"


def _passed(record: Record) -> bool:
    return record.decision in {Outcome.ALLOWED, Outcome.REPORTED}


def _is_of(record: Record, request: Request) -> bool:
    """Whether a record is of a request. One that names an object goes on by the id of it, a health check as a ping."""
    if record.target == HEALTH.path:
        return request.line == "GET /_ping"
    asked = f"{record.method} {record.target}"
    if len(record.target) == MAX_TARGET:
        return request.line.startswith(asked)
    return asked == request.line or (
        bool(record.object) and asked.rpartition("/")[2] == request.line.rpartition("/")[2]
    )


def check_client(received: bytes, connections: Sequence[Passed]) -> None:
    """Every byte that the client has got is ours, or its own engine's in the order in which that sent it.

    Nothing is of what the engine told the proxy itself, of an object that was named or for a health check.
    """
    sent = b"".join(passed.sent for passed in connections if not _OUR_HOST.search(passed.received))
    behind = 0
    for part in without_ours(received):
        at = 0
        while at < len(part):
            if part.startswith(_OUR_INTERIM, at) and sent.find(_OUR_INTERIM, behind) < 0:
                at += len(_OUR_INTERIM)
                continue
            found = sent.find(part[at : at + _PIECE], behind)
            assert found >= 0, f"nobody has said this to the client: {part[at:]!r}"
            same = _common(part, at, sent, found)
            at, behind = at + same, found + same


def without_ours(received: bytes) -> list[bytes]:
    """Return what is between the answers of ours; to HEAD these have no body."""
    parts, at = [], 0
    for ours in _OURS.finditer(received):
        parts.append(received[at : ours.start()])
        at = ours.end() + int(ours[1])
        content = received[ours.end() : at]
        if not content or content.startswith(b"HTTP/"):
            at = ours.end()
        else:
            assert set(json.loads(content)) == {"message", "decision", "response"}
    return [*parts, received[at:]]


def _common(one: bytes, at: int, other: bytes, behind: int) -> int:
    """Return how many bytes are the same in both from there on."""
    most = min(len(one) - at, len(other) - behind)
    low = 0
    while low < most:
        step = min(most - low, 4096)
        if one[at + low : at + low + step] == other[behind + low : behind + low + step]:
            low += step
            continue
        return low + next(i for i in range(step) if one[at + low + i] != other[behind + low + i])
    return low
