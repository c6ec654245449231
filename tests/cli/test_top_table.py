"""A table as a widget: which rows are seen, and which one is chosen."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from dockerproxy.cli.top_table import Table
from dockerproxy.workbench.panels import Panel
from dockerproxy.workbench.table import Cell, Column, Row, Tone, cell

PANEL = Panel("Things", (Column("NAME", 6, grows=True), Column("COUNT", 6, is_number=True)), lambda *_: (), 1, "none")


def rows_of(counts: Sequence[int], below: str = "") -> list[Row]:
    """Return rows named by their number."""
    notes = ((below, Tone.BAD),) if below else ()
    return [
        Row(number, "web", (cell(f"row {number}"), Cell(str(count), count)), below=notes)
        for number, count in enumerate(counts)
    ]


def try_table(go: Callable[[Table, Pilot[None]], Coroutine[Any, Any, None]]) -> None:
    """Show a table that is alone on a screen of 11 lines: titles and ten more."""

    class Only(App[None]):
        def compose(self) -> ComposeResult:
            yield Table(PANEL, id="only")

    async def run() -> None:
        async with Only().run_test(size=(40, 11)) as pilot:
            table = pilot.app.query_one(Table)
            table.styles.height = "100%"
            table.focus()
            await pilot.pause()
            await go(table, pilot)

    asyncio.run(run())


def seen(table: Table) -> list[str]:
    return [table.render_line(y).text.split("  ")[0].strip() for y in range(1, table.size.height)]


def test_the_chosen_row_is_always_seen() -> None:
    async def go(table: Table, pilot: Pilot[None]) -> None:
        table.show(rows_of(range(100, 0, -1)))
        assert seen(table) == [f"row {number}" for number in range(10)]
        await pilot.press("end")
        assert seen(table) == [f"row {number}" for number in range(90, 100)]
        await pilot.press("up")
        assert seen(table)[0] == "row 90"
        await pilot.press("pageup", "pageup")
        assert (seen(table)[0], table.chosen) == ("row 78", 78)
        await pilot.press("home", "down", "j", "k", "up", "up")
        assert (seen(table)[0], table.chosen) == ("row 0", 0)

    try_table(go)


def test_the_chosen_row_is_seen_where_rows_have_several_lines() -> None:
    async def go(table: Table, pilot: Pilot[None]) -> None:
        table.show(rows_of(range(100, 0, -1), below="why " * 12))
        for number in range(1, 30):
            await pilot.press("down")
            assert f"row {number}" in seen(table)
        for number in range(28, -1, -1):
            await pilot.press("up")
            assert f"row {number}" in seen(table)

    try_table(go)


def test_a_chosen_row_stays_chosen_and_the_first_is_whatever_comes_first() -> None:
    async def go(table: Table, pilot: Pilot[None]) -> None:
        table.show(rows_of((1, 2, 3)))
        assert seen(table)[:3] == ["row 2", "row 1", "row 0"]
        table.show(rows_of((9, 2, 3)))
        assert (chosen := table.find_chosen()) is not None
        assert chosen.key == 0
        await pilot.press("down")
        table.show(rows_of((1, 9, 9)))
        assert (table.chosen, seen(table)[:3]) == (1, ["row 1", "row 2", "row 0"])
        assert table.rows[1].key == 2
        table.show(rows_of((1,)))
        assert table.chosen == 0
        table.show(())
        assert table.find_chosen() is None
        assert seen(table)[0] == "none"
        await pilot.press("down", "s", "end")
        table.show(rows_of((1, 2)))
        assert seen(table)[:2] == ["row 1", "row 0"]

    try_table(go)


def test_columns_are_sorted_by_one_after_the_other() -> None:
    async def go(table: Table, _: Pilot[None]) -> None:
        table.show(rows_of((1, 3, 2)))
        table.sort_by_next()
        assert seen(table)[:3] == ["row 0", "row 1", "row 2"]
        table.sort_reversed()
        assert seen(table)[:3] == ["row 2", "row 1", "row 0"]
        table.sort_by_next()
        assert seen(table)[:3] == ["row 1", "row 2", "row 0"]

    try_table(go)
