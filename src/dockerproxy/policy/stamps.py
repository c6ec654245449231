"""The stamp: labels of ours on what a socket creates, by which the proxy knows later whose it is.

A container gets the labels of its image beside its own, so a label alone proves nothing. Each create puts a fresh
random text on, and a container that has the text from its image is nobody's.

Attacks: docs/attacks.md, policy/stamps.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dockerproxy.text import fold
from dockerproxy.wire.document import Json

RESERVED: Final = "io.dockerproxy."
"""What labels of ours begin with."""

OWNER: Final = f"{RESERVED}owner"
NONCE: Final = f"{RESERVED}nonce"
STAMP: Final = frozenset({OWNER, NONCE, f"{RESERVED}grants"})
"""Labels of a stamp, and one that versions before 2 put beside: it says nothing, and goes on from nobody."""

NEW: Final = "*"
"""Whose an object is that does not exist: anybody's who makes it. No owner is called so."""


def make_stamp(owner: str, nonce: str) -> dict[str, str]:
    """Return the labels of what an owner creates; `nonce` is a text that nobody could guess before."""
    return {OWNER: owner, NONCE: nonce}


def add_stamp(labels: Mapping[str, Json], stamp: Mapping[str, str]) -> dict[str, Json]:
    """Return labels with a stamp in place of any that is there."""
    return {**{name: value for name, value in labels.items() if name not in STAMP}, **stamp}


def put_stamp(content: Json, places: Iterable[str], stamp: Mapping[str, str]) -> Json:
    """Return a body with a stamp among the labels that stand at some places; None if one has no single meaning."""
    for place in places:
        content = None if content is None else _put(content, place.split("."), stamp)
    return content


def _put(content: Json, steps: Sequence[str], stamp: Mapping[str, str]) -> Json:
    given = {} if content is None else content
    if not isinstance(given, dict) or not steps:
        return add_stamp(given, stamp) if isinstance(given, dict) else None
    key, *below = steps
    spelled = [name for name in given if fold(name) == fold(key)]
    if len(spelled) > 1:
        return None
    put = _put(next((given[name] for name in spelled), None), below, stamp)
    others = {name: value for name, value in given.items() if name not in spelled}
    return None if put is None else {**others, key: put}


def read_stamp(labels: Mapping[str, object]) -> dict[str, str]:
    """Return the labels of ours that something has, to be put on again when its labels are changed."""
    return {name: text for name in STAMP if isinstance(text := labels.get(name), str)}


def find_owner(labels: Mapping[str, object], inherited: Mapping[str, object]) -> str:
    """Return whose an object is that has these labels, some of them from its image; empty if it is nobody's."""
    owner, nonce = labels.get(OWNER), labels.get(NONCE)
    is_fresh = isinstance(nonce, str) and nonce != "" and inherited.get(NONCE) != nonce
    return owner if isinstance(owner, str) and owner != NEW and is_fresh else ""
