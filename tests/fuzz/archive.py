"""Archives: of what three operations let pass, every reader makes the entries that were looked at."""

import gzip
import io
import json
import tarfile
from typing import Final

from fuzz.archive_changes import FIELDS, size_of, split
from fuzz.messages import check_text
from fuzz.pieces import cut
from policy.claims.sending import BUILD, LOAD, PUT, archive_for, feed_all
from wire.tars import read_archive, write_archive

from dockerproxy.policy.claims.archives import Archive
from dockerproxy.policy.values import Value
from dockerproxy.wire.body import frame
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.tar import BLOCK, USTAR, Entry, Kind
from dockerproxy.wire.tar_writing import END

Contents = tuple[tuple[Entry, bytes], ...]

OPERATIONS: Final[tuple[tuple[tuple[str, str], dict[str, Value]], ...]] = (
    (PUT, {}),
    (LOAD, {"tags": ("docker.io/library/tiny:*", "ci/*", "localhost/ci/*")}),
    (BUILD, {}),
)

_PACKED: Final = b"\x1f\x8b"
_COMPLETED: Final = frozenset({b"manifest.json", b"index.json"})
_REWRITTEN: Final = frozenset({*_COMPLETED, b"repositories"})
"""What a load writes anew of JSON, of the first two also the names."""

_READ: Final = {LOAD: _REWRITTEN, BUILD: frozenset({b"Dockerfile", b"dockerfile", b"Containerfile"})}
"""What is read by its name."""

_KINDS: Final = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.LNKTYPE: Kind.HARD_LINK,
}


def read(data: bytes) -> object:
    """Look at an archive as each operation does, once."""
    return [_send(archive_for(*operation), [data]) for operation in OPERATIONS]


def check(data: bytes) -> None:
    """Check what is understood of an archive, and what of it goes on."""
    if data.startswith(_PACKED):
        _check_packed(data)
        return
    understood = read_archive([data])
    check_text(understood.fault)
    for pieces in cut(data):
        assert read_archive(pieces) == understood
    if not understood.fault:
        _check_came(data, understood.entries)
        _check_written(write_archive(understood.entries), understood.entries)
    for request, bounds in OPERATIONS:
        passed, fault = _send(archive_for(request, bounds), [data])
        for pieces in cut(data):
            assert _send(archive_for(request, bounds), pieces) == (passed, fault)
        if fault:
            check_text(fault)
            assert read_archive([passed]).fault in {"", "truncated within an entry"}
        else:
            assert not understood.fault
            assert _send(archive_for(request, bounds), [passed]) == (passed, "")
            entries = read_archive([passed]).entries
            _check_names(entries, _READ.get(request, frozenset()))
            _check_same(entries, understood.entries, rewritten=_REWRITTEN if request == LOAD else frozenset())
            _check_written(passed, entries)


def _check_packed(data: bytes) -> None:
    """What goes on of what is packed is what would go on of it unpacked, or nothing is to be read of it."""
    for request, bounds in OPERATIONS:
        passed, fault = _send(archive_for(request, bounds), [data])
        for pieces in cut(data):
            other, why = _send(archive_for(request, bounds), pieces)
            assert why == fault
            assert fault or other == passed
        if not fault:
            assert _send(archive_for(request, bounds), [gzip.decompress(data)]) == (passed, "")


def _send(archive: Archive, pieces: list[bytes]) -> tuple[bytes, str]:
    """Send an archive; return what the engine gets, and why it gets no more."""
    passed = list[bytes | memoryview]()
    for piece in pieces:
        if not archive.fault:
            passed += feed_all(archive, piece)
    end = [] if archive.fault else archive.end()
    if not archive.fault:  # It may be found out at its end.
        passed += end
        _check_framed(passed)
    return b"".join(passed), archive.fault


def _check_framed(pieces: list[bytes | memoryview]) -> None:
    """In chunks there is no end before the end."""
    framed, chunks = b"".join(frame(pieces, last=True)), Chunks()
    fed = chunks.feed(framed)
    assert chunks.ended
    assert fed.used == len(framed)
    assert b"".join(framed[start:end] for start, end in fed.payload) == b"".join(pieces)


