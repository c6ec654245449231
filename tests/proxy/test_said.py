"""What an engine says of an image that it makes has the names that were asked for, and no mark."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.api.request import RESERVED
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.image_marks import FreshMarks
from dockerproxy.policy.judge import attach_nonce, judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.proxy.said import SaidLines, put_names, rewrite
from dockerproxy.wire.body import frame
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks

POLICY = (
    read_policy(
        'sockets: {me: {path: /a.sock, allow: [own, {ImageBuild: {tags: ["**"]}}, {ImageLoad: {tags: ["**"]}}]}}',
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
    lines = SaidLines()
    passed = b"".join(lines.feed(BUILD, piece) for piece in split(coded + LAST_CHUNK, cut) if piece)
    assert read(passed) == f"Step 1\nSuccessfully tagged {NAMES.decode()}\nlast".encode()


def test_a_line_that_is_too_long_goes_on_in_pieces() -> None:
    lines = SaidLines()
    assert lines.feed(BUILD, b"".join(frame([bytes(60_000)], last=False))) == b""
    assert len(lines.feed(BUILD, b"".join(frame([bytes(60_000)], last=False)))) > 120_000


def test_an_answer_of_a_counted_length_is_written_anew() -> None:
    content = f'{{"stream":"{RESERVED}/new/1:me"}}'.encode()
    answer = rewrite(BUILD, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-A: b\r\n\r\n" % len(content) + content)
    head, _, said = answer.partition(b"\r\n\r\n")
    assert said == b'{"stream":"%b"}' % NAMES
    assert b"Content-Length: %d" % len(said) in head
    assert b"X-A: b" in head


def test_each_image_of_an_archive_has_its_name() -> None:
    marks = FreshMarks("me", "1")
    said = f"{marks.replace('a')} {marks.replace('')}".encode()
    load = making("/images/load")
    load = replace(load, known=replace(load.known, loaded=marks.names))
    assert put_names(load, said) == b"docker.io/library/a:latest <none>"
