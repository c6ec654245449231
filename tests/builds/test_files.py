"""What a client sends as files is read packet by packet: directories, files and links go on, in whatever pieces."""

import gzip
import io
import tarfile
from itertools import pairwise

import pytest
from builds.ends import framed
from builds.messages import entry, flag, text
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.builds.files import LONGEST, MOST, READERS, Reader
from dockerproxy.builds.solving import DeniedError

DIRECTORY, APPENDS, LINK, DEVICE, PIPE, SOCKET, SETUID, SETGID, CHARACTERS, STICKY, IRREGULAR = (
    1 << bit for bit in (31, 30, 27, 26, 25, 24, 23, 22, 21, 20, 19)
)
"""Bits of Go's os.FileMode."""


def stat(mode: int, *more: bytes) -> bytes:
    """Write an entry of a directory."""
    return text(2, text(1, "a/b") + flag(2, mode) + b"".join(more))


def data(content: bytes, number: int = 300) -> bytes:
    """Write a piece of a file, as clients do."""
    return flag(1, 2) + flag(3, number) + text(4, content)


def hear(how: str, content: bytes, cuts: tuple[int, ...] = ()) -> str:
    """Have it read in pieces; return why it is denied, or nothing."""
    reader: Reader = READERS[how]()
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    try:
        for start, end in pairwise(places):
            reader.take(content, start, end)
            while reader.work():
                pass
        reader.finish()
    except DeniedError as error:
        return str(error)
    return ""


PASSED: list[tuple[str, bytes]] = [
    ("the end of entries", b""),
    ("a file", stat(0o644)),
    ("a file without permissions", stat(0)),
    ("a file with all permissions", stat(0o777 | SETUID | SETGID | STICKY)),
    ("a directory", stat(DIRECTORY | 0o1755 & 0o777)),
    ("a link", stat(LINK | 0o777, text(7, "../x"))),
    ("a hard link", stat(0o644, text(7, "other"))),
    ("a path that is not UTF-8", text(2, text(1, b"\xff") + text(7, b"\xfe"))),
    ("attributes", stat(0o644, entry(10, "security.capability", b"\1\0\0\2" + bytes(16)))),
    ("a time before 1970", stat(0o644, flag(6, 2**64 - 1))),
    ("no numbers of a device", stat(0o644, flag(8, 0), flag(9, 0))),
    ("data", data(bytes(32_768))),
    ("much data", data(bytes(200_000))),
    ("data of the first entry", flag(1, 2) + text(4, bytes(70_000))),
    ("data that looks like a device", data(stat(DEVICE))),
    ("the end of a file", flag(1, 2) + flag(3, 7)),
    ("fields in another order", text(4, b"x") + flag(3, 7) + flag(1, 2)),
    ("the end", flag(1, 3)),
    ("an error", flag(1, 4) + text(4, "it failed")),
]

