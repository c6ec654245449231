"""The printed table: a line for each row, and the reasons below a row that differs."""

from collections.abc import Iterator, Mapping
from typing import Final, TextIO

from conformance.sets import RowSet
from conformance.trial import Outcome

_WIDTH: Final = 80
_NAME: Final = 40
_SHOULD: Final = 18
_ARRIVED: Final = 7

_COLOURS: Final = {"good": "32", "bad": "31;1", "faint": "2", "strong": "1"}


class Table:
    """Writes to a stream, in colour if that is a terminal."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str], *, brief: bool) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not environment.get("NO_COLOR")
        self._brief = brief

    def begin(self, rows: RowSet) -> None:
        """Write the head of a set."""
        self._write(self._paint(rows.name, "strong"), f"  {rows.about}\n")
        self._write(self._paint(f"switches: {rows.switches}", "faint"), "\n\n")
        head = f"  {'row':{_NAME}} {'should be':{_SHOULD}} {'arrived':{_ARRIVED}} answered"
        self._write(self._paint(head, "faint"), "\n")

    def add(self, outcome: Outcome) -> None:
        """Write a row."""
        if self._brief and not outcome.faults:
            return
        mark = self._paint("✗", "bad") if outcome.faults else self._paint("✓", "good")
        name, should = cut(outcome.row.name, _NAME), cut(outcome.row.words, _SHOULD)
        arrived = str(outcome.arrived or "-")
        answered = cut(" ".join(outcome.answered), _WIDTH - _NAME - _SHOULD - _ARRIVED - 5)
        self._write(f"{mark} {name:{_NAME}} {should:{_SHOULD}} {arrived:>{_ARRIVED}} {answered}\n")
        for fault in outcome.faults:
            self._write(self._paint(cut(f"    {fault}", _WIDTH), "bad"), "\n")
        self._stream.flush()

    def end(self, outcomes: list[Outcome]) -> None:
        """Write how many rows are as they should be."""
        differ = sum(1 for outcome in outcomes if outcome.faults)
        said = (
            f"{len(outcomes)} rows, {differ} of which differ"
            if differ
            else f"{len(outcomes)} rows, all as they should be"
        )
        self._write("\n", self._paint(said, "bad" if differ else "good"), "\n\n")

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._coloured else text

    def _write(self, *texts: str) -> None:
        self._stream.writelines(texts)


def cut(text: str, width: int) -> str:
    """Return a text that fits, with an ellipsis if it was longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def write_sets(sets: list[RowSet]) -> Iterator[str]:
    """Write a list of the sets."""
    for each in sets:
        yield f"{each.name:18} {len(each.rows):3} rows   switches: {each.switches}\n    {each.about}\n"
