"""Nested mounts: a host path that clients can replace, because they can write to a directory above it.

A container that may write to `/srv` can replace `/srv/cache` by a link. The engine follows the link when it mounts
`/srv/cache` for the next container, or for the same one at its next start. So two binds that are harmless alone give
root on the host together, or read any file if the inner one is read-only. This module finds such pairs. The loader,
mode `ask`, `run`, learning and `suggest` refuse them; a reload and `check` warn of pairs that they cannot refuse.

Binds below a directory from `find_roots` are safe: the engine resolves them within that directory (`policy/subtrees`).
Then only the directory itself must not be replaceable. Services have no such binds.

Attacks: docs/attacks.md, policy/nesting.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from dockerproxy.policy.globs import find_tree, reaches_below
from dockerproxy.policy.model import Grant, values_of
from dockerproxy.policy.places import Places
from dockerproxy.policy.values import is_literal, items_of, split_mode

_LINKED: Final = Places({"/var/run": "/run", "/var/lock": "/run/lock"})
"""Directories that are links on every container host."""


class Mount(NamedTuple):
    """A path that containers may mount, or that the client or a volume has.

    Attributes:
        path: The path or pattern as the policy writes it.
        writes: Whether a container or the client may write there.
        hosts: All host paths that it may mean, as globs.
        writers: Who may write there.
        instead: Advice for mounts below it; empty if the path may become read-only.
        begins: Where the engine starts to follow links: the root above it, if any. Empty if that is the path itself.
    """

    path: str
    writes: bool
    hosts: tuple[str, ...]
    writers: str = "containers"
    instead: str = ""
    begins: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the policy's path, and the host's if they differ."""
        there = self.hosts[0]
        return (
            f'"{self.path}"'
            if there == (find_tree(self.path) or self.path)
            else f'"{self.path}" (on the host "{there}")'
        )


class Nested(NamedTuple):
    """A mount, and a writable one above it. Both are the same pattern if it matches nested paths."""

    inner: Mount
    outer: Mount

    def describe(self, writers: str = "") -> str:
        """Describe the problem as a clause. `writers` are used if the outer mount names none."""
        if self.inner.hosts == self.outer.hosts:
            return f"{self.inner} is writable and matches paths within each other: {_DANGER}"
        lies = "lies" if is_literal(self.inner.path) else "matches paths"
        return f"{self.inner} {lies} below {self.outer}, where {writers or self.outer.writers} may write: {_DANGER}"

    @property
    def hint(self) -> str:
        """Return advice on what to write instead."""
        if self.inner.hosts == self.outer.hosts:
            return f'list the directories, or write "{self.outer.path}:ro"'
        return self.outer.instead or f'write "{self.outer.path}:ro", use a volume, or move one of them'


_DANGER: Final = "one can be made a link to any path of the host"

_DATA: Final = (
    *("/var/lib/docker", "/var/lib/containers/storage", "/var/lib/containerd"),
    *("/home/*/.local/share/docker", "/home/*/.local/share/containers/storage"),
)

REPLACEABLE: Final = (
    *(
        Mount(f"{path}/*/**", writes=True, hosts=(f"{path}/*/**",), instead="mount a whole volume by its name")
        for path in _DATA
    ),
    Mount("/proc/*/**", writes=True, hosts=("/proc/*/**",), writers="processes", instead='mount "/proc:ro"'),
)
"""Directories where links may always change: files of containers and volumes in the usual places of engines, and
`root`, `cwd` and `fd` of processes."""


def make_mount(places: Places, path: str, *, writes: bool) -> Mount:
    """Return the mount that a client's path or pattern means on the host."""
    globs = [_find_tree(glob) or glob for glob in places.list_on_host(path)]
    begins = _with_linked(places.find_root(glob, read_only=not writes) or glob for glob in globs)
    return Mount(path, writes, _with_linked(globs), begins=begins)


def _with_linked(globs: Iterable[str]) -> tuple[str, ...]:
    """Add all other host names of the paths that globs match."""
    globs = tuple(globs)
    return tuple(dict.fromkeys((*globs, *(other for glob in globs for other in _LINKED.list_on_host(glob)))))


