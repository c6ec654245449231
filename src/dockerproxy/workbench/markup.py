"""HTML, built from elements. Text becomes markup only in `_write`, which escapes it.

An element is an `Html`; all other content is text.

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
    """Markup. Only this module makes it from text, and `constant` from literals in our code."""

    markup: str


def constant(markup: str) -> Html:
    """Return a literal of our code as markup."""
    return Html(markup)


def _write(text: str) -> str:
    """Escape a text."""
    return escape_markup(escape(text), quote=True)


def element(name: str, *children: Html | str, **attributes: str | int) -> Html:
    """Make an element.

    Args:
        name: A literal.
        children: Elements and texts.
        attributes: In names, `_` stands for `-`, and one follows a keyword of Python; an empty text omits one.
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
    """Concatenate elements and texts."""
    return Html("".join(part.markup if isinstance(part, Html) else _write(part) for part in parts))
