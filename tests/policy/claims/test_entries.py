"""No entry goes through a link of its archive, and a file that is looked for is the one that was looked at."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.policy.claim import Fault
from dockerproxy.policy.claims.entries import Links, Rules
from dockerproxy.wire.tar import Entry, Kind, clean_name

LINK = Entry(name=b"d/link", kind=Kind.LINK, target=b"x")
FILE = Entry(name=b"d/file")
HARD = Entry(name=b"hard", kind=Kind.HARD_LINK, target=b"d/file")


def last_fault(*entries: Entry) -> Fault | None:
    """Return what is wrong with the last of some entries; nothing is with those before."""
    links = Links()
    *before, last = entries
    assert not any(links.look(entry) for entry in before)
    return links.look(last)


@pytest.mark.parametrize(
    "entry",
    [
        Entry(name=b"d/link/file"),
        Entry(name=b"d/link/deeper/file"),
        Entry(name=b"d/link/dir", kind=Kind.DIRECTORY),
        Entry(name=b"hard/file"),
    ],
    ids=str,
)
def test_an_entry_that_goes_through_a_link_is_refused(entry: Entry) -> None:
    fault = last_fault(LINK, FILE, HARD, entry)
    assert fault is not None
    assert "goes through a link" in str(fault)


@pytest.mark.parametrize(
    "entry",
    [
        Entry(name=b"d/linked"),
        Entry(name=b"d"),
        Entry(name=b"d/link"),
        Entry(name=b"e/d/link/f"),
        Entry(name=b"other", kind=Kind.LINK, target=b"d/link/file"),
        Entry(name=b"other", kind=Kind.HARD_LINK, target=b"d/file"),
    ],
    ids=str,
)
def test_an_entry_beside_a_link_passes(entry: Entry) -> None:
    assert last_fault(LINK, FILE, HARD, entry) is None


@pytest.mark.parametrize("name", [b"d", b"a/b", b"a/b/c", b"d/file"])
def test_no_link_takes_the_place_of_a_directory(name: bytes) -> None:
    made = Entry(name=b"a/b/c", kind=Kind.DIRECTORY), Entry(name=b"d", kind=Kind.DIRECTORY), FILE
    fault = last_fault(*made, Entry(name=name, kind=Kind.LINK, target=b"x"))
    assert (fault is None) is (name == b"d/file")
    assert last_fault(*made, Entry(name=name, kind=Kind.LINK, target=b"x")._replace(name=b"a/link")) is None


@pytest.mark.parametrize(
    "before",
    [
        [],
        [Entry(name=b"file", kind=Kind.DIRECTORY)],
        [Entry(name=b"file", kind=Kind.LINK, target=b"x")],
        [Entry(name=b"file"), Entry(name=b"file", kind=Kind.LINK, target=b"x")],
        [Entry(name=b"file"), Entry(name=b"other"), Entry(name=b"file", kind=Kind.HARD_LINK, target=b"other")],
    ],
    ids=str,
)
def test_only_a_file_that_the_archive_has_brought_gets_a_second_name(before: list[Entry]) -> None:
    fault = last_fault(*before, Entry(name=b"second", kind=Kind.HARD_LINK, target=b"file"))
    assert "no file of this archive" in str(fault)


def test_a_second_name_goes_through_no_link_to_what_was_brought() -> None:
    entries = (FILE, Entry(name=b"d", kind=Kind.LINK, target=b"x"), HARD)
    assert "goes through a link" in str(last_fault(*entries))


def test_of_more_files_than_can_be_remembered_the_last_get_no_second_name() -> None:
    links = Links()
    assert {links.look(Entry(name=b"%d" % number)) for number in range(2**16 + 1)} == {None}
    assert links.look(Entry(name=b"x", kind=Kind.HARD_LINK, target=b"%d" % (2**16 - 1))) is None
    assert links.look(Entry(name=b"y", kind=Kind.HARD_LINK, target=b"%d" % 2**16)) is not None
    assert len(links) == 2**16 + 1


def test_more_links_than_can_be_remembered_are_refused() -> None:
    links = Links()
    entries = (Entry(name=b"%d" % number, kind=Kind.LINK, target=b"x") for number in range(2**16 + 1))
    *faults, last = map(links.look, entries)
    assert set(faults) == {None}
    assert "a link too many" in str(last)


@given(st.lists(st.text("abc/", min_size=1, max_size=8).map(str.encode), max_size=5), st.text("abc/", max_size=8))
def test_an_entry_goes_through_a_link_if_a_link_is_above_it_and_only_then(names: list[bytes], name: str) -> None:
    clean = [each for each in map(clean_name, names) if each]
    last = clean_name(name.encode()) or b"a"
    links = Links()
    faults = [links.look(Entry(name=each, kind=Kind.LINK, target=b"x")) for each in clean]
    made = [each for each, fault in zip(clean, faults, strict=True) if fault is None]
    for entry in (Entry(name=last), Entry(name=b"z", kind=Kind.HARD_LINK, target=last)):
        assert (links.look(entry) is not None) is any(last.startswith(each + b"/") for each in made)


def test_of_a_link_no_more_is_kept_if_its_name_is_long() -> None:
    links = Links()
    for number in range(1000):
        assert links.look(Entry(name=b"d/" * 255 + b"%0200d" % number, kind=Kind.LINK, target=b"x")) is None
    assert sum(map(sys.getsizeof, vars(links)["_numbers"])) < 64 * 1000


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry(name=b"sub/file", kind=Kind.LINK, target=b"x"), "a file, and occur once"),
        (Entry(name=b"sub/file", kind=Kind.DIRECTORY), "a file, and occur once"),
        (Entry(name=b"sub/file", kind=Kind.HARD_LINK, target=b"x"), "a file, and occur once"),
        (Entry(name=b"sub", kind=Kind.LINK, target=b"x"), "must be a directory"),
        (Entry(name=b"sub"), "must be a directory"),
        (Entry(name=b"x", kind=Kind.HARD_LINK, target=b"sub/file"), "a hard link to a file"),
        (Entry(name=b"sub/file", size=2**20 + 1), "more than 1048576 bytes"),
    ],
    ids=str,
)
def test_a_file_that_is_looked_for_is_there_by_no_detour(entry: Entry, says: str) -> None:
    rules = Rules(frozenset({b"sub/file"}))
    rules.look(Entry(name=entry.target or b"other"))
    assert says in str(rules.look(entry))


def test_a_file_that_is_looked_for_is_there_once() -> None:
    named, entry = Rules(frozenset({b"file"})), Entry(name=b"file", size=2**20)
    assert named.look(entry) is None
    assert "once" in str(named.look(entry))


def test_other_entries_are_not_held() -> None:
    named = Rules(frozenset({b"sub/file"}))
    for entry in (Entry(name=b"sub", kind=Kind.DIRECTORY), Entry(name=b"subfile"), Entry(name=b"x/sub/file")):
        assert named.look(entry) is None
        assert not named.holds(entry)
    assert named.holds(Entry(name=b"sub/file"))