DENIED: list[tuple[str, bytes, str]] = [
    ("a block device", stat(DEVICE | 0o644), '"a/b" is a device: leave it out'),
    ("a character device", stat(DEVICE | CHARACTERS), "is a device"),
    ("a device by its number", stat(0o644, flag(8, 8)), "Stat.devmajor is a device"),
    ("a device by its other number", stat(0o644, flag(9, 5)), "Stat.devminor is a device"),
    ("a device without a path", text(2, flag(2, DEVICE)), "an entry is a device"),
    ("a device in a packet of data", flag(1, 2) + stat(DEVICE), "is a device"),
    ("a device after data", data(b"x") + stat(DEVICE), "is a device"),
    ("a device in much data", data(bytes(70_000)) + stat(DEVICE), "not one piece of data"),
    ("a device and a directory", stat(DEVICE | DIRECTORY), "is a device"),
    ("a pipe", stat(PIPE | 0o600), "is a pipe"),
    ("a pipe and a link", stat(PIPE | LINK), "is a pipe"),
    ("a socket", stat(SOCKET), "is a socket"),
    ("a directory and a link", stat(DIRECTORY | LINK), "of an unknown kind"),
    *[("another bit", stat(bit), "of an unknown kind") for bit in (APPENDS, CHARACTERS, IRREGULAR, 1 << 28, 1 << 9)],
    ("a mode that Go cuts off", stat(1 << 32 | 0o644), "of an unknown kind"),
    ("a mode twice", stat(0o644, flag(2, DEVICE)), "occurs twice"),
    ("an entry twice", stat(0o644) + stat(DEVICE), "occurs twice"),
    ("a mode of another type", text(2, text(2, "x")), "mode is not of the type int"),
    ("a longer mode", text(2, b"\x10\x80\0"), "overlong number"),
    ("an unknown field", stat(0o644, flag(11, 1)), "unknown field 11"),
    ("a request", flag(1, 1) + flag(3, 1), "a packet of the type 1"),
    ("a hash", flag(1, 6), "a packet of the type 6"),
    ("a type that Go cuts off", flag(1, 1 << 32) + stat(0o644), "a packet of the type 4294967296"),
    ("a long packet", stat(0o644, entry(10, "user.x", bytes(LONGEST))), "not one piece of data"),
    ("less data than is left", flag(1, 2) + text(4, bytes(9))[:-1], "truncated"),
]  # fmt: skip

CUTS = st.lists(st.integers(0, 400), max_size=6).map(tuple)


@for_each(("what", "packet"), PASSED)
def test_a_file_a_directory_and_a_link_go_on(what: str, packet: bytes) -> None:
    for cuts in ((), *((cut,) for cut in range(30)), tuple(range(30)), (100_000,)):
        assert hear("packets", framed(packet) + framed(flag(1, 3)), cuts) == "", what


@for_each(("what", "packet", "says"), DENIED)
def test_nothing_else_goes_on_whatever_else_the_packet_says(what: str, packet: bytes, says: str) -> None:
    for cuts in ((), *((cut,) for cut in range(30)), tuple(range(30)), (100_000,)):
        assert says in hear("packets", framed(data(b"x" * 200)) + framed(packet), cuts), what


@pytest.mark.parametrize("packet", [b"", stat(0o644), stat(DIRECTORY), flag(1, 0)])
def test_no_entry_goes_on_after_the_last_one(packet: bytes) -> None:
    """The engine sends it to a closed channel, and dockerd ends."""
    assert "after the last one" in hear("packets", framed(b"") + framed(data(b"x")) + framed(packet))


