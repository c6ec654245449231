"""What an engine says while it makes an image: with the names that were asked for, where it has fresh marks.

Lines go on when they are whole.

Attack: a line without an end, to fill memory -> Defence: one that is too long goes on in pieces, none of which ends
within a mark (test: test_no_piece_of_a_line_that_is_too_long_has_a_mark).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dockerproxy.api.request import RESERVED
from dockerproxy.policy.image_marks import fresh_key, write_mark
from dockerproxy.policy.phases import Verdict
from dockerproxy.wire.answer import with_content
from dockerproxy.wire.body import frame
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD

_LONGEST: Final = 64 * 1024
_LONGEST_MARK: Final = 512
_NOTHING: Final = b"<none>"
"""What Docker calls an image without a name."""

_SIGN: Final = RESERVED.encode()

Ids = Mapping[str, bytes]
"""IDs of images that were made, by their marks."""

_UNKNOWN: Final[Ids] = MappingProxyType({})


class SaidLines:
    """Reads an answer of unknown length, line by line: in chunks, or to the end of the connection."""

    def __init__(self, *, is_chunked: bool) -> None:
        self._chunks, self._kept = Chunks() if is_chunked else None, b""

    def feed(self, verdict: Verdict, data: bytes) -> bytes:
        """Take a piece of a body that is not the last, whose coding was found to be right; return what goes on."""
        content = self._take(data)
        size = _find_end(content)
        self._kept = content[size:]
        return self._write(put_names(verdict, content[:size]))

    def end(self, verdict: Verdict, data: bytes, ids: Ids) -> bytes:
        """Take the last piece; return what goes on."""
        return self._write(put_names(verdict, self._take(data), ids), last=True)

    def _take(self, data: bytes) -> bytes:
        if self._chunks is None:
            return self._kept + data
        return self._kept + b"".join(data[start:stop] for start, stop in self._chunks.feed(data).payload)

    def _write(self, content: bytes, *, last: bool = False) -> bytes:
        return content if self._chunks is None else b"".join(frame([content], last=last))


def _find_end(content: bytes) -> int:
    """Return how much of what is said goes on already."""
    if len(content) > _LONGEST:
        end = len(content) - _LONGEST_MARK
        begun = content.rfind(_SIGN, end - _LONGEST_MARK, end + len(_SIGN))
        return end if begun < 0 else begun
    return content.rfind(b"\n") + 1


def _find_marks(verdict: Verdict) -> re.Pattern[bytes]:
    """Return what finds fresh marks of an owner."""
    owner = verdict.decision.images.name if verdict.decision.images is not None else ""
    mark = re.escape(write_mark(fresh_key("*"), owner)).replace(r"\*", "[0-9A-Za-z/]{1,99}")
    return re.compile(mark.encode())


def rewrite(verdict: Verdict, answer: bytes, ids: Ids = _UNKNOWN) -> bytes:
    """Return a whole answer, whose length is counted, with names in place of marks."""
    head, end, content = answer.partition(END_OF_HEAD)
    said = put_names(verdict, content, ids)
    return answer if said == content else with_content(head + end, said)


def put_names(verdict: Verdict, content: bytes, ids: Ids = _UNKNOWN) -> bytes:
    """Return what is said with names in place of marks, or IDs of images without a name, as the engine would say it."""
    made = verdict.made if _SIGN in content else {}

    def say(found: re.Match[bytes]) -> bytes:
        mark = found[0].decode()
        return ", ".join(made[mark]).encode() or ids.get(mark) or _NOTHING if mark in made else found[0]

    return _find_marks(verdict).sub(say, content) if made else content
