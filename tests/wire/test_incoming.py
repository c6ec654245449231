"""A body reaches the engine with the content it came with, framed anew."""

import gzip
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.chunks import Coded, coded_bodies, nearly_coded, splits
from wire.heads import read_head
from wire.tars import archive_of, item

from dockerproxy.wire.head import Framing, RequestHead
from dockerproxy.wire.incoming import ArchiveBody, HeldBody, RequestBody, frame

TAIL = b"GET /next"
NO_BODY = read_head(line="POST /x HTTP/1.1")
CHUNKED = read_head("Transfer-Encoding: chunked", line="POST /x HTTP/1.1")


def counted(length: int) -> RequestHead:
    return NO_BODY._replace(framing=Framing.LENGTH if length else Framing.NONE, length=length)


def pass_on(body: RequestBody, pieces: list[bytes]) -> tuple[bytes, int]:
    """Feed pieces; return what the engine gets, and how many bytes were taken."""
    to_engine, taken = b"", 0
    for piece in pieces:
        left = piece
        while left and not (body.complete or body.broken):
            written, used = body.feed(left)
            to_engine += b"".join(written)
            taken, left = taken + used, left[used:]
    return to_engine, taken


def read_plainly(coded: bytes) -> bytes:
    """Read chunks that are written in the one way in which we write them, to their end and no further."""
    content = b""
    while coded != b"0\r\n\r\n":
        size, _, rest = coded.partition(b"\r\n")
        length = int(size, 16)
        assert size == b"%x" % length != b"0"
        assert rest[length : length + 2] == b"\r\n"
        content += rest[:length]
        coded = rest[length + 2 :]
    return content


@given(st.data(), st.binary(max_size=100))
def test_a_counted_body_reaches_the_engine_as_it_is(data: st.DataObject, content: bytes) -> None:
    body = RequestBody(counted(len(content)))
    assert pass_on(body, data.draw(splits(content + TAIL))) == (content, len(content))
    assert (body.complete, body.received, body.broken) == (True, len(content), "")


@given(st.data(), coded_bodies())
def test_a_chunked_body_reaches_the_engine_framed_anew_with_the_same_content(data: st.DataObject, coded: Coded) -> None:
    body = RequestBody(CHUNKED)
    to_engine, taken = pass_on(body, data.draw(splits(coded.coded + TAIL)))
    assert (body.complete, body.received, taken) == (True, len(coded.content), len(coded.coded))
    assert read_plainly(to_engine) == coded.content


@given(nearly_coded())
def test_of_a_broken_body_the_engine_never_gets_an_end(coded: bytes) -> None:
    body = RequestBody(CHUNKED)
    to_engine, _ = pass_on(body, [coded])
    engine = RequestBody(CHUNKED)
    pass_on(engine, [to_engine])
    assert engine.complete is body.complete
    assert not (body.broken and body.complete)
    assert not engine.broken


