"""What a policy line exposes: the host, or objects of others. Programs that propose a line show it beside the line.

Each line is judged alone. The workbench uses the same tables for whole policies, where grants add up.

Attacks: docs/attacks.md, advice/dangers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.rows import read_tables
from dockerproxy.policy.globs import covers, fits
from dockerproxy.policy.list_filters import LISTED, LISTS, PRUNED
from dockerproxy.policy.objects import KINDS, OWN, RUNNING, WORDS, words_of_object
from dockerproxy.policy.places import NOWHERE, Places
from dockerproxy.policy.values import Value, items_of, list_names, split_mode, write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.policy.words.capabilities import capability_name
from dockerproxy.policy.words.networks import BY_ITSELF, DEFAULT

_HOME: Final = "/home/any"
_PATHS: Final = {
    kind: tuple(" ".join(rows).replace("~", _HOME).split(" ")) for kind, rows in read_tables("paths", __file__).items()
}

_KEYS: Final = (*_PATHS["keys"], *(tree.rstrip("/") for tree in _PATHS["secret"]))
"""Where keys and passwords are, and the directories all of whose files may be such."""

FREEING: Final = frozenset({"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF"})
"""Capabilities with which a program can leave its container (capabilities(7)). SYS_PTRACE is not one: it reaches only
processes that the container sees, which are its own."""

Row = tuple[str, Mapping[str, tuple[str, ...]]]
"""An exposure: a clause, and the words of each key."""


def _read_rows(lines: Iterable[str]) -> Iterator[Row]:
    says, said = "", dict[str, tuple[str, ...]]()
    for line in lines:
        if line.startswith(" "):
            key, _, words = line[2:].partition(": ")
            said[key] = (*said.get(key, ()), *words.split(" "))
        else:
            yield from [(says, said)] if says else []
            says, said = line, {}
    yield says, said


ROWS: Final = {title: tuple(_read_rows(lines)) for title, lines in read_tables("exposures", __file__).items()}
"""Rows of `exposures.txt`, by table."""

_OF_ROOT: Final = frozenset({"any", "plugin", "privileged", "root", "volume"})
"""Facts with which a client becomes root on the host, alone or with what most clients have."""

_OPEN: Final = frozenset(
    name
    for rows in ROWS.values()
    for _, said in rows
    if "where" not in said and any(fact.removesuffix("?") in _OF_ROOT for fact in said.get("gives", ()))
    for name in said["of"]
)
"""Operations that expose the host if only their path is checked."""

_REPLACING: Final = frozenset(
    name
    for rows in ROWS.values()
    for _, said in rows
    if said.get("where") == ("replaces_images",)
    for name in said["of"]
)
"""Operations that can then give an image any name."""

((_REACH, _BESIDES),) = ROWS["others"]
BESIDES: Final = frozenset(_BESIDES["of"])
"""Operations on objects that nothing keeps to those of the client, not even `own`."""

INTERNET: Final = "use the internet by the engine's default network"
_DEFAULT: Final = frozenset({"", *DEFAULT.names})

ADD: Final = 'to allow {what}, add "{grant}" to "allow"'
"""How to add a grant to a policy file, for `propose`."""

LEAVE_OUT: Final = "leave that out"
"""The client's alternative to a dangerous line."""

_SHARED: Final = ("joins", "containers", "networks", "volumes", "services", "secrets", "configs")
"""Words that list objects of others. Clients that own what they create need no word for it."""


# What an item of a list exposes


def gives_host(bind: str) -> bool:
    """Whether a bind exposes the host: an engine's socket, or write access to what the host trusts."""
    path, mode = split_mode(bind)
    socket = re.sub("^/run/user/[0-9]+", "/run/user/1000", re.sub("^/var/run/", "/run/", path))
    if any(map(partial(fits, socket), _PATHS["engines"])):
        return True
    return mode == "rw" and (any(map(partial(fits, path), _PATHS["trusted"])) or path.startswith(_PATHS["trees"]))


def holds_keys(bind: str) -> bool:
    """Whether a bind exposes keys or passwords of the host."""
    path = re.sub("^/home/[^/*?]+", _HOME, split_mode(bind)[0])
    of_any = re.sub("^/home/[^/]+", _HOME, path)
    return of_any.startswith(_PATHS["secret"]) or any(map(partial(fits, path), _KEYS))


