"""Quotas: how many objects an owner may have at a time, on all sockets together.

The limit for containers times the memory and processes of each is the total, so every create and update must limit
these.

Attacks: docs/attacks.md, tenancy/quota.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from dockerproxy.policy.values import list_names

WORDS: Final[Mapping[str, str]] = {
    "containers": "containers, running or not",
    "volumes": "named volumes, on Docker also anonymous ones of creates; not those in `volumes` of a grant",
    "networks": "networks",
}
"""The keys of a quota that count own objects, and what each counts."""

BOUNDS: Final[Mapping[str, str]] = {
    "starts": "pending starts and execs; default 16",
    "ports": "published ports of a container; default 64",
    "builds": "concurrent builds",
}
"""The keys that need no `own`."""

LIMITS: Final = ("memory", "pids")
"""Conditions that every container needs if a quota limits containers."""

BUILDS: Final = ("ImageBuild", "ImageBuildLibpod", "LocalBuildLibpod")
"""Operations that run temporary containers, which no quota counts. BuildKit makes none."""

_ADDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ContainerCreate": ("containers", "volumes"),
    "NetworkCreate": ("networks",),
    "VolumeCreate": ("volumes",),
}
"""Quotas that an operation may fill, if its body is read."""

_UNCOUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), ("containers",)),
    **dict.fromkeys(("KubePlayLibpod", "PlayKubeLibpod", "QuadletInstallLibpod"), tuple(WORDS)),
}
"""Quotas that an operation bypasses under any grant. A swarm starts as many containers as it likes."""

_UNREAD: Final[Mapping[str, tuple[str, ...]]] = {
    **_ADDS,
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), ("volumes",)),
    **dict.fromkeys(("ContainerCreateLibpod", "PodCreateLibpod"), ("containers", "volumes")),
    **dict.fromkeys(("ContainerRestoreLibpod", "ContainerUpdate", "ContainerUpdateLibpod"), ("containers",)),
    "NetworkCreateLibpod": ("networks",),
    "VolumeCreateLibpod": ("volumes",),
}
"""Quotas that an operation bypasses if its grant is unrestricted: the proxy does not read its body."""


class Quota(NamedTuple):
    """The most of each word that an owner may have. The socket is for messages."""

    most: Mapping[str, int]
    socket: str

    def for_operation(self, name: str) -> "Quota":
        """Return the part of the quota that an operation may fill."""
        words = _ADDS.get(name, ())
        return self._replace(most={word: most for word, most in self.most.items() if word in words})

    def evaded_by(self, name: str, *, is_open: bool) -> str:
        """Return the quotas that an operation bypasses, as words in a sentence; empty if none."""
        words = (*_UNCOUNTED.get(name, ()), *(_UNREAD.get(name, ()) if is_open else ()))
        evaded = [word for word in self.most if word in words]
        return list_names(evaded, "and") if evaded else ""

    def __str__(self) -> str:
        return ", ".join(f"{word} {most}" for word, most in self.most.items())


NO_QUOTA: Final = Quota({}, "")
