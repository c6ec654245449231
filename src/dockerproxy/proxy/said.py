"""What an engine says while it makes an image: with the names that were asked for, where it has fresh marks.

Clients look for the image that was loaded by what is said. Lines go on when they are whole.

Attack: a line without an end, to fill memory -> Defence: one that is too long goes on as it is, in pieces
(test: test_a_line_that_is_too_long_goes_on_in_pieces).
"""

from typing import Final

from dockerproxy.api.request import RESERVED
from dockerproxy.policy.phases import Verdict
from dockerproxy.wire.answer import with_content
from dockerproxy.wire.body import frame
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD

_LONGEST: Final = 64 * 1024
_NOTHING: Final = "<none>"
"""What Docker calls an image without a name."""

_SIGN: Final = RESERVED.encode()


class SaidLines:
    """Reads an answer in chunks, line by line."""

    def __init__(self) -> None:
        self._chunks, self._line = Chunks(), b""

    def feed(self, verdict: Verdict, data: bytes) -> bytes:
        """Take a piece of a body, whose coding was found to be right; return what goes on."""
        fed = self._chunks.feed(data)
        content = self._line + b"".join(data[start:stop] for start, stop in fed.payload)
        goes_on = self._chunks.ended or len(content) > _LONGEST
        size = len(content) if goes_on else content.rfind(b"\n") + 1
        self._line = content[size:]
        return b"".join(frame([put_names(verdict, content[:size])], last=self._chunks.ended))


def rewrite(verdict: Verdict, answer: bytes) -> bytes:
    """Return a whole answer, whose length is counted, with names in place of marks."""
    head, end, content = answer.partition(END_OF_HEAD)
    said = put_names(verdict, content)
    return answer if said == content else with_content(head + end, said)


def put_names(verdict: Verdict, content: bytes) -> bytes:
    """Return what is said with names in place of marks."""
    if _SIGN in content:
        for mark, names in verdict.made.items():
            content = content.replace(mark.encode(), (", ".join(names) or _NOTHING).encode())
    return content
