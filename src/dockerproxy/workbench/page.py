"""A self-contained HTML page: no script, no font, no network.

Attacks: docs/attacks.md, workbench/page.
"""

import hashlib
import os
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from dockerproxy.config.document import read_file
from dockerproxy.workbench.markup import Html, constant, element

STYLE: Final = f"\n{read_file(os.path.join(os.path.dirname(__file__), 'report.css'))}"
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)
BEGIN: Final = b'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
"""The elements at the top of each page."""

_META: Final = (
    {"charset": "utf-8"},
    {"http_equiv": "Content-Security-Policy", "content": _POLICY},
    {"name_": "viewport", "content": "width=device-width, initial-scale=1"},
    {"name_": "color-scheme", "content": "light dark"},
    {"name_": "referrer", "content": "no-referrer"},
)


def write_page(title: str, *body: Html) -> str:
    """Write a page with a title."""
    metas = (element("meta", **attributes) for attributes in _META)
    head = element("head", *metas, element("title", title), element("style", constant(STYLE)))
    skip = element("a", "Skip to the report", href="#main", class_="skip")
    return f"<!DOCTYPE html>\n{element('html', head, element('body', skip, *body), lang='en').markup}\n"


Cell = Html | str | int


def table(caption: str, heads: Sequence[Html | str], rows: Sequence[Sequence[Cell]], kinds: str = "") -> Html:
    """Make a table. A wide one scrolls by itself, with the keyboard too. The first cell of a row is its header.

    Kinds are CSS classes for the columns: `n` for numbers, `-` for none. By default, the first row decides them.
    """
    classes = kinds.split() or ["n" if isinstance(cell, int) else "" for cell in rows[0]]
    classes = ["" if each == "-" else each for each in classes]
    head = element(
        "tr", *(element("th", text, scope="col", class_=name) for text, name in zip(heads, classes, strict=True))
    )
    lines = (element("tr", *map(_cell, row, classes, range(len(row)))) for row in rows)
    made = element("table", element("caption", caption), element("thead", head), element("tbody", *lines))
    return element("div", made, class_="scroll", role="region", tabindex=0, aria_label=caption)


def _cell(cell: Cell, name: str, index: int) -> Html:
    text = f"{cell:,}" if isinstance(cell, int) else cell
    return element("td", text, class_=name) if index else element("th", text, scope="row", class_=name)


def listing(items: Sequence[Html | str]) -> Html:
    """Make a list of items."""
    return element("ul", *(element("li", item) for item in items))


def paragraph(*parts: Html | str) -> Html:
    """Make a paragraph."""
    return element("p", *parts)


def section(title: str, name: str, *parts: Html) -> Html:
    """Make a section that its heading labels."""
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *parts, id=name, aria_labelledby=f"{name}-title")
