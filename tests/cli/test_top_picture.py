"""The picture in the documentation shows what `top` really draws, for recorded lines.

    PYTHONPATH=tests python tests/cli/test_top_picture.py

draws it anew.
"""

import asyncio
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Final

from cli.test_top_view import viewed
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from workbench.told import MOUNTS, play

from dockerproxy.config.policy_file import read_policy
from dockerproxy.errors import Refusal
from dockerproxy.workbench.trying import try_request

PICTURE: Final = Path(__file__).parents[2] / "docs/top.svg"
COLUMNS, ROWS = 82, 24
KEYS: Final = ("2",)
WIDTH, LINE, MARGIN = 8.4, 17, 8
COLOURS: Final = {1: "bad", 2: "good", 3: "doubt", 6: "focus", 8: "faint"}
"""By their numbers in the palette of a terminal."""


def draw(strips: Iterable[Strip]) -> str:
    """Draw lines of a terminal, in the colours that the reader has chosen."""
    width, height = round(COLUMNS * WIDTH + 2 * MARGIN), ROWS * LINE + 2 * MARGIN
    drawn = "\n".join(piece for row, strip in enumerate(strips) for piece in _draw_line(strip, MARGIN + LINE * row))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
 role="img" aria-labelledby="title">
<title id="title">A terminal: dockerproxy top shows sockets, and denials with what would allow them</title>
<style>
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:#24292f}}
.frame{{fill:#f6f8fa;stroke:#d0d7de}} .mark{{fill:#24292f}} .on{{fill:#f6f8fa}} .b{{font-weight:bold}}
.bad{{fill:#cf222e}} .good{{fill:#1a7f37}} .doubt{{fill:#9a6700}} .focus{{fill:#0969da}} .faint{{fill:#6e7781}}
@media(prefers-color-scheme:dark){{
text{{fill:#e6edf3}} .frame{{fill:#161b22;stroke:#30363d}} .mark{{fill:#e6edf3}} .on{{fill:#161b22}}
.bad{{fill:#ff7b72}} .good{{fill:#3fb950}} .doubt{{fill:#d29922}} .focus{{fill:#79c0ff}} .faint{{fill:#8b949e}}
}}
</style>
<rect class="frame" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>
{drawn}
</svg>
"""


def _draw_line(strip: Strip, y: int) -> Iterator[str]:
    column = 0
    for segment in Segment.simplify(Segment(text, _plain(style)) for text, style, _ in strip):
        text, style = segment.text, segment.style or Style()
        x = f"{MARGIN + column * WIDTH:.1f}"
        column += len(text)
        colour = style.color.number if style.color is not None else None
        names = " ".join(filter(None, ("on" * bool(style.reverse), COLOURS.get(colour or 0), "b" * bool(style.bold))))
        if style.reverse:
            yield f'<rect class="mark" x="{x}" y="{y}" width="{len(text) * WIDTH:.1f}" height="{LINE}"/>'
        if text.strip():
            of_class = f' class="{names}"' if names else ""
            yield f'<text{of_class} x="{x}" y="{y + 13}">{escape(text.rstrip())}</text>'


def _plain(style: Style | None) -> Style:
    """Return what of a style is drawn."""
    style = style or Style()
    if style.reverse:
        return Style(reverse=True)
    return Style(bold=style.bold, color="bright_black" if style.dim else style.color)


async def show() -> str:
    async with viewed(play(), (COLUMNS, ROWS)) as (view, pilot):
        await pilot.press(*KEYS)
        view.draw()
        await pilot.pause()
        return draw(view.screen._compositor.render_strips())


def test_the_denial_in_the_picture_is_what_the_proxy_says_today() -> None:
    policy = "sockets: {ci: {path: /ci.sock, allow: [ContainerCreate: {images: [app]}]}}"
    body = b'{"Image": "app", "HostConfig": {"Binds": ["/srv/cache:/cache"]}}'
    tried = try_request(read_policy(policy, "policy.yaml").sockets[0].policy, "POST", "/containers/create", body)
    assert not isinstance(tried, Refusal)
    assert tried.decision.message == MOUNTS


def test_the_picture_shows_what_is_drawn_today() -> None:
    drawn = asyncio.run(show())
    assert drawn == PICTURE.read_text()
    assert len(drawn) < 20_000


if __name__ == "__main__":
    PICTURE.write_text(asyncio.run(show()))