def gives_away(bind: str) -> bool:
    """Whether a pattern of host directories covers what the host trusts, even read-only."""
    path, _ = split_mode(bind)
    return gives_host(f"{path}:ro") or any(map(partial(fits, path), _PATHS["trusted"]))


def is_harmless(device: str) -> bool:
    """Whether a device is known not to make clients root on the host."""
    return any(covers(each, device) for each in _PATHS["harmless"])


def list_on_host(binds: Iterable[str], places: Places) -> Iterator[str]:
    """Yield binds with the host's names, without the client's own socket."""
    for glob, mode in map(split_mode, binds):
        if not places.is_socket(glob):
            yield from (f"{place}:{mode}" for place in places.list_on_host(glob))


# What a line exposes, and how it is proposed


def describe_danger(name: str, conditions: Mapping[str, Value], *, places: Places = NOWHERE, owns: bool = False) -> str:
    """Describe what a line lets clients do, as a clause after "let clients"; empty if it is harmless.

    If clients own what they create, this includes the use of what others created.
    """
    binds = tuple(list_on_host(items_of(conditions.get("binds")), places))
    is_open = name not in BODIES or UNRESTRICTED.word in conditions
    if (is_open and name in _OPEN) or any(map(gives_host, binds)) or _is_rooting(conditions):
        return "become root on the host"
    if any(map(holds_keys, binds)):
        return "read keys of the host"
    if is_open and name in _REPLACING and conditions.keys().isdisjoint({"images", "tags"}):
        return "replace images that others use"
    if owns and name in BESIDES:
        return _REACH
    words = _SHARED if owns and OWN not in conditions else _SHARED[:1]
    used = [word for word in words if not BY_ITSELF.issuperset(items_of(conditions.get(word)))]
    things = dict.fromkeys("containers" if word == "joins" else word for word in used)
    return f"use {list_names(list(things), 'and')} that they did not create" if things else ""


def opens_internet(before: Mapping[str, Value], after: Mapping[str, Value]) -> bool:
    """Whether a line for containers newly lists the engine's default network, beside those to which it kept them."""
    was, now = (_DEFAULT.isdisjoint(items_of(each.get("networks"))) for each in (before, after))
    return "networks" in before and was and not now


def _is_rooting(conditions: Mapping[str, Value]) -> bool:
    """Whether conditions give root by what they add, or by a container that runs while files are copied."""
    added = map(capability_name, items_of(conditions.get("add_capabilities")))
    devices = items_of(conditions.get("devices"))
    return RUNNING in conditions or not FREEING.isdisjoint(added) or not all(map(is_harmless, devices))


def say_what(name: str, conditions: Mapping[str, Value], danger: str, *, how: str = "", instead: str = "") -> str:
    """Describe what a line allows, as the object of "to allow", with its danger. Alternatives come first."""
    if danger:
        return f"it{how}{f', {instead}; or, to' if instead else ' and'} let clients {danger}"
    return f"it{_say_all(name, conditions)}{how}{' and everything else' if UNRESTRICTED.word in conditions else ''}"


def _say_all(name: str, conditions: Mapping[str, Value]) -> str:
    """Say that a line applies to every object of a kind, as the end of a clause; empty if it does not."""
    kind = KINDS.get(name) or LISTS.get(name) or PRUNED.get(name, (None,))[0]
    is_all = conditions.keys().isdisjoint(("tags", *(words_of_object(name) or LISTED.get(name, ()))))
    thing = WORDS[kind].removesuffix("s") if kind is not None else "object" if name in LISTED else ""  # Of events.
    return f" for every {thing}" if thing and is_all else ""


def replace_line(remedy: str, name: str) -> str:
    """Return a remedy that takes out the line, or option, of an operation: beside it, the new one is a mistake."""
    line = "its line" if ' to "allow"' in remedy else f'the "--allow" of {name}'
    return remedy.replace("add", f"remove {line} and add", 1)


def propose(
    remedy: str, name: str, conditions: Mapping[str, Value], danger: str | None = None, *, instead: str = ""
) -> str:
    """Say how to add a grant by a template like `ADD`, which may have other braces in a mistaken socket name."""
    danger = describe_danger(name, conditions) if danger is None else danger
    what = say_what(name, conditions, danger, instead=instead)
    return remedy.replace("{what}", what).replace("{grant}", write_grant(name, conditions))
