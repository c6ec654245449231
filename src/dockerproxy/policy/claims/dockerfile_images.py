"""Find out whether the name of an image in a Dockerfile could be something that Podman reads from the host.

Such a name begins with one of a few transports (`dir:/etc`, `oci-archive:x.tar`). So of whatever variables may hold
only the beginnings of those are followed, and an image is refused as soon as one is complete.

- Attack: a transport that variables make, in pieces, by defaults, by each other or in a ring → Defence: every value
  that the client or any ARG gives is followed, without order and without end, and each place is visited once for each
  beginning (test: test_no_image_is_read_from_the_host_by_a_variable_or_in_another_spelling).
- Attack: a variable whose value is not clear here: given by the builder, declared with a quote, an escape, a character
  outside ASCII or another variable for its name; a substitution that is not plain (`${A#x}`, `${A:+"}"}`)
  → Defence: none of these begins the name of an image (test: the same).
- Attack: a chain of thousands of variables, or many in a row → Defence: no recursion, and the visits are counted
  (tests: test_a_long_chain_of_variables_has_an_end, test_the_work_is_bounded_whatever_the_file_holds).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dockerproxy.policy.claims.dockerfile_steps import Budget
from dockerproxy.policy.references import TRANSPORTS

_BEGINNINGS: Final = frozenset(name[:length] for name in (*TRANSPORTS, "sha256:") for length in range(len(name) + 1))

_LONGEST: Final = max(map(len, TRANSPORTS))

_PORT_OR_TAG: Final = re.compile(r"[^:/]*:(?:[0-9]+/|[^/]*\Z)")
"""A name with a colon in front of its first slash has a port or a tag there."""

_ASSIGNMENT: Final = re.compile(
    r"""[ \t]+|([A-Za-z_]\w*)(?:=((?:[^ \t"'\\]|"[^"\\]*"|'[^'\\]*')*))?(?=[ \t]|\Z)""", re.ASCII
)
"""A word of an ARG, or the spaces between two."""

_TOKEN: Final = re.compile(
    r"""(?P<text>[^$"'\\]+)|["'\\]+|\$\{(?P<long>\w+)(?::?[-+?](?P<instead>[^{}$"'\\]*))?\}|"""
    r"""\$(?P<short>[0-9]|[A-Za-z_]\w*)|(?P<unclear>\$)""",
    re.ASCII,
)
_QUOTES: Final = str.maketrans("", "", "\"'\\")
_GIVEN_BY_BUILDER: Final = re.compile("(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")

_MAY_BE_ID: Final = re.compile("(?:sha256:)?[0-9a-f]{0,11}").fullmatch
"""Fewer digits than clients show, by which any image could be found that others have."""

_BY_ID: Final = "may be any image, by the first digits of its ID"
_OF_OTHERS: Final = "may be read from the host"
_BEGINS: Final = "may be read from the host: a variable comes before any slash or colon"


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Somewhere in a text that is read on from there, and what is read behind its end."""

    text: str
    at: int
    behind: "_Place | None"


class Variables:
    """What variables of a Dockerfile may hold where an image is named."""

    def __init__(self, given: Mapping[str, str] | None, declared: Iterable[str], budget: Budget) -> None:
        self._values: dict[str, list[str]] = {name: [value] for name, value in (given or {}).items()}
        self._are_known = given is not None
        self._budget = budget
        self._places: dict[tuple[str, int, _Place | None], _Place] = {}
        self._seen: set[tuple[str, _Place]] = set()
        for rest in declared:
            self._are_known = self._are_known and self._declare(rest)

    def _declare(self, rest: str) -> bool:
        """Note what an ARG says; return whether that is plain."""
        if not rest.isascii():
            return False
        self._budget.spend(rest.count('"') + rest.count("'"))
        at = 0
        while at < len(rest):
            self._budget.spend()
            found = _ASSIGNMENT.match(rest, at)
            if found is None:
                return False
            at = found.end()
            if found[2] is not None:
                self._values.setdefault(found[1], []).append(found[2])
        return True

    def look(self, image: str) -> str:
        """Say why an image may not be named so, as a clause; empty if it may."""
        if "$" not in image:
            plain = image.translate(_QUOTES)
            front = plain.partition("/")[0]
            has_other = ":" in front and not _PORT_OR_TAG.match(plain)
            return _OF_OTHERS if has_other or plain.startswith(TRANSPORTS) else ""
        todo = [("", self._place(image, 0, None))]
        while todo:
            begun, place = todo.pop()
            if place is None and begun and _MAY_BE_ID(begun):
                return _BY_ID
            if place is None or (begun, place) in self._seen:
                continue
            self._seen.add((begun, place))
            token = next(_TOKEN.finditer(place.text, place.at))
            behind = self._place(place.text, token.end(), place.behind)
            begun += (token["text"] or "")[:_LONGEST]
            if begun.startswith(TRANSPORTS):
                return _OF_OTHERS
            name = token["long"] or token["short"] or ""
            if token["unclear"] or (name and not self._are_known) or _GIVEN_BY_BUILDER.fullmatch(name):
                return _BEGINS
            if begun in _BEGINNINGS or _MAY_BE_ID(begun):
                texts = self._texts(name, token["instead"] or "")
                todo += [(begun, self._place(text, 0, behind)) for text in texts]
        return ""

    def _texts(self, name: str, instead: str) -> Iterator[str]:
        """Yield whatever a variable may hold; nothing else for what is none."""
        for text in dict.fromkeys(("", instead, *self._values.get(name, ()))):
            self._budget.spend()
            yield text

    def _place(self, text: str, at: int, behind: _Place | None) -> _Place | None:
        """Return the one place of its kind. At the end of a text there is none: so a ring of variables has an end."""
        return self._places.setdefault((text, at, behind), _Place(text, at, behind)) if at < len(text) else behind
