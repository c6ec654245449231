"""Summarise a run in a few lines: requests, denials with the grant that would allow each, and created objects.

In mode report, denials have no grants here: `run` ends with all of them in one block.

Attacks: docs/attacks.md, cli/summary.
"""

import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

from dockerproxy.api.catalog import HEALTH
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.cli.terminal import Style, count, paint, say
from dockerproxy.config.options import MARK
from dockerproxy.observe.record import CREATES, Outcome, Record
from dockerproxy.policy.objects import Kind
from dockerproxy.tenancy.sweeps import Swept
from dockerproxy.text import escape, shorten_ids
from dockerproxy.workbench.reasons import is_missing, split_reason

_MOST_KEPT: Final = 1000
"""Distinct denials, and created objects of each kind, that are kept. A program may run for weeks."""

_INDENT: Final = len("  denied    " + "  ")
"""Columns before the text of a denial, without its number."""

_MOST_REFUSALS: Final = 10
_MOST_NAMES: Final = 6

_REPORT: Final = "--mode report denies nothing, and lists all missing grants at the end"

_LEFT: Final = "later runs cannot reach it, if it is still there; those with the same --policy FILE share their objects"

_DONE: Final = range(200, 300)
_REMOVALS: Final = frozenset(name.replace("Create", "Delete") for name in CREATES)

_WORDS: Final = {Outcome.DENIED: "denied", Outcome.REFUSED: "refused", Outcome.REPORTED: "would be denied"}
_STYLES: Final = {Outcome.DENIED: Style.BAD, Outcome.REFUSED: Style.BAD, Outcome.REPORTED: Style.DOUBTFUL}


class Summary:
    """Counts the records of a run. In mode learn, it shows no denials, because there is no policy yet.

    `leaves` says that no other run has the owner of what is created, and that nothing is swept.

    Attributes:
        total: Requests.
    """

    def __init__(self, *, learns: bool = False, reports: bool = False, leaves: bool = False) -> None:
        self._learns = learns
        self._reports = reports
        self._leaves = leaves
        self._removed = 0
        self.total = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._refusals: Counter[tuple[Outcome, str, str]] = Counter()
        self._created: Counter[str] = Counter()
        self._names: dict[str, list[str]] = {}
        self._swept: Counter[Kind] = Counter()
        self._left: list[Swept] = []

    def note(self, record: Record, *, follows: bool = False) -> None:
        """Count a request.

        `follows` says that it would be allowed if another request was, which created its object.
        """
        if record.operation == HEALTH.name:
            return
        self.total += 1
        if record.created:
            self._note_created(record)
        self._removed += record.operation in _REMOVALS and record.status in _DONE
        if (
            record.decision is Outcome.ALLOWED
            or is_missing(record)
            or follows
            or (self._learns and record.decision is Outcome.REPORTED)
        ):
            return
        self._outcomes[record.decision] += 1
        wrong, advice = split_reason(record.reason)
        kind = record.decision, record.operation, wrong if self._reports and " add" in advice else record.reason
        if kind in self._refusals or len(self._refusals) < _MOST_KEPT:
            self._refusals[kind] += 1

    def note_swept(self, swept: Swept) -> None:
        """Note an object that the sweep removed, or failed to remove."""
        if swept.fault:
            self._left.append(swept)
        else:
            self._swept[swept.kind] += 1

    def _note_created(self, record: Record) -> None:
        kind = CREATES[record.operation]
        if kind == "execs":  # They are removed with their containers.
            return
        self._created[kind] += 1
        names = self._names.setdefault(kind, [])
        if len(names) < _MOST_NAMES:
            request = canonicalise(record.method, record.target)
            given = request.values("name") if isinstance(request, CanonicalRequest) else ()
            names.append(escape(next(iter(given), "")) or shorten_ids(record.created))

    def print_all(self) -> None:
        """Print the summary on standard error."""
        say(*self._describe(), stream=sys.stderr)

    def _describe(self) -> Iterator[str]:
        counts = [f"{number} {_WORDS[outcome]}" for outcome, number in sorted(self._outcomes.items())]
        said = ", ".join((count(self.total, "request"), *counts)) if self.total else "no requests"
        yield paint(f"dockerproxy: {said}", Style.STRONG, sys.stderr)
        refusals = self._refusals.most_common(_MOST_REFUSALS)
        width = max((len(str(number)) for _, number in refusals), default=0)
        for kind, number in refusals:
            yield from self._describe_refusal(*kind, f"{number:>{width}}")
        others = len(self._refusals) - _MOST_REFUSALS
        if others > 0:
            yield f"  and {count(others, 'other reason')}"
        if self._outcomes[Outcome.DENIED] and not self._reports:
            yield f"  {_REPORT}"
        yield from self._describe_created()

    def _describe_refusal(self, outcome: Outcome, operation: str, reason: str, number: str) -> Iterator[str]:
        wrong, advice = split_reason(reason)
        gives, _, grant = advice.partition(MARK)
        is_plain = gives in {"to allow it, add", "to allow it if contained, add"}
        what = f"{wrong}{'' if is_plain else f'; {gives}'}" if grant else reason
        what = what.removeprefix(f"{operation} denied: ")
        named = f"{operation}: {what}" if operation else what
        yield f"  {paint(f'{outcome:<8}', _STYLES[outcome], sys.stderr)}  {number}  {named}"
        if grant:
            yield f"{'':<{_INDENT + len(number)}}--allow {shlex.quote(grant)}"

    def _describe_created(self) -> Iterator[str]:
        first = "created"
        for kind, number in self._created.items():
            names = self._names[kind]
            more = f" and {number - len(names)} more" if number > len(names) else ""
            yield f"  {first:<8}  {count(number, kind.removesuffix('s'))}: {', '.join(names)}{more}"
            first = ""
        if self._leaves and self._created.total() > self._removed:
            yield f"  {_LEFT}"
        if self._swept:
            yield f"  {'swept':<8}  {', '.join(count(number, kind) for kind, number in self._swept.items())}"
        for swept in self._left:
            yield f"  {paint('left    ', Style.BAD, sys.stderr)}  {swept}: {swept.fault}"
