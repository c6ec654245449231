"""Tables for a terminal of any width: columns that matter less give way, and one takes the room that is left.

Attacks: docs/attacks.md, workbench/table.
"""

import textwrap
from collections.abc import Hashable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple

from dockerproxy.text import escape

_GAP: Final = "  "
_CUT: Final = "…"
_MOST_BELOW: Final = 6
"""Lines of a text below a row."""

_NARROWEST: Final = 20
"""Columns in which a text is still wrapped; of narrower ones the end is cut."""

_LONGEST: Final = 2000
"""Characters of a cell: a client's text may be a megabyte, and is escaped for each picture."""


Tone = Enum("Tone", "PLAIN STRONG FAINT GOOD DOUBTFUL BAD")
"""What a text stands for."""

Piece = tuple[str, Tone]
Line = tuple[Piece, ...]


class Column(NamedTuple):
    """A column of at least some width. The higher its rank, the earlier it is left out; with rank 0 it never is.

    Numbers are to the right, and sorted with the highest first. What grows takes the room that is left.
    """

    title: str
    width: int
    rank: int = 0
    is_number: bool = False
    grows: bool = False


class Cell(NamedTuple):
    """What is in a column of a row, by what the rows are sorted, and its tone if it is not the row's."""

    text: str
    value: float | str
    tone: Tone | None = None


class Row(NamedTuple):
    """A row with texts below it. Its key tells it from others, also in the next picture; `about` is told who asks."""

    key: Hashable
    socket: str
    cells: tuple[Cell, ...]
    tone: Tone = Tone.PLAIN
    below: tuple[Piece, ...] = ()
    about: object = None


def cell(text: str, value: float | str | None = None) -> Cell:
    """Make a cell of a text, whoever wrote it."""
    return Cell(clean(text), text if value is None else value)


def clean(text: str) -> str:
    """Return a text in printable ASCII, one column for each character."""
    return escape(text[:_LONGEST])


def fit(columns: Sequence[Column], width: int) -> dict[int, int]:
    """Return the columns that there is room for, with their widths."""
    shown = list(range(len(columns)))
    while sum(columns[each].width + len(_GAP) for each in shown) - len(_GAP) > width:
        least = max(shown, key=lambda each: columns[each].rank)
        if not columns[least].rank:
            break
        shown.remove(least)
    room = width - sum(columns[each].width + len(_GAP) for each in shown) + len(_GAP)
    growing = [each for each in shown if columns[each].grows]
    widths = {each: columns[each].width for each in shown}
    for number, each in enumerate(growing):
        widths[each] += max(0, room) // len(growing) + (number < max(0, room) % len(growing))
    return widths


def sort(rows: Iterable[Row], columns: Sequence[Column], by: int, *, reverse: bool = False) -> list[Row]:
    """Sort rows by a column: numbers the highest first, texts by the alphabet. What is equal stays in order."""
    return sorted(rows, key=lambda row: row.cells[by].value, reverse=columns[by].is_number is not reverse)


def write_titles(columns: Sequence[Column], width: int, by: int, *, reverse: bool = False) -> Line:
    """Write the titles, the one by which it is sorted with a mark."""
    mark = "▼" if columns[by].is_number is not reverse else "▲"
    pieces: list[Piece] = []
    for each, wide in fit(columns, width).items():
        title = columns[each].title
        if each == by:
            title = f"{title}{mark}"
        text = _align(title, wide, is_number=columns[each].is_number)
        pieces += [(_GAP if pieces else "", Tone.FAINT), (text, Tone.STRONG if each == by else Tone.FAINT)]
    return _end(pieces, width)


def write_row(row: Row, columns: Sequence[Column], width: int) -> Iterator[Line]:
    """Write a row: a line with its cells, and lines for the texts below."""
    pieces: list[Piece] = []
    for each, wide in fit(columns, width).items():
        text = _align(row.cells[each].text, wide, is_number=columns[each].is_number)
        pieces += [(_GAP if pieces else "", row.tone), (text, row.cells[each].tone or row.tone)]
    yield _end(pieces, width)
    for text, tone in row.below:
        yield from (_end([(line, tone)], width) for line in _wrap(text, width))


def _wrap(text: str, width: int) -> list[str]:
    indent = " " * min(10, width // 8)
    return textwrap.wrap(
        text,
        max(width, _NARROWEST),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        max_lines=_MOST_BELOW,
        placeholder=_CUT,
        break_on_hyphens=False,
    )


def _align(text: str, width: int, *, is_number: bool) -> str:
    if len(text) > width:
        text = f"{text[: width - 1]}{_CUT}" if width else ""
    return text.rjust(width) if is_number else text.ljust(width)


def _end(pieces: Sequence[Piece], width: int) -> Line:
    """Make a line that is as wide as the table, also where there is no room for its columns."""
    line: list[Piece] = []
    for text, tone in (*pieces, (" " * width, Tone.PLAIN)):
        line.append((text[:width], tone))
        width -= len(line[-1][0])
    return tuple(piece for piece in line if piece[0])
