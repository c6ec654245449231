"""Nothing of an archive goes on that was not looked at, in whatever pieces it comes."""

import bz2
import gzip
import json
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.claims.sending import BUILD, LOAD, PUT, archive_for, feed_all, passed_on, refusal_of, send
from policy.inspecting import conditions_of
from policy.policies import request_of
from wire.chunks import splits
from wire.tars import archive_of, block, entries, item, link, read_archive, write_archive

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claims.archives import Archive, ReadArchive
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.wire.tar import Entry
from dockerproxy.wire.tar_writing import END

REQUESTS = [PUT, LOAD, BUILD]
DOCKERFILE = b"FROM busybox\n"


def send_pieces(request: tuple[str, str], pieces: list[bytes]) -> tuple[bytes, str]:
    """Send an archive piece by piece; return what goes on, and why no more does."""
    archive, passed = archive_for(request), b""
    for piece in pieces:
        if not archive.fault:
            passed += b"".join(feed_all(archive, piece))
    return passed + b"".join(archive.end()), archive.fault


@given(st.data(), st.sampled_from(REQUESTS), st.lists(entries(), max_size=4))
def test_what_goes_on_does_not_depend_on_the_pieces_it_comes_in(
    data: st.DataObject, request_: tuple[str, str], listed: list[tuple[Entry, bytes]]
) -> None:
    content = write_archive(listed)
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
    assert archive.fault.endswith("only an unrestricted grant allows it")


def test_a_refusal_says_what_and_what_would_allow_it() -> None:
    refusal = refusal_of(PUT, archive_of(link("l", "/etc")))
    assert refusal == (
        'PutContainerArchive denied: the entry "l" is a link that could lead out of its directory; only an'
        " unrestricted grant allows it"
    )
    assert "the archive is invalid: " in refusal_of(PUT, b"x" * 600)
    for size in (1, 10):
        assert "within an entry" in refusal_of(PUT, b"x" * size)


CONTENT = archive_of(item("Dockerfile", DOCKERFILE))
PACKED = gzip.compress(CONTENT, mtime=0)


@pytest.mark.parametrize(
    ("request_", "hint"),
    [
        (PUT, ""),
        (LOAD, ", like zstd -d < image.tar.zst | docker load"),
        (BUILD, ""),
    ],
)
@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(gzip.compress(CONTENT)),
        gzip.compress(bz2.compress(CONTENT)),
        bz2.compress(CONTENT),
        lzma.compress(CONTENT),
        b"\x28\xb5\x2f\xfd" + CONTENT,
        b"P*M\x18\1\0\0\0x" + CONTENT,
        b"_*M\x18\1\0\0\0x" + CONTENT,
    ],
)
def test_what_is_packed_is_refused_and_how_to_send_it_is_said(
    request_: tuple[str, str], hint: str, packed: bytes
) -> None:
    assert f"denied: the archive has an unsupported compression, send it uncompressed{hint}; only" in refusal_of(
        request_, packed
    )
    archive = archive_for(request_)
    assert archive.feed(packed) == []


@given(st.data(), st.sampled_from(REQUESTS), st.lists(entries(), max_size=4))
def test_what_is_packed_by_gzip_is_judged_and_goes_on_unpacked(
    data: st.DataObject, request_: tuple[str, str], listed: list[tuple[Entry, bytes]]
) -> None:
    content = write_archive(listed)
    plain = send_pieces(request_, [content])
    passed, fault = send_pieces(request_, data.draw(splits(gzip.compress(content))))
    assert fault == plain[1]
    assert passed == plain[0]


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        (PACKED + b"\0", "data after the end of the gzip member"),
        (PACKED + PACKED, "data after the end of the gzip member"),
        (PACKED[:-9], "truncated gzip data"),
        (gzip.compress(CONTENT[:520], mtime=0), "truncated within an entry"),
    ],
)
def test_what_is_not_packed_as_one_whole_is_refused(packed: bytes, says: str) -> None:
    assert f"the archive is invalid: {says}" in refusal_of(PUT, packed)


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "packed"])
def test_an_archive_knows_whether_it_is_unpacked_here(content: bytes) -> None:
    archive = Archive(request_of(*REQUESTS[0]), ())
    archive.feed(content)
    assert archive.is_packed is (content is not CONTENT)


