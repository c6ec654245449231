"""The narrowest grant for a request: every condition that its operation can bear and that the request keeps to."""

from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Value
from dockerproxy.policy.objects import WORDS, Found
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.policy.words import Takes, Word

LITERAL: Final = frozenset({"signal", "ps_args"})
"""Lists of plain words: no globs are in them."""


def find_narrowest(request: CanonicalRequest, found: Found | None) -> Mapping[str, Value]:
    """Return the conditions, values by their words, that allow a request and as little else as can be said.

    Args:
        request: For an operation.
        found: The object that it names; None if it names none or it is not known.
    """
    words = find_words(request.operation)
    kept = ((name, _find_value(word, request, found)) for name, word in words.items() if not word.of_body)
    return {name: value for name, value in kept if value is not None}


def _find_value(word: Word, request: CanonicalRequest, found: Found | None) -> Value | None:
    """Return the narrowest value of a condition that a request keeps to; None if it keeps to none."""
    return next((value for value in _candidates(word, request, found) if word.make(value).holds(request, found)), None)


def _candidates(word: Word, request: CanonicalRequest, found: Found | None) -> Iterator[Value]:
    if word.takes is Takes.FLAG:
        yield from (False, True)
    elif word.takes is Takes.CHOICE:
        yield from word.choices
    else:
        items = _items(word, request, found)
        if items and not _is_pattern(word, items) and not any(map(word.fault, items)):
            yield items


def _is_pattern(word: Word, items: tuple[str, ...]) -> bool:
    """Whether what has a star in its own name would be a glob as an item of a list, so that it cannot be written."""
    return word.name not in LITERAL and not all(Glob(item).is_literal for item in items)


def find_patterns(request: CanonicalRequest, found: Found | None) -> tuple[str, ...]:
    """Return the conditions that cannot list what a request has, since it would be a pattern there."""
    words = find_words(request.operation).items()
    listing = ((name, word) for name, word in words if word.takes is Takes.ITEMS and not word.of_body)
    return tuple(name for name, word in listing if _is_pattern(word, _items(word, request, found)))


def _items(word: Word, request: CanonicalRequest, found: Found | None) -> tuple[str, ...]:
    read = word.read(request)
    if read:
        return (read,)
    if found is None or word.name not in WORDS.values():
        return ()
    return found.names if found.every else found.names[:1]
