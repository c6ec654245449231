"""What a condition is called and takes, and what can never match: the values of which the vocabulary is made."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.conditions import clean_path
from dockerproxy.policy.model import Condition, Value


class Takes(StrEnum):
    """What a policy file writes as a condition's value."""

    FLAG = "true or false"
    ITEMS = "a list"
    CHOICE = "one word"
    AMOUNT = "an amount"
    TEXTS = "names, each with a text"
    LISTS = "a list of lists"
    PORTS = "ports and addresses"


@dataclass(frozen=True, slots=True)
class Word:
    """A condition that an operation can bear.

    Attributes:
        name: What a policy file calls it.
        takes: What its value is.
        says: What it demands, in a phrase.
        make: Makes the condition from a faultless value.
        read: Says which item a list must have for a request to keep to it; nothing if none would do. What an object is
            called, only the engine can say.
        fault: Says why an item of a list can never match, or nothing.
        choices: The values of a choice.
        of_body: Whether it is about what only the body says, or what only the engine knows of it.
        narrows: Whether it only takes away from what a grant without it lets through. Others let more through.
    """

    name: str
    takes: Takes
    says: str
    make: Callable[[Value], Condition]
    read: Callable[[CanonicalRequest], str] = lambda _: ""
    fault: Callable[[str], str] = lambda item: "" if item else "nothing is called that"
    choices: tuple[str, ...] = ()
    of_body: bool = False
    narrows: bool = True


_OBJECT_NAME: Final = re.compile(r"[A-Za-z0-9_.*?-]+")
"""What a name of a container, network, volume, service or pod can be made of, and the signs of a glob."""


def fault_of_name(item: str) -> str:
    """Return why no object can be called what an item says, or nothing."""
    if _OBJECT_NAME.fullmatch(item):
        return ""
    return "no object has such a name: letters, digits and _ . - are in one, * and ? in a pattern"


def fault_of_path(item: str) -> str:
    """Return why an item is no path, or nothing."""
    filled = item.replace("*", "x").replace("?", "x")
    if filled and clean_path(filled) == filled:
        return ""
    return "not a clean absolute path, like /data/**"


def which(name: str) -> str:
    """Say that a condition is about some objects, which are called so in the plural."""
    if name == "images":
        return "which images, by reference, glob or full id; references are normalised as Docker does"
    return f"which {name}, by name, glob or full id"