def test_of_what_is_packed_a_bounded_part_goes_on_at_once() -> None:
    content, archive = archive_of(item("f", bytes(2**20))), archive_for(PUT)
    sizes = [sum(map(len, archive.feed(gzip.compress(content))))]
    while archive.has_more:
        sizes.append(sum(map(len, archive.feed(b""))))
    assert max(sizes) <= 2**17
    assert (archive.kept, archive.end(), archive.fault) == (100, [END], "")


@pytest.mark.parametrize("name", [b"BZh91AY&SY", b"\x28\xb5\x2f\xfd", b"P*M\x18\1\1\1\1"])
def test_what_engines_would_take_for_packed_by_the_first_name_never_begins_what_goes_on(name: bytes) -> None:
    assert "unsupported compression" in refusal_of(PUT, block(name))
    [first, second] = passed_on(PUT, block(b"first") + block(name)).entries
    assert (first[0].name, second[0].name) == (b"first", name)
    assert send(PUT, block(b"BZ") + block(b"?*M\x18")).startswith(b"././@PaxHeader\0")
    assert send(PUT, block(b"?*M\x18")).startswith(b"././@PaxHeader\0")


@pytest.mark.parametrize("part", [b"\n", b",", b"[", b"{"])
def test_a_file_that_is_read_here_has_no_more_parts_than_can_be_read_at_once(part: bytes) -> None:
    most = DOCKERFILE.replace(b"\n", b" #") + part * 2**14
    assert part == b"\n" or send(BUILD, archive_of(item("Dockerfile", most)))  # Of lines a Dockerfile has fewer.
    for request_, name in ((BUILD, "Dockerfile"), (LOAD, "manifest.json")):
        content = archive_of(item(name, most + part))
        assert f'"{name}" has too many lines or values' in refusal_of(request_, content)


def test_large_contents_are_passed_on_without_a_copy() -> None:
    archive = archive_for(PUT)
    archive.feed(block(size=b"%011o" % 2**20))
    piece = bytes(2**16)
    [passed] = archive.feed(piece)
    assert isinstance(passed, memoryview)
    assert passed.obj is piece


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_is_kept_is_known_to_the_hundred_bytes_of_a_name(request_: tuple[str, str]) -> None:
    archive = archive_for(request_)
    assert archive.kept == 0
    archive.feed(archive_of(*(link(f"l{number}", "f") for number in range(10)))[:5120])
    assert (archive.kept, archive.fault) == (1000, "")
    archive.feed(block()[:100])
    assert archive.kept == 1100


@pytest.mark.parametrize(("request_", "name"), [(LOAD, b"manifest.json"), (BUILD, b"Dockerfile")])
def test_of_a_file_that_is_read_all_that_came_is_kept(request_: tuple[str, str], name: bytes) -> None:
    archive = archive_for(request_)
    archive.feed(block(name, size=b"0003720") + b"x" * 700)
    assert (archive.kept, archive.holds, archive.left) == (700 + 100, True, 2000 - 700)
    archive.feed(b"x" * 1300)
    assert (archive.kept, archive.holds, archive.left) == (100, False, 0)


def test_a_file_that_passes_is_not_held() -> None:
    archive = archive_for(PUT)
    archive.feed(block(size=b"0003720") + b"x" * 700)
    assert (archive.holds, archive.left) == (False, 1300)


def test_of_a_header_before_an_entry_what_it_says_is_kept() -> None:
    archive = archive_for(PUT)
    archive.feed(block(b"././@LongLink", b"L", size=b"0007640") + b"n" * 4000 + bytes(96))
    assert archive.kept == 4000


