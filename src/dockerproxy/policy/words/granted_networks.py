"""`networks`: the networks that an operation is about, or that a container may join.

Without it a container joins the engine's own network, or none. Podman has another name for its own in answers.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.words.constraint import Matcher
from dockerproxy.policy.words.granted_names import Names
from dockerproxy.policy.words.spellings import fault_of_name

DEFAULT: Final = ResolvedObject("", ("default", "bridge"))
"""The engine's own network, which containers join by themselves."""

_OF_HOST: Final = frozenset({"host", "slirp4netns", "pasta"})
"""What engines take for the host's network, or for one in which a process there sends for the container."""

_NAMESPACE: Final = re.compile("(container|service|pod|ns|host):.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Joined:
    """A network that a container joins, and whether it is the engine's own: None if only the engine can say."""

    found: ResolvedObject
    is_default: bool | None = False


class _Networks(Names):
    unspoken = ("default",)
    needs_lookup = True  # Which network is the engine's own, only the engine knows.

    def fault(self, item: str) -> str:
        if item in _OF_HOST:
            return "the host's network needs unrestricted"
        if _NAMESPACE.fullmatch(item):
            return "a namespace is not a network: list in joins whose namespaces may be joined"
        return fault_of_name(item)

    def matcher(self, granted: Value) -> Matcher:
        """Match a network that is named or joined."""
        matches = super().matcher(granted)
        return lambda value: matches(value.found if isinstance(value, Joined) else value)

    def by_default(self, value: Hashable) -> bool:
        """Whether a network is the engine's own, or named by an operation that is not contained."""
        return value.is_default is True if isinstance(value, Joined) else True

    def admits_unspoken(self, value: Value) -> bool:
        """Say no to all but any network: Podman has another name for the engine's own in answers."""
        return "**" in items_of(value)

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        named = (Joined(ResolvedObject(item, (item,))) for item in items_of(least) if item not in DEFAULT.names)
        own = [Joined(DEFAULT, is_default=True)] if set(items_of(least)) & set(DEFAULT.names) else []
        return (*own, *named)

    def least(self, value: Hashable) -> Value | None:
        return super().least(value.found if isinstance(value, Joined) else value)


CONSTRAINT = _Networks(
    "networks",
    "which networks, by name, glob or full id; joined may be only those: without it the engine's own; `none` always",
)
