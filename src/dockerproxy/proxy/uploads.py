"""Bodies that go on as they come, or are looked at as they pass and written anew piece by piece.

What the engine has got of one when something is wrong is only what was looked at and let through. A piece is small, and
a file of an archive that is read when all of it is there is read in the worker's thread: while it is, the body is busy,
and what comes behind it waits in the client's inbox.

Attack: a file that takes long to read, or the end of the client's side behind it -> Defence: the piece stays in the
inbox until it was read, so nothing behind it is taken and nothing ends (test: test_uploads.py).
"""

from http import HTTPStatus
from typing import Final

from dockerproxy.policy.claims.archives import Archive, ReadArchive
from dockerproxy.policy.judge import judge_archive
from dockerproxy.policy.needs import UNREAD
from dockerproxy.policy.phases import Verdict, settle_names
from dockerproxy.wire.body import RequestBody, frame

_HEADERS: Final = 8 * 1024
"""Bytes of an archive behind the contents of a file that are looked at in one step: headers, of 20 µs each, or a short
file that is read."""


class InspectedBody(RequestBody):
    """Reads one body that is looked at as it passes, and goes on as it was understood.

    Attributes:
        verdict: What is known of the request.
    """

    def __init__(self, verdict: Verdict, archive: Archive) -> None:
        super().__init__(verdict.head)
        self.verdict = verdict
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
        return self._let_pass(passed), used

    def _let_pass(self, passed: list[bytes | memoryview]) -> list[bytes | memoryview]:
        """Return what goes on of what was looked at."""
        if self._archive.fault:
            self.broken, self.status = self._archive.fault, HTTPStatus.FORBIDDEN
            return []
        if self.complete and self._archive.marks is not None:
            self.verdict = settle_names(self.verdict, self._archive.marks.names, self._archive.takes)
        return frame(passed, last=self.complete)


class WatchedBody(InspectedBody):
    """Reads one body that goes on as it came, but not before it was looked at: the record must be told of it."""

    _archive: ReadArchive

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict, ReadArchive(verdict.request, verdict.decision.conditions))
        self._waiting: list[bytes | memoryview] = []

    def take(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take what belongs to the body, and keep it until it was looked at."""
        self._waiting, used = super().take(data)
        return self._waiting, used

    def _let_pass(self, passed: list[bytes | memoryview]) -> list[bytes | memoryview]:
        if self.complete or (self._archive.has_ended and self.verdict.needs is UNREAD):
            self.verdict = judge_archive(self.verdict, self._archive)
        if self.has_more:
            self._kept += sum(map(len, self._waiting))
            return []
        passed, self._waiting = self._waiting, []
        return passed if self._chunks is None else frame(passed, last=self.complete)


def make_body(verdict: Verdict) -> RequestBody:
    """Return what reads the body of a request that is decided, of which something is left to come."""
    if verdict.needs is UNREAD:
        return WatchedBody(verdict)
    if not verdict.decision.conditions:
        return RequestBody(verdict.head)
    return InspectedBody(verdict, Archive(verdict.request, verdict.decision.conditions, verdict.marks))