def _find_tree(glob: str) -> str:
    """Return the directory of a glob like `/data/**`; empty for others, and where links may always change."""
    tree = find_tree(glob)
    return "" if tree and any(reaches_below(glob, each.path) for each in REPLACEABLE) else tree


def list_binds(grants: Iterable[Grant]) -> tuple[str, ...]:
    """Return the `binds` of some grants."""
    return tuple(dict.fromkeys(item for grant in grants for item in items_of(values_of(grant.conditions).get("binds"))))


def list_mounts(grants: Iterable[Grant], places: Places) -> tuple[Mount, ...]:
    """Return the mounts that grants allow. An unrestricted grant has no limits, and gives root without a pair."""
    modes = ((path, mode) for path, mode in map(split_mode, list_binds(grants)) if not places.is_socket(path))
    mounts = [make_mount(places, path, writes=mode == "rw") for path, mode in modes]
    if places.own_socket:
        mounts.append(make_mount(places, places.own_socket, writes=False)._replace(begins=()))
    return tuple(dict.fromkeys(mounts))


def find_roots(binds: Iterable[str], places: Places) -> Places:
    """Return places with the roots that binds need: directories with `/**`, and writable ones above others."""
    places = without_roots(places)
    trees, roots, writable, globs = set[str](), set[str](), set[str](), list[str]()
    for path, mode in ((path, mode) for path, mode in map(split_mode, binds) if not places.is_socket(path)):
        for glob in _with_linked(places.list_on_host(path)):
            tree = _find_tree(glob)
            if tree:
                (roots if mode == "rw" else trees).add(tree)
            elif mode == "rw" and is_literal(glob):
                writable.add(glob)
            globs.append(tree or glob)
    above = {directory for glob in globs if is_literal(glob) for directory in _list_above(glob)}
    patterns = [glob for glob in globs if not is_literal(glob)]
    roots |= {each for each in writable if each in above or any(reaches_below(glob, each) for glob in patterns)}
    roots.discard("/")  # Mounting the whole host gives root anyway.
    return replace(places, roots=_list_outermost(roots), trees=_list_outermost(trees))


def without_roots(places: Places) -> Places:
    """Return places without roots, for services."""
    return replace(places, roots=frozenset(), trees=frozenset())


def _list_outermost(paths: set[str]) -> frozenset[str]:
    return frozenset(path for path in paths if paths.isdisjoint(_list_above(path)))


def list_given(places: Places) -> tuple[Mount, ...]:
    """Return the directories in `paths`: the client itself has them, and makes links there without a grant."""
    directories = Places(places.paths)  # It exists, also under a name that a mount has for the client's socket.
    mounts = (make_mount(directories, path, writes=True) for path in places.paths)
    instead = 'mount "{}" itself, or give the inner path its own directory in paths'
    return tuple(each._replace(writers="the client itself", instead=instead.format(each.path)) for each in mounts)


def find_nested(inners: Iterable[Mount], outers: Iterable[Mount]) -> Iterator[Nested]:
    """Yield inner mounts that lie below a writable outer one, each with the first such."""
    writable = [outer for outer in outers if outer.writes]
    places = {host: outer for outer in reversed(writable) for host in outer.hosts if is_literal(host)}
    patterns = [(host, outer) for outer in writable for host in outer.hosts if not is_literal(host)]
    for inner in inners:
        outer = next(_find_above(inner, places, patterns), None)
        if outer is not None:
            yield Nested(inner, outer)


def _find_above(inner: Mount, places: Mapping[str, Mount], patterns: Iterable[tuple[str, Mount]]) -> Iterator[Mount]:
    for host in inner.begins or inner.hosts:
        if is_literal(host):
            yield from (places[above] for above in _list_above(host) if above in places)
        else:
            yield from (outer for place, outer in places.items() if reaches_below(host, place))
        yield from (outer for pattern, outer in patterns if reaches_below(host, pattern))
    fixed = [(pattern, outer) for pattern, outer in patterns if outer in REPLACEABLE]
    yield from (outer for host in inner.hosts for pattern, outer in fixed if reaches_below(host, pattern))


def _list_above(path: str) -> Iterator[str]:
    """Yield the directories above a path, nearest first."""
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        yield path
