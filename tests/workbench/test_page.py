"""A page needs nothing but itself, and can be used without seeing it."""

import hashlib
from base64 import b64encode

import pytest
from workbench.test_markup import Read

from dockerproxy.workbench.markup import element
from dockerproxy.workbench.page import (
    BEGIN,
    Figure,
    bar,
    code,
    figures,
    listing,
    paragraph,
    section,
    table,
    write_page,
)


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
    rows = [("web", 1234, Figure(5, "2 denied", 3)), ("db", 0, Figure(0))]
    markup = table("Cap", ("Name", "All", "Day"), rows).markup
    read = Read(markup)
    assert read.names.count("caption") == 1
    assert read.attributes.count(("scope", "col")) == 3
    assert read.attributes.count(("scope", "row")) == 2
    assert {("role", "region"), ("tabindex", "0"), ("aria-label", "Cap")} <= set(read.attributes)
    assert '<td class="n">1,234</td>' in markup
    assert '<td class="n h3">5<small>2 denied</small></td>' in markup
    assert markup.count('<td class="n zero">0</td>') == 2


def test_the_kinds_of_columns_can_be_said() -> None:
    markup = table("Cap", ("Name", "Why"), [("web", "x")], "- long").markup
    assert '<th scope="row">web</th><td class="long">x</td>' in markup


@pytest.mark.parametrize(("share", "width"), [(0.0, 0), (0.00001, 4), (0.5, 500), (1.0, 1000)])
def test_a_bar_is_as_long_as_its_share_and_what_there_is_can_be_seen(share: float, width: int) -> None:
    markup = bar(share, 0.0).markup
    assert f'width="{width}"' in markup
    assert 'aria-hidden="true"' in markup


def test_a_section_is_named_by_its_heading() -> None:
    parts = (paragraph("a", faint=True), listing(["b"]), code("c"), figures([("requests", 1000)]))
    markup = section("Title", "part", *parts).markup
    assert markup.startswith('<section id="part" aria-labelledby="part-title"><h2 id="part-title">Title</h2>')
    assert "<dt>requests</dt><dd>1,000</dd>" in markup