def test_very_many_small_chunks_reach_the_engine_as_few_with_the_same_content() -> None:
    body = RequestBody(CHUNKED)
    to_engine, taken = pass_on(body, [b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n"])
    assert (body.complete, body.received, taken) == (True, 10_000, 60_005)
    assert read_plainly(to_engine) == b"x" * 10_000
    assert to_engine.count(b"\r\n") < 200


def test_many_small_chunks_are_taken_as_one_piece_and_a_few_as_they_came() -> None:
    for count, pieces in ((8, 8), (9, 1), (100, 1)):
        contents, used = RequestBody(CHUNKED).take(b"1\r\nx\r\n" * count)
        assert (len(contents), b"".join(contents), used) == (pieces, b"x" * count, 6 * count)


def test_of_very_many_small_chunks_only_some_are_taken_before_others_have_their_turn() -> None:
    contents, used = RequestBody(CHUNKED).take(b"1\r\nx\r\n" * 100_000)
    assert used == 6 * len(b"".join(contents)) < 1000


def test_a_request_without_a_body_is_complete_at_once() -> None:
    assert RequestBody(NO_BODY).complete
    assert RequestBody(counted(0)).complete


@pytest.mark.parametrize(
    ("head", "fed", "size", "known"),
    [
        (NO_BODY, b"", 0, True),
        (counted(5), b"", 5, True),
        (counted(5), b"", 4, False),
        (counted(5), b"a", 4, True),
        (CHUNKED, b"", 1 << 40, False),
        (CHUNKED, b"0\r\n", 1 << 40, False),
    ],
)
def test_what_is_left_of_a_body_is_known_only_where_it_was_counted(
    head: RequestHead, fed: bytes, size: int, *, known: bool
) -> None:
    body = RequestBody(head)
    pass_on(body, [fed])
    assert body.is_at_most(size) is known


# Archives that are walked

FILE = archive_of(item("file", b"x" * 3000))
DEVICE = FILE[: 512 * 7] + archive_of(item("disk", type=tarfile.BLKTYPE))


def pass_archive(body: ArchiveBody, pieces: list[bytes], *, is_unread: bool = False) -> bytes:
    """Feed pieces until the body is complete or refused; return what the engine gets."""
    to_engine, left = b"", b""
    for piece in pieces:
        left += piece
        while left and not (body.complete or body.broken or body.refused):
            written, used = body.feed(left)
            to_engine, left = to_engine + b"".join(written), left[used:]
            if body.refused and is_unread:
                body.pass_unread()
    return to_engine


def framings(content: bytes) -> Iterator[tuple[RequestHead, bytes]]:
    """Write a body in both ways."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (content[:700], content[700:]) if each)
    yield counted(len(content)), content
    yield CHUNKED, chunks + b"0\r\n\r\n"


@given(st.data(), st.sampled_from([FILE, bytes(2**17), b"\0" * 700 + bytes(9000)]), st.booleans())
def test_an_archive_of_files_reaches_the_engine_as_it_is(data: st.DataObject, content: bytes, packs: object) -> None:
    content = gzip.compress(content) if packs else content
    for head, sent in framings(content):
        body = ArchiveBody(head)
        to_engine = pass_archive(body, data.draw(splits(sent + TAIL)))
        assert (body.complete, body.refused, body.received) == (True, "", len(content))
        assert (to_engine if head is not CHUNKED else read_plainly(to_engine)) == content


@given(st.data())
def test_an_archive_with_a_device_or_a_cut_file_goes_no_further_than_that(data: st.DataObject) -> None:
    for content, says, most in (
        (DEVICE, "entry 2 of the archive is a block device", 4095),
        (FILE[:3000], "cut off", 0),
    ):
        for packed in (content, gzip.compress(content)):
            for head, sent in framings(packed):
                body, passed = ArchiveBody(head), ArchiveBody(head)
                pieces = data.draw(splits(sent))
                to_engine = pass_archive(body, pieces)
                assert (says in body.refused, body.complete) == (True, False)
                assert packed is not content or head is CHUNKED or len(to_engine) <= (most or len(content) - 1)
                to_engine = pass_archive(passed, pieces, is_unread=True)
                assert (passed.complete, passed.refused) == (True, "")
                assert (to_engine if head is not CHUNKED else read_plainly(to_engine)) == packed


# Bodies that are held


@given(st.data(), coded_bodies())
def test_a_held_body_is_there_whole_at_its_end_and_nothing_of_it_goes_on(data: st.DataObject, coded: Coded) -> None:
    size = len(coded.content)
    for head, sent in ((CHUNKED, coded.coded), (counted(size), coded.content)):
        body = HeldBody(head, size)
        to_engine, taken = pass_on(body, data.draw(splits(sent + TAIL)))
        assert (to_engine, taken) == (b"", len(sent))
        assert (body.complete, body.broken, bytes(body.content), body.received) == (True, "", coded.content, size)


@given(coded_bodies())
def test_a_held_body_that_is_too_long_is_broken_before_more_than_a_piece_too_much_was_taken(coded: Coded) -> None:
    size = len(coded.content)
    counted_one = HeldBody(counted(size), size - 1) if size else None
    assert counted_one is None or (counted_one.status, "MAX_BODY" in counted_one.broken) == (413, True)
    if size:
        body = HeldBody(CHUNKED, size - 1)
        pass_on(body, [bytes([byte]) for byte in coded.coded])
        assert (body.status, "MAX_BODY" in body.broken, len(body.content)) == (413, True, size)


def test_a_held_body_with_a_broken_chunk_has_no_reading() -> None:
    body = HeldBody(CHUNKED, 100)
    body.feed(b"x\r\n")
    assert body.broken
    assert body.status == 400


@given(st.lists(st.binary(max_size=20), max_size=20), st.booleans())
def test_content_that_is_written_in_chunks_is_read_as_the_same(contents: list[bytes], last: bool) -> None:  # noqa: FBT001
    body = RequestBody(CHUNKED)
    taken, _ = body.take(b"".join(frame(list(contents), last=last)))
    assert (b"".join(taken), body.complete, body.broken) == (b"".join(contents), last, "")
