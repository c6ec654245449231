"""An archive has one reading or none, in whatever pieces it comes."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.chunks import splits
from wire.tars import (
    archive_of,
    block,
    directory,
    entries,
    extended,
    fault_in,
    hard_link,
    item,
    link,
    read_archive,
    record,
    said,
    write_archive,
)

from dockerproxy.wire.tar import Entry, Kind, TarReader, clean_name, show_name

FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
NESTED = "/".join(["directory"] * 20)
LONG = "n" * 300
BINARY = b"\x80" + bytes(3)


def by_the_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def only_entry(archive: bytes) -> Entry:
    read = read_archive([archive])
    assert not read.fault
    [(entry, _)] = read.entries
    return entry


@pytest.mark.parametrize("form", FORMS)
def test_what_any_kind_of_tar_says_is_understood(form: int) -> None:
    items = [
        directory("d/"),
        item("d/file", b"content", mode=0o4755, uid=1000, gid=100, mtime=1700000000, uname="me"),
        item(f"{NESTED}/f", bytes(513)),
        link("d/link", "file"),
        hard_link("d/hard", "./d/file"),
        item("d/empty"),
    ]
    read = read_archive([archive_of(*items, form=form)])
    assert not read.fault
    assert [entry for entry, _ in read.entries] == [
        Entry(name=b"d", kind=Kind.DIRECTORY, mode=0o755),
        Entry(name=b"d/file", mode=0o4755, uid=1000, gid=100, size=7, mtime=b"1700000000"),
        Entry(name=f"{NESTED}/f".encode(), size=513),
        Entry(name=b"d/link", kind=Kind.LINK, mode=0o777, target=b"file"),
        Entry(name=b"d/hard", kind=Kind.HARD_LINK, target=b"d/file"),
        Entry(name=b"d/empty"),
    ]
    assert [content for _, content in read.entries] == [b"", b"content", bytes(513), b"", b"", b""]


@pytest.mark.parametrize("form", FORMS[1:])
def test_what_does_not_fit_into_a_header_is_understood(form: int) -> None:
    entry = only_entry(archive_of(link(f"é{LONG}", f"é{LONG}", uid=2**31, gid=2**22), form=form))
    assert (entry.name, entry.target) == (f"é{LONG}".encode(), f"é{LONG}".encode())
    assert (entry.uid, entry.gid) == (2**31, 2**22)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"1.5", b"1.5"),
        (b"0001.500", b"1.5"),
        (b"1.1234567899", b"1.123456789"),
        (b"-1.5", b"-1.5"),
        (b"-0", b"0"),
        (b"7.", b"7"),
    ],
)
def test_a_time_has_one_spelling(written: bytes, read: bytes) -> None:
    assert only_entry(said(mtime=written) + block()).mtime == read


def test_what_engines_do_not_keep_is_not_kept() -> None:
    records = {"comment": b"c", "atime": b"1", "uname": b"me", "LIBARCHIVE.creationtime": b"1", "hdrcharset": b"BINARY"}
    assert only_entry(said(**records) + block()) == Entry(name=b"f")
    assert only_entry(extended(record(b"comment", b"of git archive"), b"g") + block()) == Entry(name=b"f")


@pytest.mark.parametrize("size", [b"000000004  \0", b"4", b"\x80" + bytes(10) + b"\x04", b"  4 \0"])
def test_a_number_is_read_in_each_of_the_ways_it_is_written(size: bytes) -> None:
    assert only_entry(block(size=size) + b"abcd" + bytes(508)).size == 4


def test_an_archive_ends_with_zeros_or_with_its_last_entry() -> None:
    for end in (b"", bytes(512), bytes(1024), bytes(10240), bytes(1000)):
        assert only_entry(block() + end) == Entry(name=b"f")
    assert read_archive([]) == read_archive([bytes(1024)])


def test_the_last_file_need_not_fill_its_block() -> None:
    assert only_entry(block(size=b"4") + b"abcd") == Entry(name=b"f", size=4)


@given(st.lists(entries(), max_size=4))
def test_what_is_written_anew_is_read_as_it_was_by_us_and_by_python(listed: list[tuple[Entry, bytes]]) -> None:
    written = write_archive(listed)
    read = read_archive([written])
    assert (list(read.entries), read.fault) == (listed, "")
    with tarfile.open(fileobj=io.BytesIO(written)) as archive:
        for info, (entry, content) in zip(archive, listed, strict=True):
            assert info.name.encode() == entry.name
            assert (info.uid, info.gid, info.size, info.mode) == (entry.uid, entry.gid, entry.size, entry.mode)
            assert (info.linkname.encode(), float(info.mtime)) == (entry.target, float(entry.mtime))
            found = archive.extractfile(info) if info.isreg() else None
            assert (found.read() if found else b"") == content


@given(st.data(), st.lists(entries(), max_size=3), st.binary(max_size=3), st.integers(0, 4000))
def test_an_archive_reads_the_same_in_whatever_pieces_it_comes(
    data: st.DataObject, listed: list[tuple[Entry, bytes]], change: bytes, at: int
) -> None:
    archive = write_archive(listed)
    archive = archive[:at] + change + archive[at + len(change) :]
    whole = read_archive([archive])
    assert read_archive(data.draw(splits(archive))) == whole
    assert read_archive(by_the_byte(archive)) == whole


@given(st.binary(max_size=2000) | st.binary(max_size=300).map(lambda some: block() + some))
def test_any_bytes_have_a_reading_or_none(archive: bytes) -> None:
    read = read_archive([archive])
    assert read.fault.isascii()


UNCLEAR = {
    "a wrong checksum": (block()[:-400] + b"x" + block()[-399:], "header checksum"),
    "no format": (block(magic=b"ustarx00"), "unsupported header format"),
    "the format of star": (block(rest=bytes(8) + b"tar\0"), "unsupported header format"),
    "a device": (block(flag=b"3"), '"f" is a device, which is unsupported'),
    "a pipe": (block(flag=b"6"), "a pipe"),
    "a sparse file": (block(flag=b"S"), "a sparse file"),
    "a kind that nobody knows": (block(flag=b"Z"), "an entry of unknown type"),
    "a sparse file by extension": (said(**{"GNU.sparse.major": b"1"}) + block(), 'unknown record "GNU.sparse.major"'),
    "a capability": (said(**{"SCHILY.xattr.security.capability": b"\1"}) + block(), "security.capability"),
    "an access list": (said(**{"SCHILY.acl.access": b"user::rwx"}) + block(), "SCHILY.acl.access"),
    "a header for all": (extended(record(b"path", b"x"), b"g") + block(), "global header"),
    "an unknown header for all": (extended(record(b"x", b"x"), b"g") + block(), "unknown record"),
    "a negative size": (block(size=b"\xff" * 12), "the size"),
    "a size that is no number": (block(size=b"1_2"), "the size"),
    "a size with two ends": (block(size=b"1\0002"), "the size"),
    "an absurd size": (block(size=b"\x80" + b"\x7f" * 11), "the size of an entry, "),
    "an absurd user": (said(uid=b"4294967295") + block(), "the uid of an entry, 4294967295, is too large"),
    "a user who is no number": (said(uid=b"+1") + block(), "the uid"),
    "a time that is none": (said(mtime=b"1e9") + block(), "invalid mtime"),
    "a time beyond all": (block(mtime=b"\x80" + b"\x7f" * 11), "invalid mtime"),
    "contents of a directory": (block(flag=b"5", size=b"4") + b"abcd" + bytes(508), "but has contents"),
    "contents of a link": (block(flag=b"2", target=b"x", size=b"4") + b"abcd" + bytes(508), "but has contents"),
    "the mode of another kind": (block(mode=b"0120777"), "the mode of another type"),
    "a file named as a directory": (block(b"f/"), "ends with a slash"),
    "a name that leads up": (block(b"a/../../b"), "not a clean relative path"),
    "a file without a name": (block(b""), "not a clean relative path"),
    "a file that is the place itself": (block(b"./."), "not a clean relative path"),
    "a name too long": (said(path=b"x" * 4097) + block(), "not a clean relative path"),
    "a name too deep": (said(path=b"x/" * 300 + b"x") + block(), "not a clean relative path"),
    "a name with a NUL": (extended(b"a\0b", b"L") + block(), "not a clean relative path"),
    "a link to nothing": (block(flag=b"2"), "a link with an invalid target"),
    "a link to a NUL": (extended(b"a\0b", b"K") + block(flag=b"2"), "a link with an invalid target"),
    "a hard link that leads up": (block(flag=b"1", target=b"../x"), "a hard link to"),
    "a hard link to the place itself": (block(flag=b"1", target=b"."), "a hard link to"),
    "a name twice": (extended(b"a\0", b"L") + said(path=b"b") + block(), 'duplicate "path"'),
    "two extended headers": (said(uid=b"1") + said(gid=b"1") + block(), "duplicate"),
    "a record twice": (extended(record(b"uid", b"1") * 2) + block(), "ambiguous extended header"),
    "a record of nothing": (said(path=b"") + block(), "ambiguous extended header"),
    "a record with a NUL": (said(path=b"a\0b") + block(), "ambiguous extended header"),
    "a record without a sign": (extended(b"7 path\n") + block(), "ambiguous extended header"),
    "a record without a length": (extended(b"path=x\n") + block(), "malformed extended header"),
    "a record longer than all": (extended(b"99 path=x\n") + block(), "malformed extended header"),
    "a record without an end": (extended(b"9 path=xx") + block(), "malformed extended header"),
    "an empty extended header": (block(flag=b"x") + block(), "has 0 bytes"),
    "an extended header without end": (block(flag=b"x", size=b"00077777777"), "has 16777215 bytes"),
    "an extended header at the end": (said(path=b"x") + bytes(1024), "after an extended header"),
    "only an extended header": (said(path=b"x"), "within an entry"),
    "half a header": (block()[:300], "within an entry"),
    "half a file": (block(size=b"4") + b"ab", "within an entry"),
    "something behind the end": (bytes(512) + block(), "after the end"),
    "something behind the end, later": (bytes(2048) + b"x", "after the end"),
}


@pytest.mark.parametrize(("archive", "says"), UNCLEAR.values(), ids=UNCLEAR)
def test_what_has_no_single_reading_is_refused(archive: bytes, says: str) -> None:
    assert says in fault_in(archive)
    assert says in read_archive(by_the_byte(archive)).fault


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [(b"/etc//./x", b"etc/x"), (b"./", b""), (b".", b""), (b"a/", b"a"), (b"..", None), (b"a/..", None), (b"", None)],
)
def test_a_name_is_what_engines_make_of_it_or_none(name: bytes, cleaned: bytes | None) -> None:
    assert clean_name(name) == cleaned


def test_contents_are_passed_on_without_a_copy() -> None:
    data = block(size=b"%011o" % 1024) + bytes(1024)
    _, piece, _ = TarReader().feed(data)
    assert isinstance(piece, memoryview)
    assert piece.obj is data


def test_a_name_in_a_message_is_short_and_on_one_line() -> None:
    assert show_name(b"a\n\xff" + b"x" * 100) == '"a\\n\\\\xff' + "x" * 74 + '"'
