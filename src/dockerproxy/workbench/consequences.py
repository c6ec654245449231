"""Which grants together make a client root on the host: facts that operations give, and rules that join them.

A fact is a word, of which a grant has so much as its `Extent` says. `Exposure.gives` names those that `check` tells of;
`_HELPS` are harmless alone. A rule derives a fact from others, and is as sure as the least of them.

Attacks: docs/attacks.md, workbench/consequences.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from dockerproxy.workbench.dangers import is_any, reads_keys, some
from dockerproxy.workbench.exposure import EXPOSURES, Exposure


class Extent(IntEnum):
    """On what a fact holds, from nothing to everything."""

    NO = 0
    OWN = 1
    MAY = 2
    SOME = 3
    YES = 4


ROOT: Final = "root"
"""The fact that a policy is asked for: its clients can become root on the host."""

MAKERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ContainerCreate", "ContainerCreateLibpod"), "container"),
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), "service"),
    "PodCreateLibpod": "pod",
}
"""What some operations make. A fact that they give is of a thing that does not run yet: `any@container`."""

_STARTERS: Final[Mapping[str, tuple[str, str]]] = {
    "container": ("its-starts", "if somebody else starts it, or the engine when it starts again"),
    "service": ("swarm", "if the engine manages a swarm"),
    "pod": ("its-starts-pods", "if somebody else starts it"),
}
"""For what is made: the fact that has it run, and when it runs without."""

_MADE: Final = ("any", "trusted", "writes", "runs", "joins", "reads")
_MAKING: Final = " ".join(MAKERS)
_HELPS: Final = (
    Exposure(_MAKING, "makes containers", is_any, gives="runs"),
    Exposure("PodCreateLibpod", "makes a pod that mounts the host's files", gives="any"),
    Exposure(
        "ContainerStart ContainerRestart ContainerStartLibpod ContainerRestartLibpod",
        "starts containers",
        is_any,
        gives="starts",
    ),
    Exposure(
        "PutContainerArchive PutContainerArchiveLibpod",
        "writes what containers mount that need not run",
        gives="uploads",
    ),
    Exposure("PodStartLibpod PodRestartLibpod", "starts pods", is_any, gives="starts-pods"),
    Exposure("SwarmInit", "makes the engine the manager of a swarm", gives="swarm"),
    Exposure("ContainerStart", "starts containers from checkpoints in any directory of the host", gives="restores"),
    Exposure(
        "ContainerExec ContainerExecLibpod",
        "prepares commands in containers",
        is_any,
        ("commands", "user"),
        of_others=True,
        gives="prepares",
    ),
    Exposure(
        "ExecStart ExecStartLibpod",
        "starts prepared commands",
        is_any,
        ("commands",),
        of_others=True,
        gives="executes",
    ),
    Exposure(
        "ContainerAttach ContainerAttachWebsocket ContainerAttachLibpod",
        "types into the main program of containers",
        is_any,
        of_others=True,
        gives="commands?",
    ),
    Exposure(
        "ContainerUpdate ContainerUpdateLibpod",
        "changes how containers are confined, as far as the engine lets it",
        gives="root?",
    ),
    Exposure("SwarmUpdate", "replaces the keys and certificates of the swarm", gives="root?"),
    Exposure("ImageScpLibpod", "copies images as any user, with the host's SSH keys", gives="root?"),
    Exposure(
        "ImageBuildLibpod LocalBuildLibpod", "runs any command in a build that mounts the host's files", gives="root"
    ),
    Exposure("SecretCreateLibpod", "has Podman run any command as the driver of a secret", gives="root"),
    Exposure("VolumeImportLibpod", "unpacks archives on the host, and follows links", gives="imports root?"),
    Exposure(_MAKING, "reads what only root may on the host", reads_keys, ("binds",), gives="reads"),
    Exposure(_MAKING, "shares processes and memory of others", some("joins", bool), gives="joins"),
)
"""Facts besides those of exposures. Most are harmless alone."""

GIVING: Final = (*(each for each in EXPOSURES if each.gives), *_HELPS)


class Rule(NamedTuple):
    """A fact that follows from all of some others; a question mark behind it says that it only may.

    It says why as a clause, or nothing where the facts say it.
    """

    fact: str
    of: str
    says: str = ""
    most: Extent = Extent.YES

    @property
    def facts(self) -> tuple[str, ...]:
        """From which it follows."""
        return tuple(self.of.split())


def _rules_of_starting() -> Iterator[Rule]:
    for made in _MADE:
        for thing, (starter, unless) in _STARTERS.items():
            yield Rule(made, f"{made}@{thing} {starter}")
            yield Rule(f"{made}?", f"{made}@{thing}", unless)


RULES: Final = (
    *_rules_of_starting(),
    # Root
    Rule("root", "any"),
    Rule("root", "any@container its-uploads", "an upload writes what it mounts, though it never runs"),
    Rule("root", "trusted"),
    Rule("root?", "its-restores runs", "if the engine is experimental, and takes a checkpoint that was made up"),
    Rule("root?", "reads", "if keys or passwords of the host are of use"),
    Rule("root?", "writes", "if the host runs or trusts what is written"),
    Rule("root", "plugin enables"),
    Rule("root?", "plugin", "if somebody enables it"),
    Rule("root", "volume its-imports", "the archive is unpacked into any directory of the host"),
    Rule("root?", "volume", "if a container of others mounts it"),
    Rule("root?", "its-privileged its-executes", "if the container confines no command that is privileged"),
    Rule("root?", "commands", "if a container that it reaches is privileged, or mounts what the host trusts"),
    # Commands
    Rule("commands", "prepares executes"),
    Rule("commands?", "executes", "if somebody else prepared one"),
    Rule("commands?", "joins"),
)


def on_host(fact: str, extent: Extent) -> Extent:
    """Return the extent of a fact that a grant gives: it is about the host whatever object the request names."""
    return Extent.YES if fact == ROOT or "@" in fact else extent


def is_harmless(fact: str, extent: Extent) -> bool:
    """Whether what follows for the host follows only for what a client made itself, which is confined."""
    return fact == ROOT and extent is Extent.OWN
