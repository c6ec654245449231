"""The stamp: labels that the proxy puts on created objects, to find their owner later.

A container also gets the labels of its image, so a label alone proves nothing. Each create adds a fresh random text. A
container that has its text from the image is unowned.

Attacks: docs/attacks.md, owner_labels.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dockerproxy.text import fold
from dockerproxy.wire.document import Json

RESERVED: Final = "io.dockerproxy."
"""Prefix of the proxy's labels."""

OWNER: Final = f"{RESERVED}owner"
NONCE: Final = f"{RESERVED}nonce"
STAMP: Final = frozenset({OWNER, NONCE, f"{RESERVED}grants"})
"""Labels of a stamp, and one that versions before 2 added. That one has no meaning, and is removed from clients'
labels."""

NEW: Final = "*"
"""The owner of an object that does not exist yet: its creator will own it. No owner has this name."""


BUILT: Final = "dockerproxy.build"
"""A label that makes each build of an owner end in an image of its own."""

_DIGITS: Final = 32


def scope(owner: str, what: str, text: str) -> str:
    """Return the name for the engine in place of one that a client chose; an empty one stays."""
    spelled = f"{len(owner)} {owner} {what} {text}".encode(errors="surrogateescape")
    return hashlib.sha256(spelled).hexdigest()[:_DIGITS] if text else ""


def make_built(owner: str) -> str:
    """Return the value of `BUILT` for an owner. With another owner's, a build could end in that owner's image."""
    return scope(owner, BUILT, " ")


def make_stamp(owner: str, nonce: str) -> dict[str, str]:
    """Return the labels for a new object of an owner; `nonce` is a fresh unguessable text."""
    return {OWNER: owner, NONCE: nonce}


def add_stamp(labels: Mapping[str, Json], stamp: Mapping[str, str]) -> dict[str, Json]:
    """Add a stamp to labels, replacing an existing one."""
    return {**{name: value for name, value in labels.items() if name not in STAMP}, **stamp}


def put_stamp(content: Json, places: Iterable[str], stamp: Mapping[str, str]) -> Json:
    """Add a stamp to the labels at some places of a body; None if one is ambiguous."""
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
    """Return an object's stamp, to keep it when the labels change."""
    return {name: text for name in STAMP if isinstance(text := labels.get(name), str)}


def find_owner(labels: Mapping[str, object], inherited: Mapping[str, object]) -> str:
    """Return the owner of an object with these labels, some inherited from its image; empty if unowned."""
    owner, nonce = labels.get(OWNER), labels.get(NONCE)
    is_fresh = isinstance(nonce, str) and nonce != "" and inherited.get(NONCE) != nonce
    return owner if isinstance(owner, str) and owner != NEW and is_fresh else ""