@given(st.lists(st.sampled_from([packet for _, packet in PASSED if packet]), max_size=4), CUTS, st.booleans())
def test_however_packets_are_cut_the_last_one_is_found(packets: list[bytes], cuts: tuple[int, ...], ends: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    content = b"".join(map(framed, packets)) + framed(stat(PIPE)) * ends
    assert ("is a pipe" in hear("packets", content, cuts)) == ends


@for_each("how", ["packets", "archive"])
def test_a_message_is_not_compressed_and_frames_have_few(how: str) -> None:
    assert hear(how, b"\1" + framed(b"")[1:]) == "its messages are compressed"
    small = framed(flag(1, 2) if how == "packets" else b"")
    assert hear(how, small * MOST) == ""
    assert hear(how, small * (MOST + 1)) == f"more than {MOST} messages at once"


def archive(kind: bytes = tarfile.REGTYPE, content: bytes = b"x" * 5000) -> bytes:
    """Make an archive with two entries, the second one of a kind."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        first, second = tarfile.TarInfo("file"), tarfile.TarInfo("Dockerfile")
        first.size, second.type = len(content), kind
        tar.addfile(first, io.BytesIO(content))
        tar.addfile(second)
    return made.getvalue()


def sum_with_signs(tar: bytes, byte: int) -> bytes:
    """Give the first entry a name of one byte, and a sum in which high bytes are negative."""
    block = bytes((byte, *bytes(99), *tar[100:148], *b" " * 8, *tar[156:512]))
    return block[:148] + b"%06o\0 " % (sum(block) - 256) + block[156:] + tar[512:]


def sum_of_zero(tar: bytes) -> bytes:
    """Give the first entry no sum, which Go reads as 0: the sum if high bytes are negative."""
    block = bytearray((*tar[:148], *b" " * 8, *tar[156:265], *bytes(80), *tar[345:512]))
    many, rest = divmod(sum(block), 128)
    filling = b"\x80" * many + bytes([256 - rest] * bool(rest))
    block[265 : 265 + len(filling)] = filling
    assert sum(byte - 256 * (byte > 127) for byte in block) == 0
    return bytes(block) + tar[512:]


def pieces(content: bytes, size: int = 32_768) -> bytes:
    """Write the pieces of a context from standard input."""
    return b"".join(framed(text(1, content[at : at + size])) for at in range(0, len(content), size))


DEVICES = archive(tarfile.BLKTYPE)
TEXT = b"FROM busybox\nRUN echo " + b"x" * 4000
LIKE_A_HEADER = b"#" * 148 + b"7777777 " + b"#" * 400
UPLOADS: list[tuple[str, bytes, str]] = [
    ("nothing", b"", ""),
    ("a Dockerfile", TEXT, ""),
    ("a short Dockerfile", b"FROM busybox\n", ""),
    ("a Dockerfile like a header", LIKE_A_HEADER, ""),
    ("zeros, which are a Dockerfile", bytes(2000), ""),
    ("a Dockerfile before an archive", TEXT + DEVICES, ""),
    ("an archive", archive(), ""),
    ("an archive in gzip", gzip.compress(archive()), ""),
    ("a long archive in gzip", gzip.compress(archive(content=bytes(2_000_000))), ""),
    ("a device", DEVICES, "entry 2 of the archive is a block device"),
    ("a device in gzip", gzip.compress(DEVICES), "entry 2 of the archive is a block device"),
    ("a device after much", gzip.compress(archive(tarfile.FIFOTYPE, bytes(2_000_000))), "is a pipe"),
    ("a part of an archive", archive()[:1000], "cut off"),
    ("a part of gzip", gzip.compress(archive())[:-9], "cut off"),
    ("bzip2", b"BZh91AY&SY" + bytes(600), "bzip2"),
    ("xz", b"\xfd7zXZ\0" + bytes(600), "xz"),
    ("zstd", b"\x28\xb5\x2f\xfd" + bytes(600), "zstd"),
    ("a header whose sum has signs, as on some systems", sum_with_signs(archive(), 0xC3), "not a tar archive"),
    ("a header without a sum, which is 0 by signs", sum_of_zero(DEVICES), "not a tar archive"),
    ("a short archive in gzip", gzip.compress(archive(tarfile.BLKTYPE, b""))[:400], "is a block device"),
]


@for_each(("what", "content", "says"), UPLOADS)
def test_a_context_from_standard_input_is_a_dockerfile_or_an_archive_without_devices(
    what: str, content: bytes, says: str
) -> None:
    for size in (100, 512, 32_768):
        for cuts in ((), (1, 2, 3, 4, 5, 6, 7, 8), tuple(range(0, 3000, 70))):
            heard = pieces(content, size)
            found = hear("archive", heard, (*cuts, *range(0, len(heard), 2000)))
            assert (says in found) if says else not found, (what, size, cuts, found)


def test_a_piece_of_an_archive_is_only_data() -> None:
    for message in (flag(1, 1), text(1, "x") + text(1, "x"), text(2, "x"), b"\x0a\x81\0x", text(1, "xx")[:-1]):
        assert hear("archive", framed(message)) == "a piece of an archive is not in its shortest form"


def test_a_table_names_a_reader_for_each_word() -> None:
    with pytest.raises(KeyError):
        READERS["-"]()
