"""What an engine says of an image that it makes has the names that were asked for, and no mark."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy.ends import Ends

from dockerproxy.api.request import RESERVED
from dockerproxy.config.environment import read_environment
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.judge import attach_nonce, judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.proxy.said import SaidLines, put_names, rewrite
from dockerproxy.wire.body import frame
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks
from dockerproxy.wire.head import MAX_HEAD

POLICY = (
    read_policy(
        'sockets: {me: {path: /a.sock, allow: [own, {ImageBuild: {tags: ["**"]}}]}}',
        "policy.yaml",
    )
    .sockets[0]
    .policy
)
FIELDS = b"host: x\r\ncontent-type: application/x-tar\r\ntransfer-encoding: chunked\r\n\r\n"


def making(target: str) -> Verdict:
    """Return the verdict about a request that makes images."""
    judged = judge(POLICY, f"POST /v1.41{target} HTTP/1.1\r\n".encode() + FIELDS)
    assert isinstance(judged, Verdict)
    assert judged.needs_nonce
    return attach_nonce(judged, "1")


BUILD = making("/build?t=app&t=b:1")
NAMES = b"docker.io/library/app:latest, docker.io/library/b:1"
SAID = f"Step 1\nSuccessfully tagged {RESERVED}/new/1:me\nlast"


def read(data: bytes) -> bytes:
    chunks = Chunks()
    fed = chunks.feed(data)
    assert (chunks.ended, fed.broken, fed.used) == (True, "", len(data))
    return b"".join(data[start:stop] for start, stop in fed.payload)


@given(st.lists(st.integers(0, len(SAID))), st.lists(st.integers(0, 2 * len(SAID))))
def test_names_stand_in_place_of_marks_however_an_answer_is_cut(chunked: list[int], cut: list[int]) -> None:
    def split(data: bytes, places: list[int]) -> list[bytes]:
        ends = sorted(places)
        return [data[start:stop] for start, stop in zip([0, *ends], [*ends, len(data)], strict=True)]

    coded = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in split(SAID.encode(), chunked) if part)
    lines = SaidLines(is_chunked=True)
    *pieces, last = [piece for piece in split(coded + LAST_CHUNK, cut) if piece]
    passed = b"".join(lines.feed(BUILD, piece) for piece in pieces) + lines.end(BUILD, last, {})
    assert read(passed) == f"Step 1\nSuccessfully tagged {NAMES.decode()}\nlast".encode()


FRAMED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "counted": lambda content: b"Content-Length: %d\r\n\r\n%b" % (len(content), content),
    "chunked": lambda content: b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(frame([content], last=True)),
    "closed": lambda content: b"\r\n" + content,
}


@given(
    st.sampled_from(sorted(FRAMED)), st.sampled_from(("200 OK", "201 Created", "500 No")), st.lists(st.integers(0, 300))
)
def test_no_mark_reaches_a_client_whatever_the_answer_is_and_however_it_is_cut(
    framing: str, status: str, cut: list[int]
) -> None:
    ends = Ends(replace(read_environment({}).settings.sockets[0], policy=POLICY))
    ends.receive(b"POST /v1.41/build?t=app&t=b:1 HTTP/1.1\r\n" + FIELDS + LAST_CHUNK)
    while ends.waiting:
        ends.work()
    [mark] = re.findall(rf"{RESERVED}/new/\w+:me", unquote(bytes(ends.engines[0].got).decode()))
    content = SAID.replace(f"{RESERVED}/new/1:me", mark).encode()
    answer = f"HTTP/1.1 {status}\r\n".encode() + FRAMED[framing](content)
    places = [0, *sorted(cut), len(answer)]
    for start, stop in pairwise(places):
        ends.answer(answer[start:stop])
    if framing == "closed":
        ends.lose_engine()
    _, _, said = bytes(ends.answered).partition(b"\r\n\r\n")
    assert (read(said) if framing == "chunked" else said) == SAID.replace(
        f"{RESERVED}/new/1:me", NAMES.decode()
    ).encode()
    assert ends.log.records[0].status == int(status[:3])


def test_a_counted_answer_that_is_too_long_to_be_looked_at_is_refused() -> None:
    ends = Ends(replace(read_environment({}).settings.sockets[0], policy=POLICY))
    ends.receive(b"POST /v1.41/build?t=app HTTP/1.1\r\n" + FIELDS + LAST_CHUNK)
    while ends.waiting:
        ends.work()
    ends.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(MAX_HEAD))
    assert ends.answered.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_line_that_is_too_long_goes_on_in_pieces(is_chunked: bool) -> None:  # noqa: FBT001 (of the table)
    lines, piece = SaidLines(is_chunked=is_chunked), bytes(60_000)
    piece = b"".join(frame([piece], last=False)) if is_chunked else piece
    assert lines.feed(BUILD, piece) == b""
    assert len(lines.feed(BUILD, piece)) > 119_000


@given(st.integers(64 * 1024 - 2000, 64 * 1024 + 2000), st.integers(0, 100), st.integers(0, 300))
def test_no_piece_of_a_line_that_is_too_long_has_a_mark(before: int, between: int, after: int) -> None:
    mark = f"{RESERVED}/new/1:me".encode()
    said = b"x" * before + mark + b"x" * between + mark + b"x" * after
    lines = SaidLines(is_chunked=False)
    first = lines.feed(BUILD, said)
    assert first + lines.end(BUILD, b"", {}) == said.replace(mark, NAMES)


def test_an_answer_to_the_end_of_the_connection_has_no_mark() -> None:
    lines = SaidLines(is_chunked=False)
    assert lines.feed(BUILD, SAID.encode()[:30]) == b"Step 1\n"
    assert lines.end(BUILD, SAID.encode()[30:], {}) == b"Successfully tagged " + NAMES + b"\nlast"


def test_an_answer_of_a_counted_length_is_written_anew() -> None:
    content = f'{{"stream":"{RESERVED}/new/1:me"}}'.encode()
    answer = rewrite(BUILD, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-A: b\r\n\r\n" % len(content) + content)
    head, _, said = answer.partition(b"\r\n\r\n")
    assert said == b'{"stream":"%b"}' % NAMES
    assert b"Content-Length: %d" % len(said) in head
    assert b"X-A: b" in head


def test_an_image_without_a_name_is_called_by_its_id_as_soon_as_that_is_known() -> None:
    build, mark, identity = making("/build"), f"{RESERVED}/new/1:me", b"sha256:" + b"1f" * 32
    assert put_names(build, mark.encode()) == b"<none>"
    assert put_names(build, mark.encode(), {mark: identity}) == identity
