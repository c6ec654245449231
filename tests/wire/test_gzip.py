"""What is packed comes out as it was, a bounded piece at a time, or is refused."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.chunks import splits

from dockerproxy.wire.gzip import MOST_RATIO, PIECE, Gunzip

LARGE = bytes(range(256)) * 4096


def unpack(*pieces: bytes) -> tuple[bytes, str]:
    """Feed pieces, each as soon as nothing more comes out of those before; return all, and what is wrong."""
    reader, made = Gunzip(), []
    for piece in pieces:
        made.append(reader.feed(memoryview(piece)))
        while reader.has_more and not reader.fault:
            made.append(reader.feed(b""))
            assert len(made[-1]) <= PIECE
    return b"".join([*made, reader.end()]), reader.fault


@given(st.data(), st.binary(max_size=300), st.integers(0, 9))
def test_what_was_packed_comes_out_in_whatever_pieces_it_comes(data: st.DataObject, content: bytes, level: int) -> None:
    assert unpack(*data.draw(splits(gzip.compress(content, level)))) == (content, "")


@given(st.data(), st.binary(max_size=50).filter(lambda content: not content.startswith(b"\x1f\x8b")))
def test_what_is_not_packed_passes_as_it_is(data: st.DataObject, content: bytes) -> None:
    assert unpack(*data.draw(splits(content))) == (content, "")


def test_what_is_not_packed_is_not_copied() -> None:
    reader, piece = Gunzip(), memoryview(LARGE)
    reader.feed(b"begin")
    assert reader.feed(piece) is piece


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_what_comes_out_at_once_is_bounded_and_nothing_is_left_behind(size: int) -> None:
    for content in (bytes(size), LARGE[:size]):
        packed = gzip.compress(content)
        assert unpack(packed) == (content, "")
        assert unpack(*(packed[at : at + 1] for at in range(len(packed)))) == (content, "")


def test_pieces_that_come_while_there_is_more_wait_behind_it() -> None:
    content = bytes(2**21)
    packed, reader, made = gzip.compress(content), Gunzip(), b""
    for at in range(0, len(packed), 100):
        made += reader.feed(packed[at : at + 100])
    assert reader.has_more
    assert reader.kept > 0
    while reader.has_more:
        made += reader.feed(b"")
    assert (made + reader.end(), reader.fault, reader.kept) == (content, "", 0)


def test_every_field_of_the_header_is_read() -> None:
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\3\0abc" + b"name\0" + b"comment\0"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    assert unpack(header + gzip.compress(b"x")[10:]) == (b"x", "")


@pytest.mark.parametrize("behind", [b"\0", gzip.compress(b"y", mtime=0), b"\x1f\x8b", bytes(2**17)])
def test_nothing_stands_behind_the_end(behind: bytes) -> None:
    packed = gzip.compress(b"x")
    for pieces in ([packed + behind], [packed, behind], [packed, behind[:1]]):
        assert unpack(*pieces)[1] == "data after the end of the gzip member"


def test_what_ends_too_early_is_refused() -> None:
    packed = gzip.compress(LARGE)
    for size in (2, 9, 10, 11, len(packed) - 8, len(packed) - 1):
        assert unpack(packed[:size])[1] == "truncated gzip data"


@pytest.mark.parametrize("at", [2, 3, 15, -1, -5])
def test_what_is_broken_is_refused(at: int) -> None:
    packed = bytearray(gzip.compress(LARGE, mtime=0))
    packed[at] ^= 0xE1
    assert unpack(bytes(packed))[1] in {"malformed gzip data", "truncated gzip data"}
    assert unpack(b"\x1f\x8b" + b"x" * 50)[1] == "malformed gzip data"


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(size // 2**20)) + packer.flush()


def test_a_bomb_is_refused() -> None:
    packed = bomb(2**25)
    assert len(packed) * MOST_RATIO < 2**24
    made, fault = unpack(packed)
    assert f"more than {MOST_RATIO} times" in fault
    assert len(made) <= 2**24 + MOST_RATIO * len(packed) + PIECE
    assert unpack(bomb(2**23)) == (bytes(2**23), "")


def test_what_comes_out_of_all_is_bounded() -> None:
    for most, fault in ((len(LARGE), ""), (len(LARGE) - 1, "more than 1048575 bytes")):
        reader = Gunzip(most)
        reader.feed(gzip.compress(LARGE))
        while reader.has_more and not reader.fault:
            reader.feed(b"")
        assert fault in reader.fault
        assert bool(fault) is bool(reader.fault)
