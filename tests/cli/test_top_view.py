"""The view, as it is drawn for recorded lines.

    PYTHONPATH=tests python tests/cli/test_top_view.py

draws the expected pictures anew.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from rows import for_each
from textual.pilot import Pilot
from workbench.told import BACKUP, CI, EVENTS, PROGRAMS, START, connection, hello, line, opened, play, record

from dockerproxy.cli.top_view import Sheet, Top
from dockerproxy.observe.record import Record

EXPECTED = Path(__file__).parent / "top"
SIZES = {"narrow": (80, 24), "wide": (200, 50)}
PICTURES = {
    **{f"narrow-{number}": ("narrow", [number]) for number in "12345"},
    "wide": ("wide", ["2"]),
    "record": ("narrow", ["2", "enter"]),
    "connection": ("narrow", ["3", "down", "enter"]),
    "explain": ("narrow", ["2", "e"]),
    "filtered": ("narrow", ["f", "f", "5"]),
    "frozen": ("narrow", ["space"]),
}
"""What is pressed for each."""

Lines = Iterable[tuple[str, float]]
Told = list[tuple[str, str]]


def explain(record: Record, served: str) -> Told:
    return [("socket", record.socket), ("decision", "not allowed"), ("", "no   \x1b[2J[red]x"), ("note", served)]


class View(Top):
    """The view of recorded lines, by the clock of these.

    Args:
        lines: Each with when it comes.
        program: What each client is called; if empty, what it is called in `told.py`.

    Attributes:
        told: Set when all of them were taken.
        lose: Says that there are no more.
        take: Takes one more.
    """

    def __init__(self, lines: Lines, program: str) -> None:
        self.told = asyncio.Event()
        now = 0.0

        async def follow(take: Callable[[str], None], lose: Callable[[str], None]) -> None:
            nonlocal now
            self.take, self.lose = take, lose
            for told, when in lines:
                now = when
                take(told)
            self.told.set()

        super().__init__(follow, explain, lambda pid, _: program or PROGRAMS[pid], lambda: now)

    @property
    def seen(self) -> str:
        """The text on the screen."""
        self.draw()
        return "\n".join(strip.text.rstrip() for strip in self.screen._compositor.render_strips()) + "\n"


@asynccontextmanager
async def viewed(
    lines: Lines, size: tuple[int, int] = SIZES["narrow"], program: str = ""
) -> AsyncIterator[tuple[View, Pilot[None]]]:
    """Give the view of lines, all of which were taken, and what presses its keys."""
    view = View(lines, program)
    async with view.run_test(size=size) as pilot:
        await view.told.wait()
        view.draw()
        await pilot.pause()
        yield view, pilot


@contextmanager
def no_colour(value: str) -> Iterator[None]:
    """Set NO_COLOR, which textual reads when a view is made."""
    before = os.environ.pop("NO_COLOR", None)
    if value:
        os.environ["NO_COLOR"] = value
    try:
        yield
    finally:
        os.environ.pop("NO_COLOR", None)
        if before is not None:
            os.environ["NO_COLOR"] = before


async def press(pilot: Pilot[None], view: View, *keys: str) -> str:
    """Press keys; return what is seen then."""
    await pilot.press(*keys)
    view.draw()
    await pilot.pause()
    return view.seen


def draw(name: str, plain: str = "") -> str:
    size, keys = PICTURES[name]

    async def go() -> str:
        async with viewed(play(), SIZES[size]) as (view, pilot):
            return await press(pilot, view, *keys)

    with no_colour(plain):
        return asyncio.run(go())


@for_each("name", PICTURES)
def test_what_is_drawn_is_what_was_looked_at(name: str) -> None:
    assert draw(name) == (EXPECTED / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", ["narrow-2", "wide"])
def test_without_colour_it_says_the_same(name: str) -> None:
    assert draw(name, "1") == (EXPECTED / f"{name}.txt").read_text()


def test_a_column_sorts_and_a_key_turns_the_order() -> None:
    async def go() -> None:
        async with viewed(play()) as (view, pilot):
            programs = [line.split()[1] for line in (await press(pilot, view, "s")).splitlines()[10:14]]
            assert programs == ["traefik", "act_runner", "docker", "restic"]  # By TOTAL.
            programs = [line.split()[1] for line in (await press(pilot, view, "r")).splitlines()[10:14]]
            assert programs == ["restic", "docker", "act_runner", "traefik"]
            assert "TOTAL▲" in view.seen

    asyncio.run(go())


def test_what_is_frozen_stays_and_goes_on_with_what_came_meanwhile() -> None:
    async def go() -> None:
        async with viewed(play()) as (view, pilot):
            frozen = await press(pilot, view, "2", "space")
            view.take(record(BACKUP, "GET /info", "SystemInfo", 59, decision="denied", reason="x"))
            assert view.seen == frozen
            assert "SystemInfo" in await press(pilot, view, "space")

    asyncio.run(go())


def test_a_proxy_that_is_gone_or_another_one_is_said() -> None:
    async def go() -> None:
        async with viewed(play()) as (view, pilot):
            view.lose("the proxy has gone")
            assert "○ the proxy has gone" in view.seen
            assert "3 Streams 0" in view.seen
            view.take(hello(protocol=2))
            assert "○ the proxy has another version" in view.seen
            view.take("{}")
            assert "1 missed" in await press(pilot, view, "1")

    asyncio.run(go())


def test_what_waits_for_an_answer_is_said() -> None:
    async def go() -> None:
        async with viewed([(hello(), 0.0), (line("asked", id="4KD7Q-1"), 0.0)]) as (view, pilot):
            await pilot.pause()
            assert "▲ 1 request waits for an answer: run `dockerproxy ask`" in view.seen
            view.take(line("asked", id="4KD7Q-2"))
            assert "▲ 2 requests wait" in view.seen
            view.take(line("answered", id="4KD7Q-1"))
            view.take(line("answered", id="4KD7Q-2"))
            view.draw()
            await pilot.pause()
            assert "▲" not in view.seen.replace("SOCKET▲", "")

    asyncio.run(go())


HOSTILE = "[red]r[/] [@click=app.quit]q[/] \x1b[31m\x9b2J\n\r\t\u202egnp e\u0301 \ufeff漢 :bomb: \udc80 $x"
SHOWN = r"[red]r[/] [@click=app.quit]q[/] \x1b[31m\x9b2J\n\r\t\u202egnp e\u0301 \ufeff\u6f22 :bomb: \udc80 $x"


def test_what_a_client_says_is_shown_as_it_is() -> None:
    """Wherever it stands: in a target, a reason, the names of an operation, an object, a socket and a program."""
    client = {"socket": HOSTILE, "operation": HOSTILE, "object": HOSTILE, "target": HOSTILE}
    stream = {**connection(CI, 1, START, **EVENTS), **client}
    denied = record(CI, "GET /x", "X", 1, decision="denied", reason=f"{HOSTILE}; to allow it, {HOSTILE}")
    told = opened(0, stream).replace('"name": "ci"', f'"name": {json.dumps(HOSTILE)}')
    lines = [(hello(version=HOSTILE), 0.0), (told, 0.0), (json.dumps({**json.loads(denied), **client}), 0.0)]

    async def go() -> None:
        async with viewed(lines, SIZES["wide"], HOSTILE) as (view, pilot):
            seen = [view.seen, await press(pilot, view, "f", "f"), view.export_screenshot()]
            for keys in (("1", "enter"), ("2", "enter"), ("3", "enter"), ("2", "e")):
                seen.append(await press(pilot, view, *keys))
                assert isinstance(view.screen, Sheet)
                assert SHOWN[:40] in seen[-1] or keys == ("2", "e")
                await press(pilot, view, "escape")
            assert SHOWN in seen[0]
            for text in seen:
                assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u0300-\u036f\u202e\ufeff漢💣]", text)
            assert view.is_running

    asyncio.run(go())


if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    for each in PICTURES:
        (EXPECTED / f"{each}.txt").write_text(draw(each))
