"""Places: where the engine finds what a client mounts by another name.

A client in a container has the host's directories under names of its own, and its socket of ours where others have the
engine's. Conditions judge what the client calls a directory, and the engine gets what the host calls it.

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
"""Where engines have their sockets, and clients look for them."""

_OF_USER: Final = re.compile(r"(?:/var)?/run/user/[0-9]+/(?:docker|podman/podman)\.sock").fullmatch
"""Where those of a user are: below $XDG_RUNTIME_DIR."""


def is_engine(path: str) -> bool:
    """Whether a path is where an engine has its socket."""
    return path in ENGINES or _OF_USER(path) is not None


@dataclass(frozen=True)
class Places:
    """Where the engine finds what a client mounts.

    Attributes:
        paths: Directories of the host by what the client calls them; all are clean and absolute.
        own_socket: Where the host has the client's own socket; empty if no container gets it.
        sockets: What the client may call a socket besides where engines have theirs.
        roots: Directories of the host that containers may mount to write there, and below which the engine must not
            follow links out of them. None lies below another (`policy/nesting`).
        trees: The same of such that containers may only read, with all below.
        hides: Whether another socket of the proxy has roots, so that its volumes are not shown here.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    own_socket: str = ""
    sockets: frozenset[str] = frozenset()
    roots: frozenset[str] = field(default=frozenset(), compare=False)
    trees: frozenset[str] = field(default=frozenset(), compare=False)
    hides: bool = field(default=False, compare=False)

    def is_socket(self, path: str) -> bool:
        """Whether a path of the client means its own socket."""
        return bool(self.own_socket) and (is_engine(path) or path in self.sockets or path == self.own_socket)

    def on_host(self, path: str) -> str:
        """Return what the host calls a path of the client: its own socket, that of the longest mapping, or the same."""
        return self.own_socket if self.is_socket(path) else _move(path, self.paths, self._longest)

    def list_on_host(self, glob: str) -> Iterator[str]:
        """Yield globs for all that the host may call a path that a glob matches; nothing is left out."""
        if is_literal(glob):
            yield self.on_host(glob)
            return
        if not any(glob.startswith(f"{client.removesuffix('/')}/") for client in self.paths):
            yield glob
        for client, host in self.paths.items():
            for rest in list_rests(glob, client):
                if rest[:1] != "/":  # No clean path has two of them.
                    yield f"{host.removesuffix('/')}/{rest}" if rest else host

    def find_root(self, glob: str, *, read_only: bool) -> str:
        """Return the root that all paths of the host that a glob matches lie below; empty if there is none."""
        stem = glob if is_literal(glob) else find_stem(glob)
        roots = (*self.roots, *(self.trees if read_only else ()))
        return next((root for root in roots if stem.startswith(f"{root}/")), "")

    @property
    def has_parts(self) -> bool:
        """Whether binds may be parts of volumes (`policy/subtrees`)."""
        return bool(self.roots or self.trees)

    @property
    def differ(self) -> bool:
        """Whether the engine has other names than clients for what they mount."""
        return bool(self.paths or self.has_parts or self.hides)

    def of_client(self, path: str) -> str:
        """Return what the client calls a path of the host; empty if that is no name of it for the client."""
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
    """Put what a mapping says in place of the longest directory of it that a path is in."""
    for before in longest:
        if path == before or path.startswith(before.removesuffix("/") + "/"):
            rest = path[len(before.removesuffix("/")) :].removeprefix("/")
            return f"{mapping[before].removesuffix('/')}/{rest}" if rest else mapping[before]
    return path


NOWHERE: Final = Places()
"""Of a client that calls everything as the host does."""
