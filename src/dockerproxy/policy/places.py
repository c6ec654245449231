"""Places: where the engine finds paths that a client mounts by another name.

A client in a container has other names for the host's directories, and the proxy's socket in place of the engine's.
Conditions judge the client's names, and the engine gets the host's.

Attacks: docs/attacks.md, policy/places.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from dockerproxy.policy.globs import find_stem, list_rests
from dockerproxy.policy.values import is_literal

ENGINES: Final = (
    *("/var/run/docker.sock", "/run/docker.sock"),
    *("/run/podman/podman.sock", "/var/run/podman/podman.sock"),
)
"""Default paths of engines' sockets, where clients look for them."""

_OF_USER: Final = re.compile(r"(?:/var)?/run/user/[0-9]+/(?:docker|podman/podman)\.sock").fullmatch
"""A user's sockets: below $XDG_RUNTIME_DIR."""


def is_engine(path: str) -> bool:
    """Whether a path is a default path of an engine's socket."""
    return path in ENGINES or _OF_USER(path) is not None


@dataclass(frozen=True)
class Places:
    """Maps paths that a client mounts to the engine's.

    Attributes:
        paths: Host directories by the client's names; all are clean and absolute.
        own_socket: Host path of the client's own socket; empty if containers do not get it.
        sockets: Further client paths that mean its own socket, besides default paths of engines.
        roots: Host directories that containers may mount writable, out of which the engine must not follow links. None
            lies below another (`policy/nesting`).
        trees: Such directories that containers may only read, with everything below.
        hides: Another socket of the proxy has roots, whose volumes are hidden here.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    own_socket: str = ""
    sockets: frozenset[str] = frozenset()
    roots: frozenset[str] = field(default=frozenset(), compare=False)
    trees: frozenset[str] = field(default=frozenset(), compare=False)
    hides: bool = field(default=False, compare=False)

    def is_socket(self, path: str) -> bool:
        """Whether a client's path means its own socket."""
        return bool(self.own_socket) and (is_engine(path) or path in self.sockets or path == self.own_socket)

    def on_host(self, path: str) -> str:
        """Return the host path of a client's path: its own socket, the longest mapping, or the same path."""
        return self.own_socket if self.is_socket(path) else _move(path, self.paths, self._longest)

    def list_on_host(self, glob: str) -> Iterator[str]:
        """Yield globs for all host paths that a client's glob may mean."""
        if is_literal(glob):
            yield self.on_host(glob)
            return
        if not any(glob.startswith(f"{client.removesuffix('/')}/") for client in self.paths):
            yield glob
        for client, host in self.paths.items():
            for rest in list_rests(glob, client):
                if rest[:1] != "/":  # Clean paths have no double slash.
                    yield f"{host.removesuffix('/')}/{rest}" if rest else host

    def find_root(self, glob: str, *, read_only: bool) -> str:
        """Return the root that contains all host paths of a glob; empty if there is none."""
        stem = glob if is_literal(glob) else find_stem(glob)
        roots = (*self.roots, *(self.trees if read_only else ()))
        return next((root for root in roots if stem.startswith(f"{root}/")), "")

    @property
    def has_parts(self) -> bool:
        """Whether binds may be parts of volumes (`policy/subtrees`)."""
        return bool(self.roots or self.trees)

    @property
    def differ(self) -> bool:
        """Whether the engine's names of mounts differ from the client's."""
        return bool(self.paths or self.has_parts or self.hides)

    def of_client(self, path: str) -> str:
        """Return the client's path of a host path; empty if it has none."""
        seen = path if path == self.own_socket else _move(path, *self._back)
        return seen if self.on_host(seen) == path else ""

    @cached_property
    def _longest(self) -> list[str]:
        return sorted(self.paths, key=len, reverse=True)

    @cached_property
    def _back(self) -> tuple[Mapping[str, str], list[str]]:
        back = {host: client for client, host in self.paths.items()}
        return back, sorted(back, key=len, reverse=True)


def _move(path: str, mapping: Mapping[str, str], longest: list[str]) -> str:
    """Replace the longest matching directory of a path by its mapping."""
    for before in longest:
        if path == before or path.startswith(before.removesuffix("/") + "/"):
            rest = path[len(before.removesuffix("/")) :].removeprefix("/")
            return f"{mapping[before].removesuffix('/')}/{rest}" if rest else mapping[before]
    return path


NOWHERE: Final = Places()
"""For a client with the host's paths."""
