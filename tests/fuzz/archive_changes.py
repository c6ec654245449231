"""Changes to an archive that leave it one: a field of a header, a record, an entry; with its checksums put right.

Bytes changed anywhere are found out by a checksum nearly always, and the rest of the reader would never be tried.
"""

import random
from collections.abc import Callable
from typing import Final

from wire.tars import block, extended, record

from dockerproxy.wire.tar import BLOCK, CHECKSUM, padding_of

Mutate = Callable[[bytes, int], bytes]

FIELDS: Final = {
    "name": slice(0, 100),
    "mode": slice(100, 108),
    "uid": slice(108, 116),
    "gid": slice(116, 124),
    "size": slice(124, 136),
    "mtime": slice(136, 148),
    "checksum": CHECKSUM,
    "flag": slice(156, 157),
    "target": slice(157, 257),
    "magic": slice(257, 265),
    "prefix": slice(345, 500),
    "rest": slice(500, 512),
}
_SIZE: Final = FIELDS["size"]
_NAMES: Final = (*b"f d/ d/f l l/f ../f /f ./ . a//b \xff".split(b" "), b"", b"n" * 100, b"a\nb")
_NAMES_OF_FILES: Final = b"manifest.json index.json repositories Dockerfile .dockerignore Containerfile".split()
_NUMBERS: Final = (*b"0 8 -1 4755 100644 777777777777".split(), b"", b"644 ", b"0000755\0", b"\x80" + bytes(10) + b"\1")
_POOL: Final = {
    "name": (*_NAMES, *_NAMES_OF_FILES),
    "target": (*_NAMES, *_NAMES_OF_FILES, b"../../etc", b"/etc"),
    "prefix": (b"", b"d", b"..", b"p" * 155),
    "flag": tuple(bytes([flag]) for flag in b"0\x001234567LKxgSVDNMXA"),
    "magic": (b"ustar\00000", b"ustar  \0", bytes(8), b"ustar\0  "),
    "rest": (bytes(12), bytes(8) + b"tar\0"),
}
_KEYS: Final = b"path linkpath size uid gid mtime comment GNU.sparse.name SCHILY.xattr.a".split()
_VALUES: Final = (*_NAMES, *_NAMES_OF_FILES, *b"0 1 512 1.5 -1.000000001 4294967295".split(), b"x" * 300, b"\0")
_CONTENTS: Final = (
    b"",
    b"x",
    b'[{"RepoTags":["tiny:1"]}]',
    b'[{"repotags":["evil:1","ci/a:1"]}]',
    b'[{"RepoTags":["tiny@sha256:0"]},{}]',
    b'{"tiny":{"1":"0"}}',
    b'{"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"ci/a:1"}}]}',
    b"FROM x\nRUN --network=host y\n",
    b"#syntax=evil\nFROM x\n",
    b"x" * 513,
)


def change(data: bytes, most: int, seed: int, mutate: Mutate) -> bytes:
    """Return an archive with a few changes.

    Args:
        data: The archive.
        most: Bytes that it may have.
        seed: Of chance.
        mutate: Changes any bytes, up to a length.
    """
    chance = random.Random(seed)  # noqa: S311 (for tests)
    if chance.random() < 0.1:
        return mutate(data, most)
    spans = split(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(spans) + 1)
        _CHANGES[chance.randrange(len(_CHANGES))](spans, at, chance, mutate)
    return b"".join(spans)[:most]


def archive_with(name: bytes, content: bytes) -> bytes:
    """Return an archive of one file."""
    return block(name, size=b"%011o" % len(content)) + content + bytes(padding_of(len(content)))


def split(data: bytes) -> list[bytes]:
    """Cut an archive into its entries and extensions, each a header with its contents."""
    spans, at = list[bytes](), 0
    while at < len(data):
        size = size_of(data[at:])
        end = at + BLOCK + size + padding_of(size)
        spans.append(data[at:end])
        at = end
    return spans


def size_of(span: bytes) -> int:
    """Return how long the contents of an entry or extension are."""
    if span[_SIZE][:1] == b"\x80":  # GNU's way to write a large number.
        return int.from_bytes(span[_SIZE][1:])
    digits = span[_SIZE].strip(b" \0")
    return int(digits, 8) if digits.isdigit() and not set(digits) & set(b"89") else 0


def _mend(span: bytes) -> bytes:
    """Put the checksum of a header right."""
    header = span[: CHECKSUM.start] + 8 * b" " + span[CHECKSUM.stop : BLOCK]
    return header[: CHECKSUM.start] + b"%06o\0 " % sum(header) + header[CHECKSUM.stop :] + span[BLOCK:]


def _put(span: bytes, field: slice, value: bytes) -> bytes:
    return (
        span[: field.start]
        + value[: field.stop - field.start].ljust(field.stop - field.start, b"\0")
        + span[field.stop :]
    )


def _change_field(spans: list[bytes], at: int, chance: random.Random, mutate: Mutate) -> None:
    if at >= len(spans) or len(spans[at]) < BLOCK:
        return
    name, field = chance.choice(list(FIELDS.items()))
    pool = _POOL.get(name, _NUMBERS)
    value = chance.choice(pool) if chance.random() < 0.7 else mutate(spans[at][field], field.stop - field.start)
    changed = _put(spans[at], field, value)
    spans[at] = changed if name == "checksum" else _mend(changed)


def _change_contents(spans: list[bytes], at: int, chance: random.Random, mutate: Mutate) -> None:
    if at >= len(spans) or len(spans[at]) < BLOCK:
        return
    content = spans[at][BLOCK:].rstrip(b"\0")
    content = chance.choice(_CONTENTS) if chance.random() < 0.5 else mutate(content, 2 * BLOCK)
    header = _put(spans[at][:BLOCK], _SIZE, b"%011o" % len(content))
    spans[at] = _mend(header) + content + bytes(padding_of(len(content)))


def _add_records(spans: list[bytes], at: int, chance: random.Random, mutate: Mutate) -> None:
    records = [record(chance.choice(_KEYS), chance.choice(_VALUES)) for _ in range(chance.randrange(1, 4))]
    content = b"".join(records)
    spans.insert(at, extended(content if chance.random() < 0.8 else mutate(content, 2 * BLOCK) or b"\n"))


def _add_entry(spans: list[bytes], at: int, chance: random.Random, mutate: Mutate) -> None:
    del mutate
    name, target = chance.choice(_POOL["name"]), chance.choice(_POOL["target"])
    content = chance.choice(_CONTENTS)
    flag = chance.choice(b"00000125LKx")
    if flag in b"125":
        spans.insert(at, block(name, bytes([flag]), target=target))
    else:
        header = block(name, bytes([flag]), size=b"%011o" % len(content))
        spans.insert(at, header + content + bytes(padding_of(len(content))))


def _repeat(spans: list[bytes], at: int, chance: random.Random, mutate: Mutate) -> None:
    del mutate
    if spans:
        spans.insert(at, chance.choice(spans))


def _drop(spans: list[bytes], at: int, chance: random.Random, mutate: Mutate) -> None:
    del chance, mutate
    del spans[at : at + 1]


_CHANGES: Final = (_change_field, _change_field, _change_contents, _add_records, _add_entry, _repeat, _drop)
