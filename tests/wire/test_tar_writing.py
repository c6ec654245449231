"""What is written of an archive is plain, and nothing that a client chose decides how it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.tars import entries, write_archive

from dockerproxy.wire.tar import BLOCK, Entry, Kind, TarReader
from dockerproxy.wire.tar_writing import END, write_entry


@given(st.lists(entries(), min_size=1, max_size=2))
def test_no_archive_begins_with_bytes_that_the_client_chose(listed: list[tuple[Entry, bytes]]) -> None:
    assert write_archive(listed).startswith(b"././@PaxHeader\0")


@pytest.mark.parametrize("name", [b"BZh91AY&SY", b"P*M\x18\x01\x01\x01\x01", b"x"])
def test_the_first_header_is_extended_and_the_next_only_if_it_must_be(name: bytes) -> None:
    assert len(write_entry(Entry(name=name), first=True)) == 3 * BLOCK
    assert len(write_entry(Entry(name=name), first=False)) == BLOCK


@pytest.mark.parametrize(
    "entry",
    [
        Entry(name=b"n" * 101),
        Entry(name=b"d" * 100, kind=Kind.DIRECTORY),
        Entry(name="é".encode()),
        Entry(name=b"l", kind=Kind.LINK, target=b"t" * 101),
        Entry(name=b"f", uid=8**7),
        Entry(name=b"f", gid=8**7),
        Entry(name=b"f", mtime=b"8589934592"),
        Entry(name=b"f", mtime=b"-1"),
        Entry(name=b"f", mtime=b"0.5"),
    ],
    ids=str,
)
def test_what_does_not_fit_into_a_header_is_said_in_another(entry: Entry) -> None:
    assert len(write_entry(entry, first=False)) == 3 * BLOCK


def test_a_large_file_has_its_size() -> None:
    header = write_entry(Entry(name=b"f", size=8**11), first=False)
    assert TarReader().feed(header) == [Entry(name=b"f", size=8**11)]


def test_the_place_itself_has_a_name() -> None:
    header = write_entry(Entry(name=b"", kind=Kind.DIRECTORY), first=False)
    assert header.startswith(b"./\0")


@pytest.mark.parametrize("length", [86, 87, 88, 89, 90, 985, 986, 987, 988, 989, 990])
def test_a_record_counts_the_digits_of_its_own_length(length: int) -> None:
    header = write_entry(Entry(name=b"\xc3" * length), first=False)
    record, newline, rest = header[BLOCK:].partition(b"\n")
    assert int(record.partition(b" ")[0]) == len(record + newline)
    assert rest.strip(b"\0")


def test_an_archive_ends_with_two_blocks_of_zeros() -> None:
    assert bytes(1024) == END
