"""Read `paths` and `own_socket` of a socket: where the engine finds the paths that clients mount."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from dockerproxy.config.document import Node
from dockerproxy.config.near import show
from dockerproxy.config.reader import Reader
from dockerproxy.config.values import Fault
from dockerproxy.policy.places import Places, is_engine
from dockerproxy.policy.words.spellings import clean_path

_EXAMPLE: Final = "paths: {/what/the/client/says: /what/the/host/says}"

SIGNS: Final = ':,"*?\r\n'
"""Characters that these paths must not contain: engines split at some, and others are wildcards."""


def read_places(reader: Reader, fields: Mapping[str, Node], engine: str, path: str) -> Places:
    """Read them from the keys of a socket with a path, for an engine. Empty if they are invalid."""
    paths: dict[str, str] = {}
    for name, node in reader.entries(fields["paths"], "paths", _EXAMPLE) if "paths" in fields else ():
        fault = _read_place(name.text)
        if isinstance(fault, Fault):
            reader.problem(name.place, fault.what, fault.hint)
        paths[name.text] = reader.value(node, name.text, _read_place, _EXAMPLE) or ""
    own = reader.value(fields.get("own_socket"), "own_socket", partial(_read_own_socket, engine=engine))
    return Places(paths, own or "", frozenset({engine, path}) - {""})


def _read_own_socket(text: str, engine: str) -> str | Fault:
    if is_engine(text) or text == engine:
        return Fault(f"{show(text)} is the engine's socket", "write where the host has the socket of `path`")
    return _read_place(text)


def _read_place(text: str) -> str | Fault:
    if is_place(text):
        return text
    return Fault(
        f"{show(text)} is not a clean absolute path", "begin it with /, without //, .., commas, colons or quotes"
    )


def is_place(path: str) -> bool:
    """Whether a path is clean and has no `SIGNS`, so that it can be in `paths`."""
    return path != "" and clean_path(path) == path and not any(sign in path for sign in SIGNS)
