"""HTML, built from elements. A text becomes markup in one place, `_write`, which escapes it.

An element is an `Html`; whatever else is put into one is a text, a client's or ours.

Attacks: docs/attacks.md, workbench/markup.
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
