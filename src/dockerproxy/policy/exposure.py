"""What a policy exposes that its operator may not expect, in plain words.

It depends on how an operation is granted: most of what can be done with a body is out of reach of a grant that is
contained, and some of it is not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dockerproxy.policy.bodies.containing import capability_name
from dockerproxy.policy.bodies.mounting import split_mode
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.conditions import Bound, NamesNoBuilder
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Condition, Value


def is_whole(case: Case) -> bool:
    """Whether nothing that a request says besides its path is looked at: it is unrestricted, or says nothing."""
    return case.body is None


def _is_contained(case: Case) -> bool:
    return case.body is not None


def _is_any(_: Case) -> bool:
    return True


def _list(case: Case, word: str) -> tuple[str, ...]:
    value = case.bounds.get(word) if case.body is not None else None
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def _writes_host(case: Case) -> bool:
    """Whether a grant that is contained lets directories of the host be mounted to write there."""
    return any(split_mode(item)[1] == "rw" for item in _list(case, "binds"))


def _makes_links(case: Case) -> bool:
    """Whether what a client may mount is chosen by a pattern, in a place where it may write."""
    return any(mode == "rw" and not Glob(path).is_literal for path, mode in map(split_mode, _list(case, "binds")))


_ENGINES: Final = (
    *("/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"),
    *("/", "/run", "/var", "/var/run", "/run/podman", "/run/containerd"),
)
"""Sockets of engines, and where they are: that one is mounted to read keeps nobody from speaking to it."""

_TRUSTED: Final = (
    *("/etc", "/etc/passwd", "/etc/cron.d", "/etc/x", "/root", "/root/.ssh", "/usr", "/usr/bin", "/bin", "/sbin"),
    *("/lib", "/boot", "/dev", "/dev/sda", "/proc", "/proc/sys", "/sys", "/sys/fs", "/var/lib", "/var/lib/docker"),
    *("/var/lib/docker/volumes", "/var/lib/containers", "/var/spool/cron", "/usr/local/bin", "/home"),
)
"""Some directories and files that the host trusts: who writes there is root on it before long."""


def _owns_host(case: Case) -> bool:
    """Whether a grant that is contained gives the host away all the same."""
    if _FREEING & {capability_name(item) for item in _list(case, "add_capabilities")}:
        return True
    return any(map(_gives_away, _list(case, "binds")))


def _gives_away(bind: str) -> bool:
    path, mode = split_mode(bind)
    return any(map(Glob(path).matches, (*_ENGINES, *(_TRUSTED if mode == "rw" else ()))))


_FREEING: Final = frozenset({"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF"})
"""Capabilities with which a program leaves its container (capabilities(7))."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A consequence of allowed operations.

    Attributes:
        operations: Those that have it; one suffices.
        says: What a client can do, as a clause that follows "a client".
        exposes: Whether a grant of one of them has it; without more said, only if nothing of a body is looked at.
        words: Of conditions on bodies, those that make it less; the others change nothing of it.
    """

    operations: tuple[str, ...]
    says: str
    exposes: Callable[[Case], bool] = is_whole
    words: tuple[str, ...] = ()

    def holds_for(self, case: Case) -> bool:
        """Whether a grant of one of the operations has it in spite of its conditions."""
        return self.exposes(case) and not _prevents(case)


@dataclass(frozen=True, slots=True)
class Exposed:
    """A consequence of a policy.

    Attributes:
        says: What a client can do, as a clause that follows "a client".
        cases: Those that have it, by the names of their operations.
        words: Of conditions on bodies, those that make it less.
    """

    says: str
    cases: Mapping[str, tuple[Case, ...]]
    words: tuple[str, ...]

    @property
    def operations(self) -> tuple[str, ...]:
        """Those that have it."""
        return tuple(self.cases)

    def restrictions(self, case: Case) -> tuple[Condition, ...]:
        """Return the conditions of a case that make it less. Who is not buildx calls a container anything."""
        return tuple(
            condition
            for condition in case.conditions
            if not isinstance(condition, NamesNoBuilder)
            and not (isinstance(condition, Bound) and condition.word not in self.words)
        )


_EXPOSURES: Final = (
    Exposure(
        (
            "ContainerCreate",
            "ContainerCreateLibpod",
            "KubePlayLibpod",
            "PlayKubeLibpod",
            "ContainerRestoreLibpod",
        ),
        "is root on the host: it can start a container that mounts the host's files",
    ),
    Exposure(
        ("ContainerCreate", "ContainerCreateLibpod", "ServiceCreate", "ServiceUpdate"),
        "is root on the host: by what is granted it reaches the engine's socket or files that the host trusts",
        _owns_host,
        ("binds", "add_capabilities"),
    ),
    Exposure(
        ("ContainerCreate", "ContainerCreateLibpod", "ServiceCreate", "ServiceUpdate"),
        "is as good as root on the host: where a pattern lets it write it can make a link, and mount what that leads to",
        _makes_links,
        ("binds",),
    ),
    Exposure(
        ("ServiceCreate", "ServiceUpdate"),
        "is root on every node of the swarm: a service can mount their files",
    ),
    Exposure(
        ("PluginPull", "PluginCreate", "PluginSet", "PluginUpgrade", "PluginEnable"),
        "is root on the host: a plugin runs there as root",
    ),
    Exposure(("QuadletInstallLibpod",), "is root on the host: it can install units that systemd starts"),
    Exposure(("SecretCreateLibpod",), "is root on the host if Podman is: a secret's driver may be any command there"),
    Exposure(
        ("VolumeCreate", "VolumeCreateLibpod", "PodCreateLibpod"),
        "can make a volume of any host directory, which a container then mounts",
    ),
    Exposure(
        ("CheckpointCreate", "CheckpointDelete", "CheckpointList"),
        "lists, writes or deletes in any host directory if the engine is experimental",
    ),
    Exposure(
        ("ArtifactLocalLibpod", "LocalBuildLibpod", "LocalImagesLibpod", "KubeApplyLibpod"),
        "reads files of the host that the engine can read",
    ),
    Exposure(
        ("ContainerExec", "ContainerExecLibpod"),
        "is as good as root on the host: a command in a container may be run privileged",
    ),
    Exposure(
        ("ContainerCreate", "ContainerCreateLibpod", "ServiceCreate", "ServiceUpdate"),
        "writes in directories of the host, and where links in them lead: those cannot be seen from here",
        _writes_host,
        ("binds",),
    ),
    Exposure(
        ("ContainerExec", "ContainerExecLibpod"),
        "prepares commands in running containers, which run there as any user",
        _is_contained,
        ("commands", "user"),
    ),
    Exposure(
        ("NetworkConnect", "NetworkDisconnect", "NetworkConnectLibpod", "NetworkDisconnectLibpod"),
        "joins any container to a network, or takes it out of one: the body names it",
        _is_any,
        ("containers", "networks"),
    ),
    Exposure(
        (
            "ExecStart",
            "ExecStartLibpod",
            "ContainerAttach",
            "ContainerAttachWebsocket",
            "ContainerAttachLibpod",
        ),
        "types into running containers or starts commands there",
        _is_any,
        ("commands",),
    ),
    Exposure(
        ("ImageBuild", "Grpc", "Session", "ImageBuildLibpod"),
        "runs any command in a build, with the engine's network",
    ),
    Exposure(
        ("ImageBuild", "ImageBuildLibpod"),
        "runs any command as root in a build, which fetches what it likes through the networks that are granted",
        _is_contained,
        ("networks",),
    ),
    Exposure(("SwarmJoin", "SwarmInit", "NodeUpdate"), "can hand the host to another swarm or make nodes managers"),
    Exposure(
        ("ContainerArchive", "ContainerExport", "ContainerArchiveLibpod", "ContainerExportLibpod"),
        "reads any file of any container, of its volumes and bind mounts too",
    ),
    Exposure(("VolumeExportLibpod",), "reads all files of any volume"),
    Exposure(("PutContainerArchive", "PutContainerArchiveLibpod"), "writes any file of any container as root", _is_any),
    Exposure(
        ("ContainerInspect", "ContainerTop", "ContainerInspectLibpod", "ContainerTopLibpod"),
        "sees every container's environment, passwords in it too",
    ),
    Exposure(
        ("VolumeList", "VolumeInspect", "VolumeListLibpod", "VolumeInspectLibpod"),
        "sees the options of every volume, among them passwords of network shares",
    ),
    Exposure(("ContainerLogs", "ContainerLogsLibpod"), "reads all that any container has printed"),
    Exposure(("SwarmInspect", "SwarmUnlockkey"), "sees the swarm's join tokens and its unlock key"),
    Exposure(("ConfigList", "ConfigInspect"), "reads the contents of every swarm config"),
    Exposure(("SecretInspect", "SecretInspectLibpod"), "reads the values of secrets if the engine is Podman"),
    Exposure(
        ("ServiceList", "ServiceInspect", "TaskList", "TaskInspect"),
        "sees the environment of every service, passwords in it too",
    ),
    Exposure(
        (
            *("DistributionInspect", "SystemAuth", "ImageCreate", "ImagePush", "PluginPush"),
            *("ImagePullLibpod", "ImagePushLibpod", "ManifestInspectLibpod", "ManifestPushLibpod"),
            *("ArtifactPullLibpod", "ArtifactPushLibpod"),
        ),
        "makes the engine connect to any registry it names",
        _is_any,
        ("images", "servers"),
    ),
)
"""Gravest first. Each is shown with those of its operations that are allowed, and with how to take them out."""


def find_exposures(policy: CompiledPolicy) -> tuple[Exposed, ...]:
    """Return what a policy exposes in spite of its conditions, each with what does it here."""
    found = []
    for exposure in _EXPOSURES:
        by_name = ((name, tuple(filter(exposure.holds_for, policy.cases[name]))) for name in exposure.operations)
        cases = {name: exposing for name, exposing in by_name if exposing}
        if cases:
            found.append(Exposed(exposure.says, cases, exposure.words))
    return tuple(found)


def _prevents(case: Case) -> bool:
    """Whether the conditions of a case leave nothing of what an operation exposes."""
    return any(
        _PREVENTING[condition.word](condition.value) for condition in case.conditions if condition.word in _PREVENTING
    )


def _shows_environment(arguments: str) -> bool:
    """Whether ps may print the environment of processes: an e without a dash in front does it (ps(1))."""
    return any("e" in word for word in arguments.split() if not word.startswith("-"))


_PREVENTING: Final[Mapping[str, Callable[[Value], bool]]] = {
    "stdin": lambda value: value is False,
    "showsecret": lambda value: value is False,
    "ps_args": lambda value: (
        isinstance(value, tuple) and not any(isinstance(item, str) and _shows_environment(item) for item in value)
    ),
}
"""Conditions that keep an operation from typing into containers, showing secrets, or showing the environment."""
