"""Quotas: how much an owner may have at one time, all that is its own together; and which operations a quota is about.

Attack: make something by an operation that nobody counts: a pod, a service, a build, a body that is not read ->
Defence: a socket with a quota has no grant of these (test: test_what_nothing_counts_is_not_allowed_beside_a_quota).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from dockerproxy.policy.values import list_names

WORDS: Final[Mapping[str, str]] = {
    "containers": "containers, running or not",
    "volumes": "volumes with a name, on Docker also unnamed ones in creates; not those in `volumes` of a grant",
    "networks": "networks",
}
"""What there can be a quota of: what it counts, in a phrase."""

MAKES: Final[Mapping[str, str]] = {
    "ContainerCreate": "containers",
    "NetworkCreate": "networks",
    "VolumeCreate": "volumes",
}
"""Operations that make one object of a kind."""

_ADDS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (word,) for name, word in MAKES.items()},
    "ContainerCreate": ("containers", "volumes"),
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), ("volumes",)),
}
"""By operation: to which quotas it may add, as long as its body is read."""

_UNCOUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), ("containers",)),
    **dict.fromkeys(("Grpc", "ImageBuild", "ImageBuildLibpod", "LocalBuildLibpod"), ("containers",)),
    **dict.fromkeys(("KubePlayLibpod", "PlayKubeLibpod", "QuadletInstallLibpod"), tuple(WORDS)),
}
"""By operation: to which quotas it adds what nobody can count. A swarm starts as many containers as it likes."""

_UNREAD: Final[Mapping[str, tuple[str, ...]]] = {
    **_ADDS,
    **dict.fromkeys(("ContainerCreateLibpod", "PodCreateLibpod"), ("containers", "volumes")),
    "ContainerRestoreLibpod": ("containers",),
    "NetworkCreateLibpod": ("networks",),
    "VolumeCreateLibpod": ("volumes",),
}
"""The same of those whose grant is unrestricted: nobody reads how much they ask for."""


class Quota(NamedTuple):
    """How many of each word may be an owner's. The socket is for messages."""

    most: Mapping[str, int]
    socket: str

    def for_operation(self, name: str) -> "Quota":
        """Return those parts to which an operation may add."""
        words = _ADDS.get(name, ())
        return self._replace(most={word: most for word, most in self.most.items() if word in words})

    def evaded_by(self, name: str, *, is_open: bool) -> str:
        """Return the quotas to which an operation adds what nobody counts, as words in a sentence; empty if none."""
        words = (*_UNCOUNTED.get(name, ()), *(_UNREAD.get(name, ()) if is_open else ()))
        evaded = [word for word in self.most if word in words]
        return list_names(evaded, "and") if evaded else ""

    def __str__(self) -> str:
        return ", ".join(f"{word} {most}" for word, most in self.most.items())
