"""Tables for a terminal of any width: less important columns are hidden, and one column takes the free space.

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
"""The narrowest width at which text is wrapped; below it, text is truncated."""

_LONGEST: Final = 2000
"""Characters of a cell. Text of clients can have a megabyte, and is escaped at each update."""


Tone = Enum("Tone", "PLAIN STRONG FAINT GOOD DOUBTFUL BAD")
"""The meaning of a text, which decides its colour."""

Piece = tuple[str, Tone]
Line = tuple[Piece, ...]


class Column(NamedTuple):
    """A column with a least width. The higher its rank, the earlier it is hidden; rank 0 is always shown.

    Numbers are aligned right, and sorted from the highest. A growing column takes the free space.
    """

    title: str
    width: int
    rank: int = 0
    is_number: bool = False
    grows: bool = False


class Cell(NamedTuple):
    """A cell: its text, its sort key, and its tone if it differs from the row's."""

    text: str
    value: float | str
    tone: Tone | None = None


class Row(NamedTuple):
    """A row with texts below it. Its key identifies it across updates; `about` is passed to actions on the row."""

    key: Hashable
    socket: str
    cells: tuple[Cell, ...]
    tone: Tone = Tone.PLAIN
    below: tuple[Piece, ...] = ()
    about: object = None


def cell(text: str, value: float | str | None = None) -> Cell:
    """Make a cell from any text, also a client's."""
    return Cell(clean(text), text if value is None else value)


def clean(text: str) -> str:
    """Return a text in printable ASCII, so that each character takes one column."""
    return escape(text[:_LONGEST])


def fit(columns: Sequence[Column], width: int) -> dict[int, int]:
    """Return the columns that fit, with their widths."""
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
    """Sort rows by a column, stably: numbers from the highest, texts alphabetically."""
    return sorted(rows, key=lambda row: row.cells[by].value, reverse=columns[by].is_number is not reverse)


def write_titles(columns: Sequence[Column], width: int, by: int, *, reverse: bool = False) -> Line:
    """Return the titles, with a mark at the sort column."""
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
    """Yield a row: a line with its cells, and lines for the texts below."""
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
    """Fit a line to the width of the table."""
    line: list[Piece] = []
    for text, tone in (*pieces, (" " * width, Tone.PLAIN)):
        line.append((text[:width], tone))
        width -= len(line[-1][0])
    return tuple(piece for piece in line if piece[0])
