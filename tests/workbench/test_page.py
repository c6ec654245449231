"""A page needs nothing but itself, and can be used without seeing it."""

import hashlib
import re
from base64 import b64encode

import pytest
from workbench.test_markup import Read

from dockerproxy.workbench.markup import element
from dockerproxy.workbench.page import BEGIN, STYLE, listing, paragraph, section, table, write_page


def test_the_policy_of_a_page_forbids_all_but_its_style() -> None:
    page = write_page("Title & co", element("main", "text"))
    assert page.encode().startswith(BEGIN)
    style = page.partition("<style>")[2].partition("</style>")[0]
    said = dict(Read(page).attributes)
    assert said["http-equiv"] == "Content-Security-Policy"
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(value for name, value in Read(page).attributes if name == "content" and "src" in str(value))
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "<title>Title &amp; co</title>" in page
    assert 'href="#main"' in page


def test_a_table_has_a_caption_heads_with_a_scope_and_can_be_scrolled_with_the_keyboard() -> None:
    markup = table("Cap", ("Name", "All", "Why"), [("web", 1234, "x"), ("db", 0, "y")]).markup
    read = Read(markup)
    assert read.names.count("caption") == 1
    assert read.attributes.count(("scope", "col")) == 3
    assert read.attributes.count(("scope", "row")) == 2
    assert {("role", "region"), ("tabindex", "0"), ("aria-label", "Cap")} <= set(read.attributes)
    assert '<td class="n">1,234</td>' in markup
    assert '<td class="n">0</td><td>y</td>' in markup


def test_the_kinds_of_columns_can_be_said() -> None:
    markup = table("Cap", ("Name", "Why"), [("web", "x")], "- long").markup
    assert '<th scope="row">web</th><td class="long">x</td>' in markup


def test_a_section_is_named_by_its_heading() -> None:
    markup = section("Title", "part", paragraph("a"), listing(["b"])).markup
    assert markup.startswith('<section id="part" aria-labelledby="part-title"><h2 id="part-title">Title</h2>')
    assert markup.endswith("<p>a</p><ul><li>b</li></ul></section>")


# The style sheet

LIGHT, DARK = (dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]+|[0-9 ]+);", part)) for part in STYLE.split("@media")[:2])
ENOUGH = 4.5
"""Of WCAG 2.2, 1.4.3."""


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("front", ["ink", "faint", "accent"])
def test_texts_can_be_read(colours: dict[str, str], front: str) -> None:
    darker, lighter = sorted((luminance(colours[front]), luminance(colours["ground"])))
    assert (lighter + 0.05) / (darker + 0.05) >= ENOUGH


def test_nothing_is_loaded_and_nothing_ends_the_sheet() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert not re.search(r"url\(|@import|<|image-set|src:", STYLE)
    assert ":focus-visible" in STYLE
