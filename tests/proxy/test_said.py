"""Why an engine attaches a client to no container goes on without the IDs of others, however it is framed and cut."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.judging import judged
from proxy.ends import Ends

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.environment import read_environment
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.proxy.said import SaidLines
from dockerproxy.wire.body import frame
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks
from dockerproxy.wire.head import MAX_HEAD

POLICY = read_policy("sockets: {me: {path: /a.sock, allow: [own]}}", "policy.yaml").sockets[0].policy
ATTACH = judged(OPERATIONS["ContainerAttach"])
OTHER = b"fedcba987654" * 5 + b"3210"


def read(data: bytes) -> bytes:
    chunks = Chunks()
    fed = chunks.feed(data)
    assert (chunks.ended, fed.broken, fed.used) == (True, "", len(data))
    return b"".join(data[start:stop] for start, stop in fed.payload)


FRAMED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "counted": lambda content: b"Content-Length: %d\r\n\r\n%b" % (len(content), content),
    "chunked": lambda content: b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(frame([content], last=True)),
    "closed": lambda content: b"\r\n" + content,
}


def test_a_counted_answer_that_is_too_long_to_be_looked_at_is_refused() -> None:
    own = "0123456789ab" * 5 + "cdef"
    ends = Ends(replace(read_environment({}).settings.sockets[0], policy=POLICY))
    ends.found = ResolvedObject(own, ("web",), belongs_to="me", document={"id": own})
    ends.receive(b"POST /v1.41/containers/web/attach?stream=1 HTTP/1.1\r\nhost: x\r\n\r\n")
    while ends.waiting:
        ends.work()
    ends.answer(b"HTTP/1.1 409 Conflict\r\nContent-Length: 9000000\r\n\r\n" + bytes(MAX_HEAD))
    assert ends.answered.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_line_that_is_too_long_goes_on_in_pieces(is_chunked: bool) -> None:  # noqa: FBT001 (of the table)
    """None of them ends within an ID."""
    lines, piece = SaidLines(is_chunked=is_chunked), bytes(60_000)
    code = (lambda piece: b"".join(frame([piece], last=False))) if is_chunked else bytes
    assert lines.feed(ATTACH, code(piece)) == b""
    assert len(lines.feed(ATTACH, code(piece))) > 119_000
    passed = lines.feed(ATTACH, code(piece + b" " + OTHER[:20]))
    passed += lines.end(ATTACH, code(OTHER[20:]) + (LAST_CHUNK if is_chunked else b""))
    assert b"another" in passed
    assert OTHER[:20] not in passed


@pytest.mark.parametrize("framing", sorted(FRAMED))
@pytest.mark.parametrize("path", ["/v1.41", "/v4.3.1/libpod"])
@given(st.lists(st.integers(0, 300)))
def test_why_a_client_is_not_attached_names_no_other(framing: str, path: str, cut: list[int]) -> None:
    own, other = "0123456789ab" * 5 + "cdef", "fedcba987654" * 5 + "3210"
    found = ResolvedObject(own, ("web",), belongs_to="me", document={"id": own})
    ends = Ends(replace(read_environment({}).settings.sockets[0], policy=POLICY))
    ends.found = found
    ends.receive(f"POST {path}/containers/web/attach?stream=1 HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    while ends.waiting:
        ends.work()
    content = f'{{"cause":"x","message":"container {own}: 10.88.0.5 is already allocated to container ID {other}"}}\n'
    answer = b"HTTP/1.1 409 Conflict\r\n" + FRAMED[framing](content.encode())
    places = [0, *sorted(cut), len(answer)]
    for start, stop in pairwise(places):
        ends.answer(answer[start:stop])
    if framing == "closed":
        ends.lose_engine()
    _, _, said = bytes(ends.answered).partition(b"\r\n\r\n")
    assert (read(said) if framing == "chunked" else said) == content.replace(other, "another").encode()
