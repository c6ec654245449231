"""Requests made of what conditions say: for each word, things that a value admits, or that lie beside it.

Nobody relies on that these are right. Whoever wants a request that a policy allows decides about each.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import combinations, product
from typing import Final

from dockerproxy.api.catalog import Operation
from dockerproxy.policy.amounts import read_ports
from dockerproxy.policy.constraints.base import Constraint
from dockerproxy.policy.objects import LABELLED, OWN, is_full_id
from dockerproxy.policy.references import normalise_pattern
from dockerproxy.policy.values import Pairs, Takes, Value, split_mode
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words
from dockerproxy.workbench.forms import IMAGE, NAME, OPENS, Chosen, Example, make_example

_FILLERS: Final = ("x", "", "other-1", "x/y")
"""What stands for a sign of a pattern. None of it is likely to be in another one."""

_USUAL: Final[Mapping[str, tuple[Chosen, ...]]] = {
    **dict.fromkeys(("containers", "names", "volumes", "pods", "services", "joins", "secrets", "configs"), (NAME,)),
    "networks": (NAME, "bridge"),
    **dict.fromkeys(("images", "from", "tags"), (IMAGE, "docker.io/library/nginx:latest")),
    "add_capabilities": ("SYS_ADMIN",),
    "addresses": ("02:42:0a:09:00:02",),
    "binds": ("/etc", "/etc:ro"),
    "buildx_builders": ("buildx_buildkit_example",),
    "changes": ("memory", "restart", "cpus"),
    "commands": (("sh", "-c", "id"),),
    "cpus": ("64",),
    "extra_hosts": ("example:192.0.2.1",),
    "memory": ("1TiB",),
    "options": ("privileged", "tty", "stdin", "detach"),
    "path": ("/etc/passwd",),
    "pids": ("1000000",),
    "ps_args": ("aux", "-ef", "-o pid,args"),
    "publish": ("1/", "1/127.0.0.1"),
    "registries": ("registry.example/app",),
    "restart": ("always", "on-failure", "unless-stopped", "no"),
    "servers": ("registry.example",),
    "signal": ("KILL", "HUP", "TERM"),
    "subnets": ("192.0.2.0/24",),
    "user": ("0",),
}
"""What a request may ask for where a grant says nothing of a word."""

_NEEDED: Final = frozenset({"images", "commands", "containers", "from", "services", "registries"})
"""Words of which a request has something in any case, if there is room for it."""

_KEPT_BY: Final[Mapping[str, Chosen]] = {"user": "1000:1000", "registries": "example", "buildx_builders": None}
"""What keeps to the one word that some demand; to others, true does."""

_OF_IMAGES: Final = frozenset({"images", "from", "tags"})
_SIGN: Final = re.compile(r"\*\*+|\*|\?")


def list_examples(
    operation: Operation, said: Mapping[str, Value], others: Iterable[Mapping[str, Value]]
) -> Iterator[Example]:
    """Yield requests that keep to the conditions said, as far as that can be told, the plainest first.

    They may break the others: all that these say is tried, and what lies beside it.
    """
    each = tuple(others)
    words: dict[str, list[Chosen]] = {
        word: _choose(constraint, said.get(word), [other[word] for other in each if word in other])
        for word, constraint in find_words(operation).items()
    }
    if UNRESTRICTED.word in said:
        words = {UNRESTRICTED.word: [None, *([True] if operation.name in OPENS else []), False], **words}
    first = {word: choices[0] for word, choices in words.items()}
    for size in range(len(words) + 1):
        for changed in combinations(words, size):
            for values in product(*(words[word][1:] for word in changed)):
                yield make_example(operation, {**first, **dict(zip(changed, values, strict=True))})


def _choose(constraint: Constraint, value: Value | None, others: Iterable[Value]) -> list[Chosen]:
    """Return what a request may have of a word: things that a value admits, or anything if there is none."""
    word = constraint.name
    usual = _USUAL.get(word, ())
    listed: list[Chosen]
    if constraint.takes is Takes.CHOICE:
        kept = _KEPT_BY.get(word, True)
        free = [*usual, kept] if word in _NEEDED else [None, *usual, kept]
        listed = [kept] if value is not None and value != "any" else free
    elif isinstance(value, bool) or constraint.takes is Takes.FLAG:
        listed = [value] if isinstance(value, bool) else [None, True, False]
    elif word == LABELLED:
        listed = (
            [*_list_labels(value)] if value is not None else [None, *(each for o in others for each in _list_labels(o))]
        )
    elif word == OWN:
        listed = [True if value else None]
    elif value is not None:
        things = list(_list_things(word, value))
        listed = things if word in _NEEDED or constraint.takes is not Takes.ITEMS else [*things, None]
    else:
        beside = [thing for other in others for thing in _list_beside(word, other)]
        things = list(dict.fromkeys((*usual, *beside)))
        listed = [*things, None] if word in _NEEDED else [None, *things]
    return list(dict.fromkeys(listed)) or [None]


def _list_beside(word: str, value: Value) -> Iterator[Chosen]:
    """Yield what a value admits, and what contradicts it."""
    if word == "labels" and isinstance(value, Pairs):
        yield from (f"{name}=other" for name, _ in value.items)
    else:
        yield from _list_things(word, value)


def _list_things(word: str, value: Value) -> Iterator[Chosen]:
    if isinstance(value, Pairs):
        yield from _list_ports(dict(value.items)) if word == "publish" else (None,)
    elif isinstance(value, str):
        yield from (value, None)
    elif isinstance(value, tuple):
        for item in value:
            if isinstance(item, tuple):
                yield from _fill_command(item)
            else:
                glob, mode = split_mode(item) if word == "binds" else (item, "rw")
                glob = normalise_pattern(item) if word in _OF_IMAGES and not is_full_id(item) else glob
                yield from (f"{text}:ro" if mode == "ro" else text for text in _fill(glob))


def _fill(glob: str) -> Iterator[str]:
    yield from dict.fromkeys(_SIGN.sub(partial(_fill_sign, filler), glob) for filler in _FILLERS)


def _fill_sign(filler: str, sign: re.Match[str]) -> str:
    return (filler[:1] or "y") if sign[0] == "?" else filler if sign[0] != "*" else filler.replace("/", "")


def _fill_command(command: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    whole, ends = (command[:-1], True) if command[-1:] == ("**",) else (command, False)
    for filler in _FILLERS[:2]:
        words = tuple(next(_fill(word)) if filler else list(_fill(word))[-1] for word in whole)
        yield from (words, (*words, "x")) if ends else (words,)


def _list_ports(said: Mapping[str, object]) -> Iterator[str]:
    ports = said.get("ports") or ("1", "9")
    addresses = said.get("addresses") or ("",)
    for text in ports if isinstance(ports, tuple) else ():
        free = read_ports(text) or range(1)
        for address in addresses if isinstance(addresses, tuple) else ():
            yield from (f"{port}/{address}" for port in (free[0], free[-1], free[len(free) // 2]))


def _list_labels(value: Value) -> Iterator[Pairs]:
    said = value.items if isinstance(value, Pairs) else ()
    names = [name for name, _ in said]
    for values in product(*((text,) if isinstance(text, str) else text for _, text in said)):
        yield Pairs(tuple(zip(names, values, strict=True)))
