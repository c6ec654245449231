"""Words for parameters of the query: flags, choices, and lists."""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.objects import RUNNING
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Choice, Constraint, Globs, Items, Matcher
from dockerproxy.policy.words.spellings import fault_of_path, normalise_signal


class Flag(Constraint):
    """A parameter that is true or false has this value."""

    takes = Takes.FLAG

    def __init__(self, name: str, summary: str) -> None:
        super().__init__(name, summary, narrows=True)

    def matcher(self, granted: Value) -> Matcher:
        """Match the value itself."""
        return lambda value: value is granted

    def least(self, value: Hashable) -> Value | None:
        """Demand the value."""
        return value if isinstance(value, bool) else None


class _Either(Flag):
    is_private = True

    def matcher(self, _granted: Value) -> Matcher:
        return lambda value: isinstance(value, bool)


EITHER: Final = _Either("force", "either value")
"""`force` where it makes no difference, because it goes no further."""


class _Private(Choice):
    is_private = True


class _Path(Globs):
    fault = staticmethod(fault_of_path)


class _Running(Constraint):
    takes = Takes.YES
    is_learned = False

    def matcher(self, _granted: Value) -> Matcher:
        return lambda _: True

    def least(self, _value: Hashable) -> Value | None:
        return True


class _Signal(Items):
    def fault(self, item: str) -> str:
        return "" if re.fullmatch(r"[A-Z0-9+-]+", normalise_signal(item)) else "not a signal, like HUP"

    def spell(self, item: str) -> str:
        return normalise_signal(item)


CONSTRAINTS: Final = (
    # When a build finds no way to the engine's own builder, buildx falls back to a privileged container of its own
    # (buildx driver/docker-container), without being asked to.
    _Private(
        "buildx_builders",
        "the name is none of the privileged containers that buildx starts by itself",
        "none",
        "name is not one of a privileged builder, buildx_buildkit_...",
    ),
    Flag("follow", "whether the answer goes on as more is printed"),
    Flag(
        "force",
        "whether what is in use goes too; for images and volumes, Podman then deletes the containers that use it",
    ),
    _Path(
        "path",
        "which paths in the container, as they are spelled; links in there are followed by the engine",
        narrows=True,
    ),
    _Private(
        "registries",
        "only the registry that the engine is configured for is asked",
        "default",
        "no registry host is named",
    ),
    Flag("remove_volumes", "whether its unnamed volumes go too"),
    _Running(
        RUNNING,
        "beside `own`: files are copied also if the container has run, or mounts what others may mount; on a rootful "
        "engine, its client is then root on the host",
    ),
    _Signal("signal", "which signals; none named is KILL", narrows=True),
    Flag(
        "stdin",
        "whether the client can type into it; a request has to say so or not, for engines differ where it says nothing",
    ),
    Flag("stream", "whether the answer goes on, a line a second"),
)
