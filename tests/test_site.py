"""The documentation as a site: every link leads somewhere, and a reader's browser asks nobody else for anything."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from waiting import PATIENCE

ROOT = Path(__file__).parents[1]
SITE = ROOT / ".site/html"
PHONE = 358
"""The width of a picture on a phone, in pixels."""

SMALLEST = 9
"""The size of letters that can still be read there."""

SCROLLS = "top.svg"
LOADS = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "srcset")}


@pytest.fixture(scope="module", autouse=True)
def site() -> None:
    """Built as `make site` builds it, which fails for a link that leads nowhere."""
    build = [ROOT / "site/build", Path(sys.executable).parent]
    done = subprocess.run(build, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Loads(HTMLParser):
    """Collects the addresses of what a page loads by itself, but not those of other pages."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("rel", "canonical") not in attrs:
            self.found += [value for name, value in attrs if value and (tag, name) in LOADS]


def test_a_page_loads_nothing_from_elsewhere() -> None:
    pages = sorted(SITE.rglob("*.html"))
    assert len(pages) > 30
    elsewhere = {(page.name, address) for page in pages for address in Loads(page).found if urlsplit(address).netloc}
    assert elsewhere == set()
    for style in SITE.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text()) == []


def test_the_menu_has_every_page_of_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text().partition("## Words")[0]
    menu = (SITE / "docs/index.html").read_text()
    assert set(find_pages(index)) <= set(re.findall(r'href="([\w-]+)\.html"', menu))


def find_pages(index: str) -> Iterator[str]:
    yield from re.findall(r"\]\(([\w-]+)\.md\)", index)


def test_search_knows_what_the_pages_say() -> None:
    assert "ContainerCreate" in (SITE / "search/search_index.json").read_text()


def test_a_picture_stands_still_and_can_be_read_on_a_phone() -> None:
    for picture in (ROOT / "docs").glob("*.svg"):
        drawn = picture.read_text()
        assert "anim" not in drawn, picture.name
        width = re.search(r'<svg[^>]* width="(\d+)"', drawn)
        sizes = [float(size) for size in re.findall(r"font[^:;]*: ?([\d.]+)px", drawn)]
        if sizes and picture.name != SCROLLS:
            assert width is not None
            assert min(sizes) * PHONE / float(width[1]) > SMALLEST, picture.name


def test_code_wraps_with_its_options_whole() -> None:
    page = (SITE / "index.html").read_text()
    assert '<link rel="stylesheet" href="style.css">' in page
    assert '<span class="option">--preset</span>' in page
    style = (SITE / "style.css").read_text()
    assert "pre > code { white-space: pre-wrap" in style
    assert f'img[src$="{SCROLLS}"] {{ max-width: none' in style
