"""Archives that a client sends: looked at entry by entry as they pass, and written anew.

What is bounded by what: a header is judged before it goes on, since an engine may unpack what it has while the rest is
still coming. What decides about the whole archive, like the names in an image's `manifest.json`, is held until it was
read, and is small. The end of the archive goes on last, when all of it was looked at: engines that do not act before
they have the whole (a load, a build) do nothing with one that was cut off. Contents of files are passed on as they
come.

Attack: a packed archive, which engines unpack by its first bytes, whatever its type -> Defence: gzip is unpacked here
(`wire/gzip`), and goes on unpacked; others are refused, gzip within gzip as well.
Attack: a first name that reads as if packed -> Defence: refused; what goes on begins with ours (`tar_writing`).

An import is not looked at: its archive becomes the root file system of an image that is called as the grant says,
whatever is in it, and no image can do more than what a container of it is allowed.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from dockerproxy.api.bodies.fields import ALWAYS
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Fault, Note, Reading
from dockerproxy.policy.claims.builds import Building
from dockerproxy.policy.claims.checks import CHECKS
from dockerproxy.policy.claims.entries import Rules, fault_of, is_too_long
from dockerproxy.policy.claims.image_archives import Loading
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.claims.uploads import Unpacking
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.image_grants import list_taken
from dockerproxy.policy.image_marks import FreshMarks
from dockerproxy.policy.remedies import widen
from dockerproxy.policy.values import ADD, propose
from dockerproxy.wire.document import Json
from dockerproxy.wire.gzip import Gunzip
from dockerproxy.wire.tar import Entry, Event, FileEnd, TarReader, padding_of
from dockerproxy.wire.tar_writing import END, write_entry

Piece = bytes | memoryview

_RULES: Final[Mapping[str, Callable[[CanonicalRequest, Note], Rules]]] = {
    "PutContainerArchive": Unpacking,
    "ImageLoad": Loading,
    "ImageBuild": Building,
}

_PACKED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
"""How gzip, bzip2, xz and zstd begin: what engines know. Of an archive that is unpacked already none is."""

_SKIPPED: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18").match
"""How zstd may begin too, with a frame that is skipped (RFC 8878 §3.1.2); engines know that as well."""

_LONGEST: Final = 6

_REMEMBERED: Final = 100
"""Bytes that a name takes which is remembered."""

_CLAIMED: Final = 1000
"""Bytes that a claim takes."""

_UNPACKING: Final = {"ImageLoad": ", like zstd -d < image.tar.zst | docker load"}


class Archive:
    """One archive on its way to the engine.

    Attributes:
        fault: Why it may not go on, or empty.
        marks: What goes on in place of names of images; None where they go on themselves.
    """

    def __init__(
        self, request: CanonicalRequest, grants: tuple[Mapping[str, Condition], ...], marks: FreshMarks | None = None
    ) -> None:
        self.fault = ""
        self.marks = marks
        self._operation = request.operation.name
        self._grants = grants
        self._lines = {line.path: line.rule.removesuffix(ALWAYS) for line in BODIES[self._operation].fields}
        self._reading = Reading(request=request, answers={})
        self._rules = _RULES[self._operation](request, self._read_value)
        self._rules.marks = marks
        self._start = b""
        self._gunzip = Gunzip()
        self._tar = TarReader()
        self._entry = Entry(name=b"")
        self._held: bytearray | None = None
        self._has_begun = False

    @property
    def takes(self) -> tuple[str, ...]:
        """Patterns over names of nobody's that its images may take: those of the grants that it fits so far."""
        return list_taken(each.values() for each in self._grants)

    @property
    def kept(self) -> int:
        """Bytes that are kept of it."""
        return self._gunzip.kept + self._tar.kept + len(self._held or b"") + _REMEMBERED * len(self._rules)

    @property
    def has_more(self) -> bool:
        """Whether more may go on of what came already: feed nothing to get it."""
        return self._gunzip.has_more and not self.fault

    @property
    def left(self) -> int:
        """Bytes of a file's contents that come first."""
        return self._tar.left

    @property
    def is_packed(self) -> bool:
        """Whether it is unpacked here."""
        return bool(self._gunzip.is_packed)

    @property
    def holds(self) -> bool:
        """Whether that file is read when all of it is there."""
        return self._held is not None and not self.fault

    def feed(self, content: Piece) -> list[Piece]:
        """Take content; return what may go on."""
        if self.fault:
            return []
        content = self._gunzip.feed(content)
        passed = self._look(content)
        self._note(self._gunzip.fault)
        return passed

    def _look(self, content: Piece) -> list[Piece]:
        """Look at a part of the archive, unpacked."""
        passed: list[Piece] = []
        if len(self._start) < _LONGEST:
            self._begin_with(content)
        for event in () if self.fault else self._tar.feed(content):
            self._take(event, passed)
            if self.fault:
                return passed
        self._note(self._tar.fault)
        return passed

    def end(self) -> list[Piece]:
        """Say that nothing more comes; return what ends the archive."""
        self._look(self._gunzip.end())
        self._tar.end()
        self._note(self._gunzip.fault or self._tar.fault)
        self._rules.end()
        self._judge()
        return [END]

    def _begin_with(self, content: Piece) -> None:
        """Look at the first bytes of all. No entry is read before they are there: a header is longer."""
        self._start += content[: _LONGEST - len(self._start)]
        if self._start.startswith(_PACKED) or _SKIPPED(self._start):
            hint = _UNPACKING.get(self._operation, "")
            self._deny(Fault("the archive", "", f"has an unsupported compression, send it uncompressed{hint}"))

    def _take(self, event: Event, passed: list[Piece]) -> None:
        """Take a part of the archive, and put what may go on to what has passed."""
        if isinstance(event, Entry):
            self._begin(event, passed)
        elif isinstance(event, FileEnd):
            self._finish(passed)
        elif (fault := self._rules.scan(self._entry, event)) is not None:
            self._deny(fault)
        elif self._held is not None:
            self._held += event
        else:
            passed.append(event)

    def _begin(self, entry: Entry, passed: list[Piece]) -> None:
        self._entry = entry
        fault = self._rules.look(entry)
        if fault is not None:
            self._deny(fault)
        elif self._rules.holds(entry):
            self._held = bytearray()
        else:
            self._write(entry, passed)

    def _finish(self, passed: list[Piece]) -> None:
        held, self._held = self._held, None
        if held is not None:
            content = self._read(bytes(held))
            if isinstance(content, Fault):
                self._deny(content)
            self._judge()
            if self.fault or isinstance(content, Fault):
                return
            self._entry = self._entry._replace(size=len(content))
            self._write(self._entry, passed)
            passed.append(content)
        if padding_of(self._entry.size):
            passed.append(bytes(padding_of(self._entry.size)))

    def _read(self, held: bytes) -> bytes | Fault:
        if is_too_long(held):
            return fault_of(self._entry, "has too many lines or values")
        return self._rules.read(self._entry, held)

    def _read_value(self, place: str, value: Json, path: str) -> None:
        """Have what the table says of a place read a value."""
        check, _ = CHECKS[self._lines[place]]
        check(self._reading, value, path, {})

    def _judge(self) -> None:
        """Judge what was noted since by the grants that all before fits: it must fit one as a whole."""
        if self._reading.violations and not self.fault:
            self._deny(self._reading.violations[0])
        judged = [(judge_claims(each, self._reading.claims).faults, each) for each in self._grants]
        self._reading.claims.clear()
        faults, nearest = min(judged, key=lambda each: len(each[0]), default=((), {}))
        if not faults:
            self._grants = tuple(each for those, each in judged if not those)
        elif not self.fault:
            needed = widen({word: each.value for word, each in nearest.items()}, faults)
            self._deny(faults[0], needed if isinstance(needed, str) else propose(ADD, self._operation, needed))

    def _write(self, entry: Entry, passed: list[Piece]) -> None:
        passed.append(write_entry(entry, first=not self._has_begun))
        self._has_begun = True

    def _note(self, unclear: str) -> None:
        """Note why the archive has no single reading."""
        if unclear and not self.fault:
            self._deny(Fault("the archive", "", f"is invalid: {unclear}"))

    def _deny(self, fault: Fault, remedy: str = "only an unrestricted grant allows it") -> None:
        """Note what is wrong, and how to allow it: nothing goes on from there."""
        self.fault = f"{self._operation} denied: {fault}; {remedy}"


class ReadArchive(Archive):
    """One that goes on as it came, and is read beside that by the same rules: where nothing is refused.

    Attributes:
        found: What was read in it; nothing behind the first violation is.
        denial: Why it would be cut off where it is judged, or empty.
    """

    def __init__(self, request: CanonicalRequest, grants: tuple[Mapping[str, Condition], ...]) -> None:
        super().__init__(request, grants)
        self.found = Reading(request=request, answers={})
        self.denial = ""

    @property
    def kept(self) -> int:
        """Bytes that are kept of it."""
        return super().kept + _CLAIMED * len(self.found.claims)

    @property
    def has_ended(self) -> bool:
        """Whether all of its entries were there. An engine may answer then, and not wait for the zeros behind."""
        return self._tar.ended

    def _judge(self) -> None:
        self.found.claims = [*dict.fromkeys((*self.found.claims, *self._reading.claims))]
        super()._judge()

    def _deny(self, fault: Fault, remedy: str = "only an unrestricted grant allows it") -> None:
        super()._deny(fault, remedy)
        self.denial = self.denial or self.fault
        if fault.word:
            self.fault = ""  # It goes on all the same.
        else:
            self.found.violations.append(fault)
