"""Bodies that go on as they come, or are looked at as they pass and written anew piece by piece.

What the engine has got of one when something is wrong is only what was looked at and let through. A piece is small, and
a file of an archive that is read when all of it is there is read in the worker's thread: while it is, the body is busy,
and what comes behind it waits in the client's inbox.

Attack: a file that takes long to read, or the end of the client's side behind it -> Defence: the piece stays in the
inbox until it was read, so nothing behind it is taken and nothing ends (test: test_uploads.py).
"""

from http import HTTPStatus
from typing import Final

from dockerproxy.policy.claims.archives import Archive
from dockerproxy.policy.judge import Verdict
from dockerproxy.wire.body import RequestBody, frame
from dockerproxy.wire.head import RequestHead

_HEADERS: Final = 8 * 1024
"""Bytes of an archive behind the contents of a file that are looked at in one step: headers, of 20 µs each, or a short
file that is read."""


class InspectedBody(RequestBody):
    """Reads one body that is looked at as it passes, and goes on as it was understood."""

    def __init__(self, head: RequestHead, archive: Archive) -> None:
        super().__init__(head)
        self._archive = archive
        self._kept = 0
        self._is_taken = False

    @property
    def kept(self) -> int:
        """Bytes that are kept until it is clear what becomes of them, when they were counted last."""
        return self._kept

    def takes_long(self, data: bytes) -> bool:
        """Whether a file comes to its end that is read then; of what is packed, that is not known before."""
        return self._archive.holds and (self._archive.is_packed or self._archive.left <= len(data))

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take what belongs to the body; return what the engine gets for it, and how many bytes were taken."""
        contents, used = ([b""], 0) if self.has_more else self.take(data[: self._archive.left + _HEADERS])
        if self.broken:
            return [], used
        passed = [piece for content in contents for piece in self._archive.feed(content)]
        self._is_taken, self.has_more = self._is_taken or self.complete, self._archive.has_more
        self.complete = self._is_taken and not self.has_more
        if self.complete:
            passed += self._archive.end()
        self._kept = self._archive.kept
        if self._archive.fault:
            self.broken, self.status = self._archive.fault, HTTPStatus.FORBIDDEN
            return [], used
        return frame(passed, last=self.complete), used


def make_body(verdict: Verdict) -> RequestBody:
    """Return what reads the body of a request that is decided, of which something is left to come."""
    if verdict.decision.conditions is None:
        return RequestBody(verdict.head)
    return InspectedBody(verdict.head, Archive(verdict.request, verdict.decision.conditions))
