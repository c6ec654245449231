"""A text stays a text, whatever it has, and a name that nobody foresaw is a mistake of ours."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.text import escape
from dockerproxy.workbench.markup import constant, element, join

HOSTILE = (
    *("<script>alert(1)</script>", "</title></style></code>", "<!-- -->", "]]>", "&lt;b&gt;", "&#60;b&#62;"),
    *('" onload="alert(1)', "' onclick='alert(1)", "` onerror=x ", "javascript:alert(1)", "\x00<b>", "<\x00b>"),
    *("\u202eevil\u2066", "\ud800", "\udc80", "a\u0300" * 300, "\uff1cscript\uff1e", "x" * 100_000, "\r\n\t\x1b[31m"),
)
TEXTS = st.text() | st.sampled_from(HOSTILE)


class Read(HTMLParser):
    """What a reader of HTML finds."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.names.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.names.append(decl)


@given(TEXTS)
def test_no_text_is_markup(text: str) -> None:
    read = Read(element("p", text, element("b", text)).markup)
    assert read.names == ["p", "b"]
    assert read.text == 2 * escape(text)


@given(TEXTS)
def test_no_text_ends_an_attribute(text: str) -> None:
    read = Read(element("p", class_=text, aria_label=text).markup)
    assert read.names == ["p"]
    assert read.attributes == ([("class", escape(text)), ("aria-label", escape(text))] if text else [])


@given(TEXTS)
def test_only_ascii_is_written(text: str) -> None:
    markup = element("p", text, class_=text).markup
    assert markup.isascii()
    assert markup.isprintable()


@pytest.mark.parametrize("name", ["onclick", "style", "src", "formaction", "srcdoc"])
def test_an_attribute_that_nobody_foresaw_is_a_mistake(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        element("p", **{name: "x"})


def test_elements_are_written_as_html_has_them() -> None:
    assert join("a", element("br"), constant("&ndash;")).markup == "a<br>&ndash;"
    made = element("meta", http_equiv="x", tabindex=0, class_="")
    assert made.markup == '<meta http-equiv="x" tabindex="0">'
