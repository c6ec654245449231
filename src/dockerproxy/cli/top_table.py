"""A table of `top` as a widget, with a selected row."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.strip import Strip
from textual.widget import Widget

from dockerproxy.workbench.panels import Panel
from dockerproxy.workbench.table import Line, Row, Tone, fit, sort, write_row, write_titles

STYLES: Final[Mapping[Tone, Style]] = {
    Tone.PLAIN: Style(),
    Tone.STRONG: Style(bold=True),
    Tone.FAINT: Style(dim=True),
    Tone.GOOD: Style(color="green"),
    Tone.DOUBTFUL: Style(color="yellow"),
    Tone.BAD: Style(color="red"),
}
"""Colours of the terminal's palette, as in other verbs."""

CHOSEN: Final = Style(reverse=True)


def make_strip(line: Line, width: int, style: Style) -> Strip:
    """Convert a line for textual. A segment is plain text: textual reads no markup in it."""
    pieces = [Segment(text, style + STYLES[tone]) for text, tone in line]
    return Strip(pieces).adjust_cell_length(width, style)


class Bar(Widget):
    """Some lines at the top or the bottom, as high as needed."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 (textual's name)
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()

    def say(self, *lines: Line) -> None:
        """Replace the lines."""
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line."""
        return make_strip(self.lines[y] if y < len(self.lines) else (), self.size.width, self.rich_style)


class Table(Widget, can_focus=True):
    """A panel with its rows, their order, and the selected row."""

    BINDINGS = [  # noqa: RUF012 (as textual declares it)
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
    ]

    def __init__(self, panel: Panel, *, id: str) -> None:  # noqa: A002 (textual's name)
        super().__init__(id=id)
        self.panel = panel
        self.rows: Sequence[Row] = ()
        self.by, self.reverse = panel.by, False
        self.chosen = self._first = 0
        self._lines: list[tuple[Line, bool]] = []

    def show(self, rows: Sequence[Row]) -> None:
        """Show other rows. The selection follows its row, but on the first row it stays at the top."""
        key = self.find_chosen().key if self.chosen and self.rows else None  # type: ignore[union-attr] # there are rows
        self.rows = sort(rows, self.panel.columns, self.by, reverse=self.reverse)
        numbers = (number for number, row in enumerate(self.rows) if key is not None and row.key == key)
        self.chosen = next(numbers, min(self.chosen, max(len(self.rows) - 1, 0)))
        self.lay_out()

    def find_chosen(self) -> Row | None:
        """Return the selected row; None without rows."""
        return self.rows[self.chosen] if self.chosen < len(self.rows) else None

    def sort_by_next(self) -> None:
        """Sort by the next visible column."""
        shown = list(fit(self.panel.columns, self.size.width))
        self.by = next((each for each in shown if each > self.by), shown[0])
        self.reverse = False
        self.show(self.rows)

    def sort_reversed(self) -> None:
        """Reverse the order."""
        self.reverse = not self.reverse
        self.show(self.rows)

    def action_move(self, rows: int) -> None:
        """Move the selection up or down."""
        self.chosen = max(0, min(self.chosen + rows, len(self.rows) - 1))
        self.lay_out()

    def lay_out(self) -> None:
        """Render the lines that fit, with the selected row among them."""
        width, height = self.size.width, self.size.height - 1
        if width <= 0:  # Not visible.
            return
        columns = self.panel.columns
        self._first = min(self._first, self.chosen)
        room, first = height, self.chosen
        while first >= self._first and self.rows:  # Rows above the selected one, as far as both fit.
            room -= len(list(write_row(self.rows[first], columns, width)))
            if room < 0 and first < self.chosen:
                break
            first -= 1
        self._first = first + 1 if self.rows else 0
        self._lines = [(write_titles(columns, width, self.by, reverse=self.reverse), False)]
        for number in range(self._first, len(self.rows)):
            if len(self._lines) > height:
                break
            lines = write_row(self.rows[number], columns, width)
            self._lines += [(line, number == self.chosen and not place) for place, line in enumerate(lines)]
        if not self.rows:
            self._lines.append((((self.panel.empty, Tone.FAINT),), False))
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Render the lines again."""
        del event
        self.lay_out()

    def render_line(self, y: int) -> Strip:
        """Return a line."""
        line, is_chosen = self._lines[y] if y < len(self._lines) else ((), False)
        style = self.rich_style + CHOSEN if is_chosen and self.has_focus else self.rich_style
        return make_strip(line, self.size.width, style)
