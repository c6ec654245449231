"""The user interface of `top`: tables that are drawn twice a second, and keys.

Below `_WIDE` columns, it shows the sockets and one other table, which a number key selects; otherwise all tables.

Attacks: docs/attacks.md, cli/top_view.
"""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from dockerproxy.cli.decision import describe_record
from dockerproxy.cli.explain import style_line
from dockerproxy.cli.top_table import STYLES, Bar, Table
from dockerproxy.observe.record import Record
from dockerproxy.workbench.live import PROTOCOL, Connection, FindProgram, Live, Seen
from dockerproxy.workbench.panels import PANELS, SOCKETS, describe_connection, draw_bars
from dockerproxy.workbench.table import Line, Piece, Row, Tone, clean
from dockerproxy.workbench.units import write_age, write_number, write_rate

_EVERY: Final = 0.5
"""Seconds between two updates of the screen."""

_WIDE: Final = 140
_BARS: Final = 20
_MOST_SOCKETS: Final = 8
_LABEL: Final = 10

_KEYS: Final = (
    *(("1-5", "table"), ("enter", "record"), ("e", "explain")),
    *(("s/r", "sort"), ("f", "filter"), ("space", "freeze"), ("q", "quit")),
)

_ACTIONS: Final = {
    "q": "quit",
    "right": "turn(1)",
    "left": "turn(-1)",
    "enter": "tell",
    "e": "explain",
    "s": "sort",
    "r": "reverse",
    "f": "filter",
    "space": "freeze",
}
"""Keys and their actions, without the numbers of tables."""

Told = Sequence[tuple[str, str]]
Follow = Callable[[Callable[[str], None], Callable[[str], None]], Awaitable[None]]
"""Follows a proxy: passes each line to the first function, and the reason of a lost connection to the second."""


class Sheet(ModalScreen[None]):
    """The details of a row, shown until a key is pressed."""

    BINDINGS = [Binding("escape,enter,q,e", "dismiss", show=False)]  # noqa: RUF012 (as textual declares it)

    def __init__(self, title: str, told: Told) -> None:
        super().__init__()
        self._title, self._told = title, told

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with VerticalScroll(id="sheet") as sheet:
            sheet.border_title = self._title
            sheet.border_subtitle = "esc closes"
            for name, value in self._told:
                label, pieces = style_line(name, value)
                text = Text()
                for piece, style in pieces:
                    tone = Tone[style.name] if style is not None else Tone.PLAIN
                    text.append("\n".join(map(clean, piece.split("\n"))), STYLES[tone])
                with Container(classes="told"):
                    yield Static(Text(clean(label), style="bold"), classes="label")
                    yield Static(text, classes="value")