def _check_names(entries: Contents, read: frozenset[bytes]) -> None:
    """No entry leads upwards, and a file that is read by its name is there once."""
    for entry, _ in entries:
        leads = (entry.name, *((entry.target,) if entry.kind is Kind.HARD_LINK else ()))
        assert not any(name.startswith(b"/") or b".." in name.split(b"/") or b"\0" in name for name in leads)
        assert entry.name not in read or entry.kind is Kind.FILE
    names = [entry.name for entry, _ in entries]
    assert all(names.count(name) <= 1 for name in read)


def _check_same(passed: Contents, understood: Contents, *, rewritten: frozenset[bytes]) -> None:
    """What passes is what was understood, but for contents that were read and written anew."""
    for (entry, content), (original, was) in zip(passed, understood, strict=True):
        if entry.name not in rewritten:
            assert (entry, content) == (original, was)
            continue
        assert entry._replace(size=0) == original._replace(size=0)
        assert entry.name in _COMPLETED or json.loads(content) == json.loads(was)


def _check_came(came: bytes, understood: Contents) -> None:
    """Python's own reader finds in what came what was understood, but for names, which it does not clean.

    It may take an archive for none, or end at a header that it does not take.
    """
    if not all(map(_means_the_same_to_python, split(came))):
        return
    try:
        found = _read_with_python(came)
    except tarfile.ReadError:
        return
    assert len(found) <= len(understood)
    for (info, content), (entry, expected) in zip(found, understood, strict=False):
        assert (info.kind, info.mode & 0o7777, info.size, content) == (entry.kind, entry.mode, entry.size, expected)
        assert (info.uid, info.gid) == (entry.uid, entry.gid)
        parts = [part for part in info.name.split(b"/") if part not in {b"", b"."}]
        assert b"/".join(parts) == entry.name
        assert entry.kind is not Kind.LINK or info.target == entry.target


def _means_the_same_to_python(span: bytes) -> bool:
    """Whether an entry or extension has no prefix in a format without one, no number behind a zero byte, where Go finds
    one, no long name that goes on behind its end, where Python reads on, and no old directory, known by the end of its
    name, which Python looks for before an extension gives it another."""
    prefix, numbers = (
        span[FIELDS["prefix"]],
        [span[FIELDS[name]] for name in ("mode", "uid", "gid", "size", "mtime")],
    )
    name, padding = span[BLOCK:][: size_of(span)], span[BLOCK:][size_of(span) :]
    has_prefix = span[FIELDS["magic"]] != USTAR and prefix.strip(b"\0")
    goes_on = span[FIELDS["flag"]] in {b"K", b"L"} and b"\0" not in name and padding.strip(b"\0")
    is_old = span[FIELDS["flag"]] == b"\0" and span[FIELDS["name"]].partition(b"\0")[0].endswith(b"/")
    hides = any(each[:1] == b"\0" and each.strip(b" \0") for each in numbers)
    return not (has_prefix or goes_on or is_old or hides)


def _check_written(written: bytes, expected: Contents) -> None:
    """Python's own reader finds in an archive what it was written from."""
    assert written.endswith(END)
    assert read_archive([written]).entries == expected
    rounded = [(entry._replace(mtime=_round(entry.mtime)), content) for entry, content in expected]
    assert _read_with_python(written) == rounded


def _read_with_python(content: bytes) -> list[tuple[Entry, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content), encoding="utf-8", errors="surrogateescape") as archive:
        return [(_read_info(info), _extract(archive, info)) for info in archive]


def _read_info(info: tarfile.TarInfo) -> Entry:
    """Return an entry as Python reads it, which has no name for the place itself."""
    return Entry(
        name=b"" if info.name == "." else info.name.encode(errors="surrogateescape"),
        kind=_KINDS[info.type],
        mode=info.mode,
        uid=info.uid,
        gid=info.gid,
        size=info.size,
        mtime=_round(repr(info.mtime).encode()),
        target=info.linkname.encode(errors="surrogateescape"),
    )


def _extract(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info) if info.isreg() else None
    return file.read() if file is not None else b""


def _round(time: bytes) -> bytes:
    """Return a time as far as a floating-point number has it."""
    return b"%.3f" % float(time)