def test_every_operation_with_an_archive_is_known() -> None:
    for name in BODIES:
        if BODIES[name].streams:
            operation = OPERATIONS[name]
            path = operation.path.replace("{id}", "x").replace("{name}", "x")
            path = f"/v5.0.0{path}" if path.startswith("/libpod") else path
            assert Archive(request_of(operation.method, path), ())


def manifest(*names: str) -> bytes:
    return json.dumps([{"RepoTags": names}]).encode()


@pytest.mark.parametrize(
    ("manifest_", "index", "passes"),
    [("ci/a:1", "ci/b:1", True), ("me/a:1", "me/b:1", True), ("ci/a:1", "me/b:1", False), ("x:1", "ci/a:1", False)],
)
def test_an_archive_fits_one_of_several_grants_as_a_whole(manifest_: str, index: str, *, passes: bool) -> None:
    grants = tuple(conditions_of({"tags": (tag,)}) for tag in ("ci/*:*", "me/*:*"))
    named = {"manifests": [{"annotations": {"io.containerd.image.name": f"docker.io/{index}"}}]}
    content = archive_of(item("manifest.json", manifest(manifest_)), item("index.json", json.dumps(named).encode()))
    archive = Archive(request_of(*LOAD), grants)
    feed_all(archive, content)
    archive.end()
    assert (not archive.fault) is passes, archive.fault


def test_of_several_grants_only_those_that_an_archive_fits_say_which_names_it_takes() -> None:
    grants = tuple(conditions_of({"tags": (tag,)}) for tag in ("ci/*:*", "me/*:*"))
    archive = Archive(request_of(*LOAD), grants)
    assert list(archive.takes) == ["docker.io/ci/*:*", "docker.io/me/*:*"]
    feed_all(archive, archive_of(item("manifest.json", manifest("me/a:1"))))
    assert list(archive.takes) == ["docker.io/me/*:*"]


def test_what_is_read_of_an_archive_is_bounded_and_nothing_of_it_is_kept_twice() -> None:
    names = [f"ci/{'x' * 200}:{number}" for number in range(500)]
    read = ReadArchive(request_of(*LOAD), (conditions_of({"tags": ("me/*",)}),))
    feed_all(read, archive_of(item("manifest.json", manifest(*names, *names)), item("repositories", b"{}")))
    read.end()
    assert len(read.found.claims) == 501
    assert not read.fault
    assert read.denial.startswith("ImageLoad denied: a name in manifest.json is ")
    assert 501_000 <= read.kept < 502_000


def test_behind_a_violation_nothing_is_read() -> None:
    read = ReadArchive(request_of(*BUILD), ())
    feed_all(read, archive_of(link("Dockerfile", "x"), item("Containerfile", DOCKERFILE)))
    read.end()
    assert [str(fault) for fault in read.found.violations] == ['the entry "Dockerfile" must be a file, and occur once']
    assert (read.found.claims, read.feed(CONTENT)) == ([], [])


def test_a_file_in_which_a_violation_stands_is_held_no_longer() -> None:
    read = ReadArchive(request_of(*LOAD), ())
    content = archive_of(item("manifest.json", b'[{"io.containers.autoupdate": 1}]' + b" " * 10_000))
    read.feed(content[: content.index(b"autoupdate") + 20])
    assert read.found.violations
    assert not read.holds


def test_of_what_no_grant_allows_and_what_this_one_does_not_the_first_is_said() -> None:
    content = archive_of(item("manifest.json", manifest("x:1", "no name")))
    assert "not a valid image name; only an unrestricted grant allows it" in refusal_of(LOAD, content, tags=("ci/*",))


def test_an_archive_has_ended_when_all_of_its_entries_were_there() -> None:
    read = ReadArchive(request_of(*PUT), ())
    content = archive_of(item("a", b"x"))
    read.feed(content[:1024])
    assert not read.has_ended
    read.feed(content[1024:1536])
    assert read.has_ended
