"""Archives of builds and copies: how far one goes on does not depend on pieces, and another reader finds no device."""

import io
import tarfile

from fuzz.pieces import cut
from wire.test_archive import walk

_BLOCK = 512


def read(data: bytes) -> object:
    """Walk an archive, once."""
    return walk([_repair(data)])


def check(data: bytes) -> None:
    """Check what is made of an archive, and of the same one with headers that are not damaged."""
    for content in (data, _repair(data)):
        passed, broken = walk([content])
        for pieces in cut(content):
            assert bool(walk(pieces)[1]) is bool(broken)
        assert broken or passed == len(content)
        if not broken:
            _check_with_tarfile(content)


def _repair(data: bytes) -> bytes:
    """Write the sum of a header into each block that begins with a name; contents may be anything."""
    blocks = [data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)]
    return b"".join(_sum_up(block) if len(block) == _BLOCK and block[0] else block for block in blocks)


def _sum_up(block: bytes) -> bytes:
    return block[:148] + b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 8 * 32) + block[156:]


def _check_with_tarfile(content: bytes) -> None:
    """Another parser finds only files, directories and links in what passes, as far as it reads that."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for info in archive:
                assert info.isreg() or info.isdir() or info.issym() or info.islnk()
    except (tarfile.TarError, ValueError, EOFError, OSError):
        return
