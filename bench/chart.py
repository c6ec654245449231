"""Draw what a request costs each contender, and how many it answers: bars in an SVG, for light and dark pages."""

from collections.abc import Sequence
from html import escape
from typing import Final

from contenders import Contender
from report import Rounds, median

WIDTH: Final = 510
NAME: Final = 215
VALUE: Final = 75
BAR: Final = 22
GAP: Final = 8
TITLE: Final = 34
STYLE: Final = """\
text { font: 14px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.bar { fill: #8c959f; }
.ours { fill: #0969da; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .bar { fill: #6e7681; } .ours { fill: #58a6ff; } }"""

# Of each chart the metric, its title, what a value is multiplied by, and how it is written.
CHARTS: Final = (
    ("processor", "processor time per request in µs; less is better", 1e6, ".1f"),
    ("connect_processor", "the same, with a connection for each request", 1e6, ".0f"),
    ("rate_16", "requests per second, 16 connections; more is better", 1, ",.0f"),
)


def draw(contenders: Sequence[Contender], rounds: Rounds) -> str:
    """Draw the charts below each other."""
    parts: list[str] = []
    top = 0
    for metric, title, scale, form in CHARTS:
        found = [(contender, median(metric, contender.key, rounds)) for contender in contenders]
        values = [(contender, value * scale) for contender, value in found if value is not None]
        parts.append(f'<text class="title" x="0" y="{top + 20}">{escape(title)}</text>')
        top += TITLE
        most = max((value for _, value in values), default=1)
        for contender, value in values:
            length = (WIDTH - NAME - VALUE) * value / most
            ours = " ours" if "dockerproxy" in contender.title else ""
            parts += [
                f'<text x="0" y="{top + 16}">{escape(contender.name)}</text>',
                f'<rect class="bar{ours}" x="{NAME}" y="{top}" width="{length:.0f}" height="{BAR}" rx="3"/>',
                f'<text x="{NAME + length + 8:.0f}" y="{top + 16}">{value:{form}}</text>',
            ]
            top += BAR + GAP
        top += GAP
    body = "\n".join(parts)
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>\n{STYLE}\n</style>\n{body}\n</svg>\n'
