"""Quotas: how much an owner may have at one time, all that is its own together; and which operations a quota is about.

Attack: make something by an operation that nobody counts: a pod, a service, a build, a body that is not read ->
Defence: a socket with a quota has no grant of these (test: test_what_nothing_counts_is_not_allowed_beside_a_quota).
Attack: a container without a bound, of which there is a quota -> Defence: it is more than any quota
(test: test_what_has_no_bound_is_more_than_any_quota).
Attack: enlarge what is there already -> Defence: updates count (test: test_an_update_adds_what_it_adds).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from dockerproxy.policy.amounts import read_count
from dockerproxy.policy.constraints.amounts import CONSTRAINTS, Amount
from dockerproxy.policy.values import list_names

SUMMARIES: Final[Mapping[str, str]] = {
    "containers": "containers, running or not",
    "running": "containers that run, are paused, or have a restart policy",
    "memory": "the memory limits of all containers, running or not, added up; swap does not count",
    "cpus": "the processor limits of all containers, running or not, added up",
    "pids": "the process limits of all containers, running or not, added up",
    "volumes": "volumes with a name, on Docker also unnamed ones in creates; not those in `volumes` of a grant",
    "networks": "networks",
    "services": "services of a swarm",
}
"""What there can be a quota of: what it counts, in a phrase."""

_FORM: Final = "a whole number above 0 is needed; to have none, do not allow it"

WORDS: Final[Mapping[str, Amount]] = {
    **{word: Amount(word, summary, read_count, _FORM) for word, summary in SUMMARIES.items()},
    **{each.name: each for each in CONSTRAINTS},
}
"""How each is written."""

BOUNDS: Final = tuple(each.name for each in CONSTRAINTS)
"""Quotas of what bounds a container."""

_OF_CONTAINERS: Final = ("containers", "running", *BOUNDS)

CREATES: Final = frozenset({"ContainerCreate"})
UPDATES: Final = frozenset({"ContainerUpdate"})
STARTS: Final = frozenset({"ContainerStart", "ContainerStartLibpod", "ContainerRestart", "ContainerRestartLibpod"})
"""Operations that add to a quota. What is paused is counted as running, so that to unpause adds nothing."""

MAKES: Final[Mapping[str, str]] = {
    **dict.fromkeys(CREATES, "containers"),
    "NetworkCreate": "networks",
    "VolumeCreate": "volumes",
    "ServiceCreate": "services",
}
"""Those that make one object of a kind."""

_ADDS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (word,) for name, word in MAKES.items()},
    **dict.fromkeys(CREATES, (*_OF_CONTAINERS, "volumes")),
    **dict.fromkeys(UPDATES, ("running", *BOUNDS)),
    **dict.fromkeys(STARTS, ("running",)),
    "ServiceCreate": ("services", "volumes"),
    "ServiceUpdate": ("volumes",),
}
"""By operation: to which quotas it may add, as long as its body is read."""

_UNCOUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), _OF_CONTAINERS),
    **dict.fromkeys(("Grpc", "ImageBuild", "ImageBuildLibpod", "LocalBuildLibpod"), _OF_CONTAINERS),
    **dict.fromkeys(("PodRestartLibpod", "PodStartLibpod"), ("running",)),
    **dict.fromkeys(("KubePlayLibpod", "PlayKubeLibpod", "QuadletInstallLibpod"), tuple(WORDS)),
}
"""By operation: to which quotas it adds what nobody can count. A swarm starts as many containers as it likes."""

_UNREAD: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: words for name, words in _ADDS.items() if name not in STARTS},
    **dict.fromkeys(("ContainerCreateLibpod", "PodCreateLibpod"), (*_OF_CONTAINERS, "volumes")),
    "ContainerRestoreLibpod": _OF_CONTAINERS,
    "ContainerUpdateLibpod": ("running", *BOUNDS),
    "NetworkCreateLibpod": ("networks",),
    "VolumeCreateLibpod": ("volumes",),
}
"""The same of those whose grant is unrestricted: nobody reads how much they ask for."""


class Quota(NamedTuple):
    """How much of each word may be an owner's, in the units of claims. The socket is for messages."""

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
        return ", ".join(f"{word} {write(word, most)}" for word, most in self.most.items())


def write(word: str, amount: int) -> str:
    """Write an amount as a policy file has it."""
    return str(WORDS[word].least(amount) or amount)
