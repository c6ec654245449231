"""An archive goes on as far as it has only files, directories and links, which all readers delimit alike."""

import gzip
import tarfile
import time
from collections.abc import Iterator
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each
from wire.chunks import splits
from wire.tars import directory, item, link

from dockerproxy.wire.archive import Archive

END = bytes(1024)
LONG, WIDE = "long/" * 60, "ü" * 90
ALLOWED = [
    item("file", b"x" * 700),
    item(WIDE, b"x" * 512, mtime=1.5, mode=0o4755),
    item("empty"),
    directory(LONG),
    link("link", "/etc/passwd"),
    link(LONG + "link", WIDE),
    item("hard", type=tarfile.LNKTYPE, linkname="file"),
    item("with records", b"\0" * 9, pax_headers={"SCHILY.xattr.user.a": "\n9 size=1\n", "LIBARCHIVE.xattr.b": "c"}),
]
FORMATS: st.SearchStrategy[Literal[1, 2]] = st.sampled_from([1, 2])  # Of GNU, and PAX.
OTHERS = {
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.CONTTYPE: "a contiguous file",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    **dict.fromkeys((b"\0", b"D", b"M", b"V", b"X", b"8"), "of an unknown type"),
}


def walk(pieces: list[bytes]) -> tuple[int, str]:
    """Feed an archive. Returns how many bytes went on, and why it was refused."""
    archive, left, passed = Archive(), b"", 0
    for piece in pieces:
        left += piece
        while left and not archive.broken:
            used = archive.feed(left)
            left, passed = left[used:], passed + used
    archive.end()
    return passed, archive.broken


def head(kind: bytes = b"0", size: bytes = b"0", total: bytes = b"", rest: bytes = b"ustar\00000") -> bytes:
    """Write the block of a header."""
    block = b"name".ljust(124, b"\0") + size.ljust(12, b"\0") + bytes(12) + b" " * 8 + kind
    block = (block.ljust(257, b"\0") + rest).ljust(512, b"\0")
    return block[:148] + (total or b"%06o\0 " % sum(block)) + block[156:]


def records(*texts: bytes, kind: bytes = b"x") -> bytes:
    """Write an extended header."""
    content = b"".join(texts)
    return head(kind, b"%o" % len(content)) + content + bytes(-len(content) % 512)


def record(key: str, value: str) -> bytes:
    """Write a record of an extended header, of at most 99 bytes."""
    text = f" {key}={value}\n".encode()
    return b"%d" % (len(text) + 2) + text


