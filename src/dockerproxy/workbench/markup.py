"""HTML, built from elements. A text becomes markup in one place, `_write`, which escapes it.

An element is an `Html`; whatever else is put into one is a text, a client's or ours.

Attack: a text with `<script>`, `</title>`, `-->` or `&lt;` -> Defence: `html.escape`, for contents and attributes
alike; there are no comments, and no element whose contents are read otherwise but `style`, which is a constant
(test: test_no_text_is_markup).
Attack: a quote that ends an attribute -> Defence: each value is quoted, and quotes are escaped
(test: test_no_text_ends_an_attribute).
Attack: `javascript:` in a link, or an attribute that is a script -> Defence: the only link is a literal of ours, and no
other attribute than those of `_ATTRIBUTES` exists (test: test_every_link_leads_to_an_element_of_the_page).
Attack: characters that turn the direction of what follows, NUL, half of a surrogate pair, marks that pile up over the
lines above, letters that look like others -> Defence: all that is not ASCII is escaped, as in the log
(test: test_only_ascii_is_written).
"""

from dataclasses import dataclass
from html import escape as escape_markup
from typing import Final

from dockerproxy.text import escape

_VOID: Final = frozenset({"br", "meta"})
_ATTRIBUTES: Final = frozenset(
    {
        *("aria-label", "aria-labelledby", "charset", "class", "content", "href"),
        *("http-equiv", "id", "lang", "name", "role", "scope", "tabindex"),
    }
)


@dataclass(frozen=True, slots=True)
class Html:
    """Markup. Only this module makes it of a text, and `constant` of what stands in our code."""

    markup: str


def constant(markup: str) -> Html:
    """Take a literal of our code as it is."""
    return Html(markup)


def _write(text: str) -> str:
    """Write any text as that text."""
    return escape_markup(escape(text), quote=True)


def element(name: str, *children: Html | str, **attributes: str | int) -> Html:
    """Make an element.

    Args:
        name: Of it, a literal.
        children: Elements and texts.
        attributes: By names with `_` for `-`, and one behind a word of Python; an empty text leaves one out.
    """
    written = "".join(
        f' {key}="{_write(str(value))}"'
        for key, value in ((_name(key), value) for key, value in attributes.items())
        if value != ""
    )
    inner = join(*children).markup
    return Html(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{inner}</{name}>")


def _name(key: str) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name not in _ATTRIBUTES:
        raise ValueError(name)
    return name


def join(*parts: Html | str) -> Html:
    """Put elements and texts behind each other."""
    return Html("".join(part.markup if isinstance(part, Html) else _write(part) for part in parts))
