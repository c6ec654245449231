"""Archives for tests, written by Python's own tarfile, and what a reader of ours makes of them."""

import io
import struct
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from dockerproxy.wire.tar import Entry, Event, FileEnd, Kind, TarReader, padding_of
from dockerproxy.wire.tar_writing import END, write_entry

CHECKSUM = slice(148, 156)


def item(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a file of an archive, or with other fields anything else."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def directory(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a directory of an archive."""
    return item(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def link(name: str, target: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a symbolic link of an archive."""
    return item(name, type=tarfile.SYMTYPE, linkname=target, **{"mode": 0o777, **fields})


def hard_link(name: str, target: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a hard link of an archive."""
    return item(name, type=tarfile.LNKTYPE, linkname=target, **fields)


def archive_of(*items: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, **settings: object) -> bytes:
    """Return an archive."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=form, **settings) as archive:  # type: ignore[call-overload]
        for info, content in items:
            archive.addfile(info, io.BytesIO(content))
    return written.getvalue()


def block(name: bytes = b"f", flag: bytes = b"0", *, magic: bytes = b"ustar\00000", **fields: bytes) -> bytes:
    """Return a header, with fields as they are given and the right checksum."""
    header = bytearray(
        struct.pack(
            "100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12s",
            name,
            fields.get("mode", b"0000644"),
            fields.get("uid", b"0000000"),
            fields.get("gid", b"0000000"),
            fields.get("size", b"00000000000"),
            fields.get("mtime", b"00000000000"),
            8 * b" ",
            flag,
            fields.get("target", b""),
            magic,
            b"",
            b"",
            b"",
            b"",
            fields.get("prefix", b""),
            fields.get("rest", b""),
        )
    )
    header[CHECKSUM] = b"%06o\0 " % sum(header)
    return bytes(header)


def record(key: bytes, value: bytes) -> bytes:
    """Return a record of an extended header."""
    rest = b" %b=%b\n" % (key, value)
    length = next(n for n in range(len(rest), len(rest) + 9) if n == len(rest) + len(b"%d" % n))
    return b"%d" % length + rest


def extended(content: bytes, flag: bytes = b"x") -> bytes:
    """Return an extended header."""
    return block(b"x", flag, size=b"%011o" % len(content)) + content + bytes(padding_of(len(content)))


def said(**records: bytes) -> bytes:
    """Return an extended header with these records."""
    return extended(b"".join(record(key.encode(), value) for key, value in records.items()))


@dataclass(frozen=True)
class Read:
    """What was made of an archive."""

    entries: tuple[tuple[Entry, bytes], ...]
    fault: str


def read_archive(pieces: Iterable[bytes]) -> Read:
    """Read an archive piece by piece to its end, or until it has no reading."""
    reader, found = TarReader(), list[tuple[Entry, bytes]]()
    for piece in pieces:
        for event in () if reader.fault else reader.feed(piece):
            _take(event, found)
    reader.end()
    return Read(tuple(found), reader.fault)


def _take(event: Event, found: list[tuple[Entry, bytes]]) -> None:
    if isinstance(event, Entry):
        found.append((event, b""))
    elif not isinstance(event, FileEnd):
        entry, content = found[-1]
        found[-1] = entry, content + bytes(event)


def fault_in(archive: bytes) -> str:
    """Return why an archive has no single reading."""
    return read_archive([archive]).fault


def write_archive(entries: Iterable[tuple[Entry, bytes]]) -> bytes:
    """Write an archive anew."""
    written = b""
    for entry, content in entries:
        written += write_entry(entry, first=not written) + content + bytes(padding_of(len(content)))
    return written + END


def find_corpus() -> list[Path]:
    """Return the archives that real clients wrote."""
    corpus = Path(__file__).parent.parent / "corpus" / "tar"
    return sorted(path for path in corpus.iterdir() if path.suffix == ".tar")


def written_anew(archive: Path) -> bytes:
    """Return what goes on of an archive."""
    read = read_archive([archive.read_bytes()])
    assert not read.fault
    return write_archive(read.entries)


NAMES = st.lists(
    st.one_of(
        st.text("abc._-é\n\\ ", min_size=1, max_size=12),
        st.text("x", min_size=90, max_size=110),
        st.sampled_from(["BZh91AY&SY", "P*M\x18\x01\x01\x01\x01", "a" * 300]),
    ).filter(lambda part: part not in {".", ".."}),
    min_size=1,
    max_size=4,
).map("/".join)

TIMES = st.builds(
    lambda seconds, fraction: f"{seconds}{fraction}".encode(),
    st.integers(0, 10**12 - 1),
    st.sampled_from(["", ".5", ".000000001"]),
) | st.integers(-(10**9), -1).map(lambda seconds: b"%d" % seconds)


@st.composite
def entries(draw: st.DrawFn) -> tuple[Entry, bytes]:
    """Generate an entry with its contents."""
    kind = draw(st.sampled_from(Kind))
    content = draw(st.binary(max_size=1200)) if kind is Kind.FILE else b""
    target = {Kind.LINK: NAMES.map(lambda name: "../" + name), Kind.HARD_LINK: NAMES}.get(kind, st.just(""))
    entry = Entry(
        name=draw(NAMES).encode(),
        kind=kind,
        mode=draw(st.integers(0, 0o7777)),
        uid=draw(st.sampled_from([0, 1000, 8**7 - 1, 8**7, 2**32 - 2])),
        gid=draw(st.sampled_from([0, 1000, 8**7 - 1, 8**7, 2**32 - 2])),
        size=len(content),
        mtime=draw(TIMES),
        target=draw(target).encode(),
    )
    return entry, content
