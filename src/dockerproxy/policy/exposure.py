"""What a policy exposes that its operator may not expect, in plain words."""

from dataclasses import dataclass
from typing import Final

from dockerproxy.policy.compile import CompiledPolicy


@dataclass(frozen=True, slots=True)
class Exposure:
    """A consequence of allowed operations.

    Attributes:
        operations: Those that have it; one suffices.
        says: What a client can do, as a clause that follows "a client".
    """

    operations: tuple[str, ...]
    says: str


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
        ("NetworkConnect", "NetworkDisconnect", "NetworkConnectLibpod", "NetworkDisconnectLibpod"),
        "joins any container to a network, or takes it out of one: the body names it",
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
    ),
    Exposure(
        ("ImageBuild", "Grpc", "Session", "ImageBuildLibpod"),
        "runs any command in a build, with the engine's network",
    ),
    Exposure(("SwarmJoin", "SwarmInit", "NodeUpdate"), "can hand the host to another swarm or make nodes managers"),
    Exposure(
        ("ContainerArchive", "ContainerExport", "ContainerArchiveLibpod", "ContainerExportLibpod"),
        "reads any file of any container, of its volumes and bind mounts too",
    ),
    Exposure(("VolumeExportLibpod",), "reads all files of any volume"),
    Exposure(("PutContainerArchive", "PutContainerArchiveLibpod"), "writes any file of any container as root"),
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
    ),
)
"""Gravest first. Each is shown with those of its operations that are allowed, and with how to take them out."""


def find_exposures(policy: CompiledPolicy) -> tuple[Exposure, ...]:
    """Return what a policy exposes, each with the operations that do it here."""
    found = []
    for exposure in _EXPOSURES:
        allowed = tuple(name for name in exposure.operations if policy.allows(name))
        if allowed:
            found.append(Exposure(allowed, exposure.says))
    return tuple(found)