BLOCK = head(b"4")
FILE = head(size=b"1000") + BLOCK
UNCLEAR = {
    "a size in base 256": head(size=b"\x80" + bytes(9) + b"\x02\0") + BLOCK,
    "a size below zero": head(size=b"\xff" * 12),
    "two numbers": head(size=b"1000\0 7") + BLOCK,
    "a sign": head(size=b"+1000") + BLOCK,
    "a link with a size": head(b"2", b"1000") + BLOCK,
    "a hard link with a size": head(b"1", b"1000") + BLOCK,
    "a directory with a size": head(b"5", b"1000") + BLOCK,
    "a signed sum": (signed := head(rest=b"\xff"))[:148] + b"%06o\0 " % (sum(signed) - 256) + signed[156:],
    "another sum": head(total=b"1\0" * 4),
    "a size in a record": records(record("size", "512")) + FILE,
    "a size in a record for all": records(record("size", "512"), kind=b"g") + FILE,
    **{f"GNU.sparse.{key}": records(record(f"GNU.sparse.{key}", "1")) + FILE for key in ("major", "map", "size")},
    "the size of a sparse file": records(record("SCHILY.realsize", "512")) + FILE,
    "an unknown record": records(record("VENDOR.key", "x")) + FILE,
    "a length with a zero": records(b"010 uid=12\n") + FILE,
    "a length with a sign": records(b"+10 uid=12\n") + FILE,
    "a length with a space": records(b" 9 uid=12\n") + FILE,
    "a length too short": records(b"8 uid=12\n") + FILE,
    "a length too long": records(b"99 uid=1\n") + FILE,
    "a key behind the end": records(b"5 u\n9 id=12\n") + FILE,
    "no key": records(b"6 =12\n") + FILE,
    "zeros behind the records": records(record("uid", "1"), bytes(3)) + FILE,
    "long records": records(*[record("uid", "1")] * 4000) + FILE,
    "a name of gigabytes": head(b"L", b"77777777777"),
    "one block of zeros": bytes(512) + FILE,
    "an entry after the end": END + FILE,
    "a byte after the end": END + b"x",
    "text": b"FROM busybox\n" * 50,
    "short text": b"FROM busybox\n",
    "a part of a header": head()[:300],
    "a part of a file": head(size=b"1000") + BLOCK[:-1],
    "a part of records": records(record("uid", "1"))[:520],
    "two members of gzip": gzip.compress(head()) + gzip.compress(BLOCK + END),
    "zeros after gzip": gzip.compress(END) + bytes(512),
    "a part of gzip": gzip.compress(END)[:-1],
    "a wrong sum of gzip": gzip.compress(END)[:-5] + bytes(5),
    "another method": b"\x1f\x8b\x07" + gzip.compress(END)[3:],
    "compress": b"\x1f\x9d\x90" + END,
}
PACKED = {
    "bzip2": (b"BZh91AY&SY", b"BZh"),
    "xz": (b"\xfd7zXZ\0\0\x04",),
    "zstd": (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\x5f\x2a\x4d\x18\xff"),
}
CLEAR = {
    "nothing": b"",
    "an end": END,
    "a long end": bytes(10240 + 7),
    "no end": FILE,
    "no padding": head(size=b"3") + b"abc",
    "an end in half": FILE + bytes(512),
    "digits that begin with spaces": head(size=b"   1000 \0") + BLOCK,
    "a name beside magic bytes": head(rest=b"") + END,
    "a comment by git": records(record("comment", "6a1292713d27"), kind=b"g") + FILE + END,
    "records by GNU tar": records(*(record(f"{each}time", "-1.5") for each in "acm")) + FILE + END,
    "records by bsdtar": records(record("SCHILY.fflags", "x"), record("LIBARCHIVE.creationtime", "1.5")) + END,
    "no records": records() + FILE,
    "the longest name": head(b"L", b"100000") + BLOCK * 64 + FILE,
}


Entry = tuple[tarfile.TarInfo, bytes]
Format = Literal[1, 2]
ENTRIES = st.lists(st.sampled_from(ALLOWED), max_size=4)


def write(entries: list[Entry], form: Format) -> bytes:
    """Write entries as Python's tarfile does, without an end."""
    pairs = ((info.tobuf(form), content) for info, content in entries)
    return b"".join(info + content + bytes(-len(content) % 512) for info, content in pairs)


def split(content: bytes) -> Iterator[list[bytes]]:
    """Cut an archive in two ways besides none."""
    yield [content]
    yield [content[at : at + 1] for at in range(len(content))]
    yield [content[at : at + 511] for at in range(0, len(content), 511)]


@given(st.data(), ENTRIES, FORMATS)
def test_files_directories_and_links_pass_with_their_headers(
    data: st.DataObject, entries: list[Entry], form: Format
) -> None:
    plain = write(entries, form) + END
    for content in (plain, gzip.compress(plain)):
        assert walk(data.draw(splits(content))) == (len(content), "")


@given(st.data(), ENTRIES, ENTRIES, FORMATS, st.sampled_from(sorted(OTHERS)))
def test_no_other_entry_passes_wherever_it_is(
    data: st.DataObject, before: list[Entry], after: list[Entry], form: Format, kind: bytes
) -> None:
    start = write(before, form)
    content = start + head(kind) + write(after, form) + END
    passed, broken = walk(data.draw(splits(content)))
    says = f"entry {len(before) + 1} of the archive is {OTHERS[kind]}, not a file, directory or link"
    assert (passed < len(start) + 512, broken) == (True, says)
    assert walk(data.draw(splits(gzip.compress(content))))[1] == broken


@for_each("name", UNCLEAR)
def test_what_readers_may_delimit_in_another_way_is_refused(name: str) -> None:
    for pieces in split(UNCLEAR[name]):
        assert walk(pieces)[1]


@for_each(("packing", "starts"), PACKED.items())
def test_other_packings_are_refused_by_name_before_an_engine_unpacks_a_byte(packing: str, starts: list[bytes]) -> None:
    for start in starts:
        for pieces in split(start + bytes(600)):
            passed, broken = walk(pieces)
            assert (passed < 5, broken) == (True, f"the archive is packed in {packing}, not in gzip")


@for_each("name", CLEAR)
def test_what_all_readers_delimit_alike_passes(name: str) -> None:
    content = CLEAR[name]
    for pieces in (*split(content), *split(gzip.compress(content))):
        assert walk(pieces) == (sum(map(len, pieces)), "")


DIRECTORIES = head(b"5") * 5000
HOSTILE = {
    "a bomb": gzip.compress(bytes(2**24)),
    "headers": DIRECTORIES,
    "packed headers": gzip.compress(DIRECTORIES),
    "records": records(*[b"8 uid=1\n"] * 4096) * 20,
    "empty blocks": b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * 50_000,
}


@for_each("name", HOSTILE)
def test_no_step_is_long(name: str) -> None:
    archive, content, longest = Archive(), HOSTILE[name], 0.0
    while content:
        began = time.thread_time()
        content = content[archive.feed(content) :]
        longest = max(longest, time.thread_time() - began)
    assert (longest < 0.05, archive.broken) == (True, "")
