"""What is packed is unpacked, or refused; never passed on."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.chunks import splits

from dockerproxy.wire.packing import Unpacker

MIB = 2**20


def unpack(pieces: list[bytes]) -> tuple[bytes, str]:
    """Return what came out, and why no more did."""
    unpacker, found = Unpacker(), b""
    for piece in pieces:
        if not unpacker.fault:
            found += b"".join(unpacker.feed(piece))
    return found + b"".join(unpacker.end()), unpacker.fault


PLAIN = st.binary(max_size=40).filter(lambda data: unpack([data]) == (data, ""))


@given(st.data(), PLAIN)
def test_what_is_not_packed_passes_as_it_is(data: st.DataObject, content: bytes) -> None:
    assert unpack(data.draw(splits(content))) == (content, "")


@given(st.data(), st.binary(max_size=200))
def test_what_is_packed_by_gzip_is_unpacked_in_whatever_pieces_it_comes(data: st.DataObject, content: bytes) -> None:
    assert unpack(data.draw(splits(gzip.compress(content)))) == (content, "")


def test_a_piece_passes_without_a_copy() -> None:
    unpacker, piece = Unpacker(), b"0123456789"
    unpacker.feed(piece)
    assert unpacker.feed(piece)[0] is piece


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0\0", "xz"),
        (b"\x28\xb5\x2f\xfd\0\0", "zstd"),
        (b"P*M\x18\1\1\1\1", "zstd"),
        (b"_*M\x18\1\1\1\1", "zstd"),
    ],
)
def test_other_packing_is_refused_and_named(start: bytes, name: str) -> None:
    found, fault = unpack([start])
    assert (found, fault) == (b"", f"it is packed by {name}: send it unpacked, or by gzip")


@pytest.mark.parametrize("split", [1, 5, 30])
def test_nothing_stands_behind_what_is_packed(split: int) -> None:
    for packed in (gzip.compress(b"one") + gzip.compress(b"two"), gzip.compress(b"one") + b"\0"):
        assert "behind" in unpack([packed[:split], packed[split:]])[1]
    whole = gzip.compress(b"one")
    assert "behind" in unpack([whole, b"more"])[1]


def test_what_is_packed_is_whole_and_right() -> None:
    packed = gzip.compress(b"content" * 100)
    assert "cut short" in unpack([packed[:-1]])[1]
    assert "broken" in unpack([packed[:-8] + bytes(8)])[1]
    assert "cut short" in unpack([packed[:2]])[1]


def test_a_small_piece_does_not_become_a_large_one() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(bytes(100 * MIB)) + packer.flush()
    assert len(bomb) < MIB
    found, fault = unpack([bomb])
    assert len(found) <= 32 * MIB
    assert "unpacks to more than" in fault


def test_what_is_large_passes_piece_by_piece() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(bytes(100 * MIB)) + packer.flush()
    pieces = [packed[at : at + 10_000] for at in range(0, len(packed), 10_000)]
    unpacker, size = Unpacker(), 0
    for piece in pieces:
        size += sum(map(len, unpacker.feed(piece)))
    assert (size + sum(map(len, unpacker.end())), unpacker.fault) == (100 * MIB, "")


@given(st.binary(max_size=100).map(lambda data: b"\x1f\x8b" + data))
def test_what_only_begins_like_gzip_is_refused(data: bytes) -> None:
    found, fault = unpack([data])
    assert fault or found == gzip.decompress(data)
