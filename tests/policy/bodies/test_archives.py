"""Nothing of an archive goes on that was not looked at, in whatever pieces it comes."""

import gzip
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from policy.bodies.sending import BUILD, LOAD, PUT, archive_for, passed_on, refusal_of, send
from policy.policies import request_of
from wire.chunks import splits
from wire.tars import archive_of, block, directory, entries, item, link, read_archive, write_archive

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.bodies.archives import Archive
from dockerproxy.wire.tar import Entry
from dockerproxy.wire.tar_writing import END

REQUESTS = [PUT, LOAD, BUILD]
DOCKERFILE = b"FROM busybox\n"


def send_pieces(request: tuple[str, str], pieces: list[bytes]) -> tuple[bytes, str]:
    """Send an archive piece by piece; return what goes on, and why no more does."""
    archive, passed = archive_for(request), b""
    for piece in pieces:
        if not archive.fault:
            passed += b"".join(archive.feed(piece))
    return passed + b"".join(archive.end()), archive.fault


@given(st.data(), st.sampled_from(REQUESTS), st.lists(entries(), max_size=4), st.sampled_from([bytes, gzip.compress]))
def test_what_goes_on_does_not_depend_on_the_pieces_it_comes_in(
    data: st.DataObject, request_: tuple[str, str], listed: list[tuple[Entry, bytes]], pack: Callable[[bytes], bytes]
) -> None:
    content = pack(write_archive(listed))
    whole = send_pieces(request_, [content])
    pieces = data.draw(splits(content))
    sent = send_pieces(request_, pieces)
    assert sent[1] == whole[1]
    assert whole[1] or sent == whole


@given(st.sampled_from(REQUESTS), st.lists(entries(), max_size=4))
def test_what_goes_on_is_what_was_understood(request_: tuple[str, str], listed: list[tuple[Entry, bytes]]) -> None:
    passed, fault = send_pieces(request_, [write_archive(listed)])
    read = read_archive([passed])
    assert fault or list(read.entries) == listed
    assert fault or not read.fault


@given(st.sampled_from(REQUESTS), st.lists(entries(), max_size=3), st.integers(0, 3000))
def test_before_its_end_was_looked_at_no_engine_has_a_whole_archive(
    request_: tuple[str, str], listed: list[tuple[Entry, bytes]], most: int
) -> None:
    archive = archive_for(request_)
    passed = b"".join(archive.feed(write_archive(listed)[:most]))
    entries_ = read_archive([passed]).entries
    assert passed[len(passed) - len(END) :] != END or (entries_ and entries_[-1][1])


def test_the_end_goes_on_last_and_once() -> None:
    for content in (archive_of(item("f", b"x")), block(size=b"1") + b"x", block()):
        assert send(PUT, content).endswith(END)
    archive = archive_for(PUT)
    archive.feed(archive_of())
    assert archive.end() == [END]


def test_nothing_goes_on_from_where_a_violation_stands() -> None:
    archive = archive_for(PUT)
    before = b"".join(archive.feed(block(b"before") + block(b"bad", mode=b"0004755") + block(b"after")))
    assert b"before" in before
    assert b"bad" not in before
    assert b"after" not in before
    assert archive.feed(block(b"later")) == []
    assert archive.fault.endswith("only an unrestricted grant allows that")


def test_a_refusal_says_what_and_what_would_allow_it() -> None:
    refusal = refusal_of(PUT, archive_of(link("l", "/etc")))
    assert refusal == (
        'PutContainerArchive is not allowed here: the entry "l" is a link that could lead out of its directory; only an'
        " unrestricted grant allows that"
    )
    assert "the archive has no single reading: " in refusal_of(PUT, b"x" * 600)
    assert "packed by xz" in refusal_of(PUT, b"\xfd7zXZ\0" * 100)
    for size in (1, 10):
        assert "within an entry" in refusal_of(PUT, b"x" * size)
    assert "cut short" in refusal_of(PUT, gzip.compress(archive_of(item("f")))[:-5])


def test_what_is_packed_goes_on_unpacked() -> None:
    content = archive_of(directory("d"), item("d/f", b"x"))
    assert send(PUT, gzip.compress(content)) == send(PUT, content)
    assert passed_on(BUILD, gzip.compress(archive_of(item("Dockerfile", DOCKERFILE)))).entries


def test_large_contents_are_passed_on_without_a_copy() -> None:
    archive = archive_for(PUT)
    archive.feed(block(size=b"%011o" % 2**20))
    piece = bytes(2**16)
    [passed] = archive.feed(piece)
    assert isinstance(passed, memoryview)
    assert passed.obj is piece


def test_every_operation_with_an_archive_is_known() -> None:
    for name in BODIES:
        if BODIES[name].streams:
            operation = OPERATIONS[name]
            path = operation.path.replace("{id}", "x").replace("{name}", "x")
            path = f"/v5.0.0{path}" if path.startswith("/libpod") else path
            assert Archive(request_of(operation.method, path), {})
