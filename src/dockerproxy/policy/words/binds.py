"""`binds`: host directories and files that may be mounted."""

from collections.abc import Hashable
from typing import Final, NamedTuple

from dockerproxy.policy.claim import Claim
from dockerproxy.policy.globs import covers, fits
from dockerproxy.policy.places import is_engine
from dockerproxy.policy.values import Value, items_of, split_mode
from dockerproxy.policy.words.constraint import Constraint, Matcher
from dockerproxy.policy.words.spellings import fault_of_path

_NOT_GRANTED = "a host path that no rule allows"
_ENGINE = "the engine's socket, which makes any client root; `own_socket` mounts the client's own socket instead"
_READ_ONLY = "a host path that a rule allows read-only: with ro, and without z and Z, which write labels"


class Bind(NamedTuple):
    """A clean absolute host path to mount, and whether nothing there can be changed through the mount."""

    path: str
    read_only: bool


class _Binds(Constraint):
    def fault(self, item: str) -> str:
        return fault_of_path(split_mode(item)[0])

    def matcher(self, granted: Value) -> Matcher:
        """Match a path. A read-only grant requires a read-only mount."""
        modes = [split_mode(item) for item in items_of(granted)]

        def matches(value: Hashable) -> bool:
            if not isinstance(value, Bind):
                return False
            return any((mode == "rw" or value.read_only) and fits(glob, value.path) for glob, mode in modes)

        return matches

    def least(self, value: Hashable) -> Value | None:
        return (f"{value.path}:ro" if value.read_only else value.path,) if isinstance(value, Bind) else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        return tuple(Bind(path, mode == "ro") for path, mode in map(split_mode, items_of(least)))

    def within(self, inner: Value, outer: Value) -> bool:
        wide = [split_mode(item) for item in items_of(outer)]
        narrow = (split_mode(item) for item in items_of(inner))
        return all(any(mode in {"rw", how} and covers(glob, path) for glob, mode in wide) for path, how in narrow)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        """Say whether reading would be allowed, and what an engine's socket would expose."""
        bind = claim.options[0][0] if claim.options else None
        if isinstance(bind, Bind) and is_engine(bind.path):
            return _ENGINE
        if granted is None or not isinstance(bind, Bind):
            return _NOT_GRANTED
        return _READ_ONLY if self.matcher(granted)(Bind(bind.path, read_only=True)) else _NOT_GRANTED


_SUMMARY: Final = (
    "which directories and files of the host may be mounted: `/**` behind one for all below, `:ro` only to read; links"
    " on the host cannot be seen from here"
)
WORDS: Final = (_Binds("binds", _SUMMARY),)
