"""Why an engine attaches a client to no container, without the IDs of others (`policy/conflicts`).

Lines go on when they are whole.

Attack: a line without an end, to fill memory -> Defence: one that is too long goes on in pieces, which end with a blank
(test: test_a_line_that_is_too_long_goes_on_in_pieces).
"""

from typing import Final

from dockerproxy.policy.conflicts import forget_ids
from dockerproxy.policy.phases import Verdict
from dockerproxy.wire.answer import with_content
from dockerproxy.wire.body import frame
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD

_LONGEST: Final = 64 * 1024


class SaidLines:
    """Reads an answer of unknown length, line by line: in chunks, or to the end of the connection."""

    def __init__(self, *, is_chunked: bool) -> None:
        self._chunks, self._kept = Chunks() if is_chunked else None, b""

    def feed(self, verdict: Verdict, data: bytes) -> bytes:
        """Take a piece of a body that is not the last, whose coding was found to be right; return what goes on."""
        content = self._take(data)
        size = _find_end(content)
        self._kept = content[size:]
        return self._write(forget_ids(content[:size], verdict.sent))

    def end(self, verdict: Verdict, data: bytes) -> bytes:
        """Take the last piece; return what goes on."""
        return self._write(forget_ids(self._take(data), verdict.sent), last=True)

    def _take(self, data: bytes) -> bytes:
        if self._chunks is None:
            return self._kept + data
        return self._kept + b"".join(data[start:stop] for start, stop in self._chunks.feed(data).payload)

    def _write(self, content: bytes, *, last: bool = False) -> bytes:
        return content if self._chunks is None else b"".join(frame([content], last=last))


def _find_end(content: bytes) -> int:
    """Return how much of what is said goes on already."""
    is_long = len(content) > _LONGEST
    end = content.rfind(b" " if is_long else b"\n") + 1
    return end or (len(content) if is_long else 0)


def rewrite(verdict: Verdict, answer: bytes) -> bytes:
    """Return a whole answer, whose length is counted, without the IDs of others."""
    head, end, content = answer.partition(END_OF_HEAD)
    said = forget_ids(content, verdict.sent)
    return answer if said == content else with_content(head + end, said)
