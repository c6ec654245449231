"""A table of `top` as a widget: it shows rows, and has one that is chosen."""

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
"""The colours of the terminal's own palette, as other verbs have them."""

CHOSEN: Final = Style(reverse=True)


def make_strip(line: Line, width: int, style: Style) -> Strip:
    """Make what textual shows of a line. A segment is text as it is: no markup is read."""
    pieces = [Segment(text, style + STYLES[tone]) for text, tone in line]
    return Strip(pieces).adjust_cell_length(width, style)


class Bar(Widget):
    """Lines at the top or the bottom; as many as there are."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 (textual's name)
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()

    def say(self, *lines: Line) -> None:
        """Show other lines."""
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line."""
        return make_strip(self.lines[y] if y < len(self.lines) else (), self.size.width, self.rich_style)


class Table(Widget, can_focus=True):
    """A panel with its rows, by which column they are sorted, and which of them is chosen."""

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
        """Show rows. The chosen one stays chosen, wherever it is now; the first one is whatever comes first."""
        key = self.find_chosen().key if self.chosen and self.rows else None  # type: ignore[union-attr] # there are rows
        self.rows = sort(rows, self.panel.columns, self.by, reverse=self.reverse)
        numbers = (number for number, row in enumerate(self.rows) if key is not None and row.key == key)
        self.chosen = next(numbers, min(self.chosen, max(len(self.rows) - 1, 0)))
        self.lay_out()

    def find_chosen(self) -> Row | None:
        """Return the chosen row, if there is any."""
        return self.rows[self.chosen] if self.chosen < len(self.rows) else None

    def sort_by_next(self) -> None:
        """Sort by the next column that is shown."""
        shown = list(fit(self.panel.columns, self.size.width))
        self.by = next((each for each in shown if each > self.by), shown[0])
        self.reverse = False
        self.show(self.rows)

    def sort_reversed(self) -> None:
        """Sort the other way round."""
        self.reverse = not self.reverse
        self.show(self.rows)

    def action_move(self, rows: int) -> None:
        """Choose a row above or below."""
        self.chosen = max(0, min(self.chosen + rows, len(self.rows) - 1))
        self.lay_out()

    def lay_out(self) -> None:
        """Write the lines that there is room for, the chosen row among them."""
        width, height = self.size.width, self.size.height - 1
        if width <= 0:  # It is not seen.
            return
        columns = self.panel.columns
        self._first = min(self._first, self.chosen)
        room, first = height, self.chosen
        while first >= self._first and self.rows:  # What is above the chosen row, as far as both are seen.
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
        """Write the lines anew."""
        del event
        self.lay_out()

    def render_line(self, y: int) -> Strip:
        """Return a line."""
        line, is_chosen = self._lines[y] if y < len(self._lines) else ((), False)
        style = self.rich_style + CHOSEN if is_chosen and self.has_focus else self.rich_style
        return make_strip(line, self.size.width, style)
