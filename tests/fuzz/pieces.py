"""An input cut into pieces as a connection might bring it: in a few ways, the same ones whenever it is tried."""

import random
import zlib
from collections.abc import Iterator
from typing import Final

_WAYS: Final = 2
_MOST_CUTS: Final = 6
_SHORT: Final = 600
"""Bytes of an input that is also tried byte by byte; of a longer one that would take most of the time there is."""


def cut(data: bytes) -> Iterator[list[bytes]]:
    """Yield the pieces of some input, which are never all of it in one."""
    chance = random.Random(zlib.crc32(data))  # noqa: S311 (for tests)
    for _ in range(_WAYS if len(data) > 1 else 0):
        cuts = sorted(chance.sample(range(1, len(data)), min(_MOST_CUTS, len(data) - 1)))
        yield [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    if len(data) <= _SHORT:
        yield [data[at : at + 1] for at in range(len(data))]
