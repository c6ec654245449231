"""The stamp: labels of ours on what a socket creates, by which the proxy knows later whose it is.

A container gets the labels of its image beside its own, so a label alone proves nothing. Each create puts a fresh
random text on, and a container that has the text from its image is nobody's.

Attack: an image that carries a stamp: built, loaded, or committed from an object of one's own -> Defence: the engine is
asked what the image of a stamped container is labelled (test: test_a_stamp_that_the_image_has_is_worth_nothing).
Attack: delete the image, so that nothing can be compared -> Defence: such a container is nobody's.
Attack: a label of ours in a request, on any socket -> Defence: refused (test: test_nobody_sends_a_label_of_ours).
"""

from collections.abc import Mapping
from typing import Final

RESERVED: Final = "io.dockerproxy."
"""What labels of ours begin with."""

OWNER: Final = f"{RESERVED}owner"
NONCE: Final = f"{RESERVED}nonce"

NEW: Final = "*"
"""Whose an object is that does not exist: anybody's who makes it. No owner is called so."""


def make_stamp(owner: str, nonce: str) -> dict[str, str]:
    """Return the labels of what an owner creates; `nonce` is a text that nobody could guess before."""
    return {OWNER: owner, NONCE: nonce}


def find_owner(labels: Mapping[str, object], inherited: Mapping[str, object]) -> str:
    """Return whose an object is that has these labels, some of them from its image; empty if it is nobody's."""
    owner, nonce = labels.get(OWNER), labels.get(NONCE)
    is_fresh = isinstance(nonce, str) and nonce != "" and inherited.get(NONCE) != nonce
    return owner if isinstance(owner, str) and is_fresh else ""
