"""What is put into a container stays where it is put, and runs as nobody else."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.claims.looking import faults
from policy.claims.sending import PUT, passed_on, refusal_of
from policy.policies import request_of
from wire.tars import archive_of, block, directory, find_corpus, hard_link, item, link, read_archive, said

from dockerproxy.policy.claims.uploads import Unpacking
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.wire.tar import Entry, Kind

COPIES = [path for path in find_corpus() if path.stem in {"docker-cp-file", "go", "podman-cp-file", "docker-cp-link"}]


@pytest.mark.parametrize("archive", COPIES, ids=lambda path: path.name)
def test_what_clients_copy_passes_as_it_is(archive: Path) -> None:
    content = archive.read_bytes()
    assert passed_on(PUT, content).entries == read_archive([content]).entries


@pytest.mark.parametrize("target", ["file", "sub/file", ".", "./x", "..file"])
def test_a_link_may_point_to_what_is_beside_or_below_it(target: str) -> None:
    assert passed_on(PUT, archive_of(link("d/link", target))).entries[0][0].target == target.encode()


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("path=/data/x", "data/y"),
        ("path=/data/x", "./data"),
        ("path=data", "data/y"),
        ("path=/var/run/x", "run/y"),
        ("path=/%64ata", "data/y"),
        ("path=/%C3%BC", "ü/y"),
    ],
)
def test_no_second_name_is_given_where_podman_would_look_for_another_file(query: str, name: str) -> None:
    request = ("PUT", f"/v1.41/containers/web/archive?{query}")
    content = archive_of(item(name, b"x"), hard_link("h", name))
    assert "is a hard link" in refusal_of(request, content)
    assert len(passed_on(("PUT", "/v1.41/containers/web/archive?path=/"), content).entries) == 2


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../x", "sub/../../x", "/", "a/.."])
def test_a_link_that_could_lead_out_of_its_directory_is_refused(target: str) -> None:
    assert "could lead out of its directory" in refusal_of(PUT, archive_of(link("a/b/c/link", target)))


PARTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)
TARGETS = st.lists(st.sampled_from(["a", "b", "c", ".", ".."]), min_size=1, max_size=4).map("/".join)


def unpack(folder: str, entry: Entry) -> None:
    """Do what engines do with an entry: what is in its place goes, unless both are directories."""
    path = os.path.join(os.fsencode(folder), entry.name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if entry.kind is Kind.DIRECTORY and os.path.isdir(path) and not os.path.islink(path):
        return
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)
    if entry.kind is Kind.LINK:
        os.symlink(entry.target, path)
    else:
        os.mkdir(path)


@given(st.lists(st.tuples(st.booleans(), PARTS, st.none() | TARGETS), max_size=12))
def test_no_chain_of_links_leads_up_however_many_archives_make_it(wanted: list[tuple[bool, str, str | None]]) -> None:
    rules = Unpacking(request_of(*PUT), lambda *_: None)
    with tempfile.TemporaryDirectory() as folder:
        for is_new, name, target in wanted:
            rules = Unpacking(request_of(*PUT), lambda *_: None) if is_new else rules
            kind = Kind.DIRECTORY if target is None else Kind.LINK
            entry = Entry(name=name.encode(), kind=kind, target=(target or "").encode())
            if rules.look(entry) is not None:
                continue
            with contextlib.suppress(OSError):  # A way that leads round in circles, or to nothing.
                unpack(folder, entry)
        for place, folders, files in os.walk(folder):
            for found in (*folders, *files):
                real = os.path.realpath(os.path.join(place, found))
                assert f"{real}/".startswith(f"{os.path.realpath(place)}/")


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6755, 0o4000])
def test_no_program_is_put_that_runs_as_its_owner(mode: int) -> None:
    for written in (item("bin/x", mode=mode), hard_link("x", "bin/y", mode=mode), link("x", "y", mode=mode)):
        written[0].mode = mode
        assert "set-user-ID" in refusal_of(PUT, archive_of(written))


def test_a_directory_may_hand_its_group_on_and_be_sticky() -> None:
    [(entry, _)] = passed_on(PUT, archive_of(directory("d", mode=0o3775))).entries
    assert (entry.kind, entry.mode) == (Kind.DIRECTORY, 0o3775)
    assert passed_on(PUT, archive_of(item("f", mode=0o1644))).entries[0][0].mode == 0o1644


@pytest.mark.parametrize(
    "content",
    [
        block(flag=b"3"),
        block(flag=b"4"),
        block(flag=b"6"),
        said(**{"SCHILY.xattr.security.capability": b"\1\0\0\2"}) + block(),
        archive_of(item("../../etc/passwd")),
        archive_of(link("d", "sub"), item("d/file")),
        archive_of(hard_link("x", "../y")),
        archive_of(hard_link("x", "etc/shadow")),
        archive_of(link("l", "there"), hard_link("x", "l")),
    ],
)
def test_what_reaches_further_is_refused(content: bytes) -> None:
    assert refusal_of(PUT, content).startswith("PutContainerArchive denied: ")


def test_a_file_that_the_archive_brings_may_have_a_second_name() -> None:
    passed = passed_on(PUT, archive_of(item("a/f", b"1"), hard_link("b", "a/f"))).entries
    assert [(entry.kind, entry.name) for entry, _ in passed] == [(Kind.FILE, b"a/f"), (Kind.HARD_LINK, b"b")]


def test_contents_say_nothing() -> None:
    rules, entry = Unpacking(request_of(*PUT), lambda *_: None), Entry(name=b"Dockerfile")
    assert not rules.holds(entry)
    assert rules.read(entry, b"x") == b"x"


def mounted(*mounts: object) -> ResolvedObject:
    """Return a container that has mounts, as an engine shows it."""
    return ResolvedObject("c" * 64, ("web",), subject="c" * 64, document={"id": "c" * 64, "mounts": list(mounts)})


def test_no_files_are_put_where_something_is_mounted_read_only() -> None:
    name = "PutContainerArchive"
    kept = {"Type": "bind", "Destination": "/kept", "RW": False}
    (fault,) = faults(name, "?path=/tmp", None, mounted({"Destination": "/data", "RW": True}, kept))
    assert fault == 'Mounts[1] is "/kept", read-only, but Podman writes there while the container is not running'
    assert len(faults(name, "?path=/tmp", None, mounted({"Destination": "/x"}, "x", {}))) == 3


def test_files_are_put_where_all_that_is_mounted_may_be_written() -> None:
    for container in (mounted(), mounted({"Destination": "/data", "RW": True}), ResolvedObject("c" * 64, ("web",))):
        assert faults("PutContainerArchive", "?path=/tmp", None, container) == []