class Top(App[None]):
    """The application. It explains a record by the policy, whose digest should be that of the proxy."""

    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 (as textual declares it)
    CSS_PATH = os.path.join(os.path.dirname(__file__), "top.tcss")
    BINDINGS = [  # noqa: RUF012 (as textual declares it)
        Binding("ctrl+c", "quit", show=False, priority=True),
        *(Binding(str(number), f"choose({number - 1})", show=False) for number in range(1, len(PANELS) + 1)),
        *(Binding(key, action, show=False) for key, action in _ACTIONS.items()),
    ]

    def __init__(
        self,
        follow: Follow,
        explain: Callable[[Record, str], Told],
        find_program: FindProgram,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(ansi_color=True)
        self.title = "dockerproxy top"
        self.live = Live(find_program)
        self._follow, self._explain, self._clock = follow, explain, clock
        self._rows: dict[str, list[Row]] = {}
        self._lost = "connecting"
        self._only = ""
        self._chosen = 0
        self._is_frozen = False
        # Kept, because an update may come before they are mounted or after they are removed.
        self._bars = {name: Bar(id=name) for name in ("head", "held", "tabs", "keys")}
        self._tables = {panel.name: Table(panel, id=panel.name.lower()) for panel in (SOCKETS, *PANELS)}

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        yield from (self._bars["head"], self._bars["held"], self._tables[SOCKETS.name], self._bars["tabs"])
        yield Container(*(self._tables[panel.name] for panel in PANELS), id="panels")
        yield self._bars["keys"]

    def on_mount(self) -> None:
        """Begin."""
        for panel in (SOCKETS, *PANELS):
            self._tables[panel.name].border_title = panel.name
        self._bars["keys"].say(_write_keys())
        self.action_choose(0)
        self.set_interval(_EVERY, self.draw)
        self.run_worker(self._follow(self._take, self._lose))

    def _take(self, line: str) -> None:
        self._lost = ""
        self.live.take(line, self._clock())

    def _lose(self, why: str) -> None:
        self._lost = why
        self.live.lose()

    def draw(self) -> None:
        """Draw the current state, unless the view is frozen."""
        now = self._clock()
        if not self._is_frozen:
            self._rows = {panel.name: list(panel.list_rows(self.live, now)) for panel in (SOCKETS, *PANELS)}
        self._show(now)

    def _show(self, now: float) -> None:
        counts = []
        for panel in (SOCKETS, *PANELS):
            rows = self._rows.get(panel.name, [])
            if panel is not SOCKETS:
                rows = [row for row in rows if self._only in {"", row.socket}]
                counts.append((panel.name, len(rows)))
            table = self._tables[panel.name]
            table.show(rows)
        sockets = self._tables[SOCKETS.name]
        sockets.styles.height = min(max(len(sockets.rows), 1), _MOST_SOCKETS) + 3
        self._bars["head"].say(self._write_head(now))
        self._bars["tabs"].say(self._write_tabs(counts))
        held = self._bars["held"]
        held.set_class(bool(self.live.held), "-some")
        count = len(self.live.held)
        waits = f"{count} requests wait" if count > 1 else "1 request waits"
        held.say(((f"▲ {waits} for an answer: run `dockerproxy ask`", Tone.DOUBTFUL),))

    def _write_head(self, now: float) -> Line:
        hello, live = self.live.hello, self.live
        rate = sum(each.rate.per_second(now) for each in live.by_socket.values())
        seconds = [each.rate.list_seconds(now) for each in live.by_socket.values()]
        bars = draw_bars(tuple(map(sum, zip(*seconds, strict=True))), _BARS)
        other = hello is not None and hello.protocol != PROTOCOL
        if self._lost or other:
            state: Piece = (f"○ {clean(self._lost) or 'the proxy has another version'}", Tone.BAD)
        elif self._is_frozen:
            state = "❚❚ frozen", Tone.DOUBTFUL
        else:
            state = "● live", Tone.GOOD
        pieces: list[Piece] = [("dockerproxy", Tone.STRONG), ("  ", Tone.PLAIN), state]
        missed = live.lost + live.unreadable
        if missed:
            pieces.append((f"  {write_number(missed)} missed", Tone.DOUBTFUL))
        if self._only:
            pieces.append((f"  only {clean(self._only)}", Tone.DOUBTFUL))
        if hello is not None:
            told = f"  {clean(hello.version)}  pid {hello.pid}  up {write_age(live.told[0] - hello.started)}"
            pieces.append((told, Tone.FAINT))
        pieces += [(f"  {write_rate(rate)} req/s  ", Tone.STRONG), (bars, Tone.GOOD)]
        return tuple(pieces)

    def _write_tabs(self, counts: Iterable[tuple[str, int]]) -> Line:
        pieces: list[Piece] = []
        for number, (name, count) in enumerate(counts):
            tone = Tone.STRONG if number == self._chosen else Tone.FAINT
            mark = "▸" if number == self._chosen else " "
            pieces.append((f"{mark}{number + 1} {name} {write_number(count)} ", tone))
        return tuple(pieces)

    def action_choose(self, number: int) -> None:
        """Select a table."""
        self._chosen = number
        for each, panel in enumerate(PANELS):
            self._tables[panel.name].set_class(each == number, "-shown")
        self._tables[PANELS[number].name].focus()
        self.draw()

    def action_turn(self, step: int) -> None:
        """Select the next or previous table."""
        self.action_choose((self._chosen + step) % len(PANELS))

    def action_freeze(self) -> None:
        """Freeze the view, or resume."""
        self._is_frozen = not self._is_frozen
        self.draw()

    def action_filter(self) -> None:
        """Show only the next socket, or after the last one all."""
        names = ["", *(row.socket for row in self._rows.get(SOCKETS.name, ()))]
        place = names.index(self._only) if self._only in names else 0
        self._only = names[(place + 1) % len(names)]
        self.draw()

    def action_sort(self) -> None:
        """Sort by the next column."""
        if isinstance(self.focused, Table):
            self.focused.sort_by_next()

    def action_reverse(self) -> None:
        """Reverse the order."""
        if isinstance(self.focused, Table):
            self.focused.sort_reversed()

    def action_tell(self) -> None:
        """Show the details of the selected row."""
        match self._find_chosen():
            case Seen(record, time):
                self.push_screen(Sheet("Record", list(describe_record(record, [time]))))
            case Connection() as connection:
                self.push_screen(Sheet("Connection", list(describe_connection(self.live, connection, self._clock()))))

    def action_explain(self) -> None:
        """Explain the selected row by the policy."""
        match self._find_chosen():
            case Seen(record, _):
                served = {socket.name: socket.policy for socket in self.live.sockets}
                self.push_screen(Sheet("Explain", self._explain(record, served.get(record.socket, ""))))

    def _find_chosen(self) -> object:
        row = self.focused.find_chosen() if isinstance(self.focused, Table) else None
        return None if row is None else row.about


def _write_keys() -> Line:
    pieces: list[Piece] = []
    for key, does in _KEYS:
        pieces += [(key, Tone.STRONG), (f" {does}  ", Tone.FAINT)]
    return tuple(pieces)
