"""What a policy exposes that its operator may not expect, in plain words.

It depends on how an operation is granted: most of what can be done with a body is out of reach of a grant that is
contained, and some of it is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.objects import OWN, RUNNING
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_of_body
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.workbench.dangers import (
    Danger,
    adds,
    is_any,
    is_contained,
    is_contained_without,
    lacks,
    owns_devices,
    owns_host,
    reads_every_secret,
    replaces_images,
    uses_devices,
    writes_below,
    writes_host,
)
from dockerproxy.workbench.on_host import on_host


def is_whole(case: Case) -> bool:
    """Whether nothing that a request says besides its path is looked at: it is unrestricted, or says nothing."""
    return case.body is None


@dataclass(frozen=True, slots=True)
class Exposure:
    """A consequence of allowed operations, and of a policy that has `cases` of it.

    Attributes:
        names: Of the operations that have it, with blanks between them; one suffices.
        says: What a client can do, as a clause that follows "a client".
        exposes: Whether a grant of one of them has it; without more said, only if nothing of a body is looked at.
        words: Of conditions on bodies, those that make it less; the others change nothing of it.
        of_others: Whether it is about what others have, so that nothing of it is left under `own`.
        hidden_by: Words of `hide` that leave nothing of it.
        needs: Names of operations; without one of them, nothing comes of it.
        gives: Facts of `workbench/consequences` that it is; a question mark behind one says that it only may be.
        cases: Of a policy, those that have it, by the names of their operations.
    """

    names: str
    says: str
    exposes: Danger = is_whole
    words: tuple[str, ...] = ()
    of_others: bool = False
    hidden_by: str = ""
    needs: str = ""
    gives: str = ""
    cases: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)

    @property
    def operations(self) -> tuple[str, ...]:
        """Those of a policy that have it."""
        return tuple(self.cases)

    def restrictions(self, case: Case) -> tuple[Condition, ...]:
        """Return the conditions of a case that make it less. Who is not buildx calls a container anything."""
        return tuple(
            condition
            for condition in case.conditions
            if not condition.constraint.is_private
            and condition.word not in {"buildx_builders", UNRESTRICTED.word}
            and not (self._is_of_body(case, condition.word) and condition.word not in self.words)
        )

    def _is_of_body(self, case: Case, word: str) -> bool:
        """Whether a condition of a case is about what only a body says."""
        return any(case in cases and is_of_body(OPERATIONS[name], word) for name, cases in self.cases.items())


_MAKING: Final = "ContainerCreate ServiceCreate ServiceUpdate"

EXPOSURES: Final = (
    Exposure(
        "ContainerCreate ContainerCreateLibpod",
        "is root on the host: it can start a container that mounts the host's files",
        gives="any",
    ),
    Exposure(
        "KubePlayLibpod PlayKubeLibpod ContainerRestoreLibpod",
        "is root on the host: what it starts from YAML or an archive can mount the host's files",
        gives="root",
    ),
    Exposure(
        _MAKING,
        "is root on the host: its grants reach the engine's socket or files that the host trusts",
        owns_host,
        ("binds", "add_capabilities"),
        gives="trusted",
    ),
    Exposure(
        "ServiceCreate ServiceUpdate",
        "is root on every node of the swarm: a service can mount their files",
        gives="any",
    ),
    Exposure(
        "PluginPull PluginCreate PluginSet PluginUpgrade",
        "is root on the host: a plugin runs there as root",
        gives="plugin",
    ),
    Exposure(
        "PluginEnable",
        "is root on the host if a plugin is there to enable: it runs there as root",
        gives="enables root?",
    ),
    Exposure(
        "ContainerArchive ContainerExport PutContainerArchive ContainerArchiveLibpod ContainerExportLibpod",
        "is root on the host if the engine is: a process can put a device in place of a file that the engine copies",
        lambda case: RUNNING in case.by_word,
        gives="root",
    ),
    Exposure("QuadletInstallLibpod", "is root on the host: it can install units that systemd starts", gives="root"),
    Exposure(
        "SecretCreate SecretCreateLibpod",
        "is root on the host if Podman is: a secret's driver may be any command there",
        gives="root?",
    ),
    Exposure(
        "VolumeCreate VolumeCreateLibpod PodCreateLibpod",
        "can make a volume of any host directory, which a container then mounts",
        gives="volume",
    ),
    Exposure(
        "CheckpointCreate CheckpointDelete",
        "writes or deletes in any host directory if the engine is experimental",
        gives="root?",
    ),
    Exposure("CheckpointList", "lists any host directory if the engine is experimental"),
    Exposure(
        "ArtifactLocalLibpod LocalBuildLibpod LocalImagesLibpod KubeApplyLibpod ImageCommit ImageCommitLibpod",
        "reads files of the host that the engine can read",
        gives="root?",
    ),
    Exposure(
        "ContainerExec ContainerExecLibpod",
        "is as good as root on the host: a command in a container may be run privileged",
        needs="ExecStart ExecStartLibpod",
        gives="privileged",
    ),
    Exposure(
        _MAKING,
        "writes in directories of the host, and where links in them lead: those cannot be seen from here",
        writes_host,
        ("binds",),
        gives="writes",
    ),
    Exposure(
        "ContainerCreate",
        "is root on the host if a device that it may use is a disk or memory of the host",
        owns_devices,
        ("devices",),
        gives="root?",
    ),
    Exposure(
        "ContainerCreate",
        "uses devices or GPUs of the host, whose drivers run in its kernel",
        uses_devices,
        ("devices", "gpus"),
    ),
    Exposure(
        _MAKING,
        "writes everywhere below directories of the host, also in what other clients and people have there",
        writes_below,
        ("binds",),
        gives="writes",
    ),
    Exposure(
        _MAKING,
        "restarts the host with a kernel of its own, unless the engine's filter of system calls keeps it from that",
        adds("SYS_BOOT"),
        ("add_capabilities",),
        gives="writes",
    ),
    Exposure(_MAKING, "sets the host's clock", adds("SYS_TIME"), ("add_capabilities",)),
    Exposure(
        _MAKING,
        "watches the whole host: what its kernel logs, or what its processes do",
        adds("SYSLOG", "PERFMON"),
        ("add_capabilities",),
    ),
    Exposure(
        _MAKING,
        "can take addresses and traffic of others on the networks that it joins",
        adds("NET_ADMIN", "NET_RAW"),
        ("add_capabilities",),
    ),
    Exposure(
        "ContainerExec",
        "prepares commands in running containers, which run there as any user",
        is_contained,
        ("commands", "user"),
        of_others=True,
    ),
    Exposure(
        "NetworkConnect NetworkDisconnect NetworkConnectLibpod NetworkDisconnectLibpod",
        "joins any container to a network, or removes it from one: the body names it",
        lambda case: is_whole(case) or OWN not in case.by_word,
        ("containers", "networks"),
    ),
    Exposure(
        "ExecStart ExecStartLibpod ContainerAttach ContainerAttachWebsocket ContainerAttachLibpod",
        "types into running containers or starts commands there",
        is_any,
        ("commands",),
        of_others=True,
    ),
    Exposure(
        "ContainerUpdateLibpod",
        "runs any command in running containers, as their health check",
        of_others=True,
        gives="commands",
    ),
    Exposure(
        "ImageBuild Grpc Session ImageBuildLibpod",
        "runs any command in a build, with the engine's network",
        gives="root?",
    ),
    Exposure(
        "ImageBuild",
        "runs any command as root in a build, reads and replaces every image, and fetches URLs from the host's network",
        is_contained,
    ),
    Exposure(
        "ImageTag ImageLoad ImageBuild Grpc ImageCommit ImageCreate ImageTagLibpod ImageLoadLibpod "
        "LocalImagesLibpod ImageBuildLibpod LocalBuildLibpod ImageCommitLibpod ImageImportLibpod",
        "can put an image of its own in the place of one that others trust",
        replaces_images,
        ("tags",),
        gives="commands?",
    ),
    Exposure(
        "ContainerRename ContainerRenameLibpod",
        "gives any container another name, and so what is granted to others by that name",
        lacks("containers"),
        ("names",),
        of_others=True,
    ),
    Exposure(
        "SwarmJoin SwarmInit NodeUpdate", "can hand the host to another swarm or make nodes managers", gives="root?"
    ),
    Exposure(
        "ContainerArchive ContainerExport ContainerArchiveLibpod ContainerExportLibpod",
        "reads any file of any container, of its volumes and bind mounts too",
        of_others=True,
    ),
    Exposure("VolumeExportLibpod", "reads all files of any volume", of_others=True),
    Exposure(
        "PutContainerArchive PutContainerArchiveLibpod",
        "writes any file of any container as root, programs that it runs among them",
        is_any,
        of_others=True,
        gives="commands",
    ),
    Exposure(
        "ContainerInspect ContainerTop ContainerInspectLibpod ContainerTopLibpod",
        "sees every container's environment, passwords in it too",
        of_others=True,
        hidden_by="environment",
    ),
    Exposure(
        "VolumeList VolumeInspect VolumeListLibpod VolumeInspectLibpod",
        "sees the options of every volume, among them passwords of network shares",
        of_others=True,
        hidden_by="environment mounts addresses",
    ),
    Exposure(
        "ContainerLogs ContainerLogsLibpod",
        "reads all that any container has printed",
        of_others=True,
    ),
    Exposure(
        "SwarmInspect SwarmUnlockkey",
        "sees the swarm's join tokens and its unlock key",
        hidden_by="join_tokens",
        gives="root?",
    ),
    Exposure(
        "ConfigList ConfigInspect",
        "reads the contents of every swarm config",
        of_others=True,
        hidden_by="environment",
    ),
    Exposure(
        "SecretInspect SecretInspectLibpod",
        "reads the values of secrets if the engine is Podman",
        of_others=True,
        hidden_by="environment",
    ),
    Exposure(
        "ServiceCreate ServiceUpdate",
        "reads every secret of the swarm",
        reads_every_secret,
    ),
    Exposure(
        "ServiceList ServiceInspect TaskList TaskInspect",
        "sees the environment of every service, passwords in it too",
        of_others=True,
        hidden_by="environment",
    ),
    Exposure(
        "DistributionInspect SystemAuth ImageCreate ImagePush PluginPush ImagePullLibpod ImagePushLibpod "
        "ManifestInspectLibpod ManifestPushLibpod ArtifactPullLibpod ArtifactPushLibpod",
        "makes the engine connect to any registry it names",
        lambda case: is_whole(case) or (case.body is not None and case.body.operation != "SystemAuth"),
        ("images",),
    ),
    Exposure(
        "ContainerCreate",
        "reaches services of the host and whatever is on the engine's own network, since networks names no other",
        is_contained_without("networks"),
    ),
    Exposure(
        _MAKING,
        "may use up the host's memory or processes, which memory and pids bound",
        is_contained_without("memory", "pids"),
    ),
)
"""Gravest first. Each is shown with those of its operations that are allowed, and with how to take them out."""


def find_exposures(policy: CompiledPolicy) -> tuple[Exposure, ...]:
    """Return what a policy exposes in spite of its conditions, each with what does it here."""
    return find_in(policy, (replace(each, exposes=_spare_own(each)) if each.of_others else each for each in EXPOSURES))


def _spare_own(exposure: Exposure) -> Danger:
    return lambda case: OWN not in case.by_word and exposure.exposes(case)


def find_in(policy: CompiledPolicy, exposures: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Return those of some exposures that a policy has, `own` or not, each with what does it here."""
    shown = (each for each in exposures if policy.hides.isdisjoint(each.hidden_by.split()))
    shown = (each for each in shown if not each.needs or any(map(policy.cases.get, each.needs.split())))
    found = ((exposure, _find_cases(policy, exposure)) for exposure in shown)
    return tuple(replace(exposure, cases=cases) for exposure, cases in found if cases)


def _find_cases(policy: CompiledPolicy, exposure: Exposure) -> Mapping[str, tuple[Case, ...]]:
    found = {
        name: tuple(
            case for case in policy.cases[name] if exposure.exposes(on_host(policy, case)) and not _prevents(case)
        )
        for name in exposure.names.split()
        if policy.cases[name]
    }
    return {name: cases for name, cases in found.items() if cases}


def _prevents(case: Case) -> bool:
    """Whether a client cannot type, so that nothing is left of what an operation exposes."""
    return "stdin" in case.by_word and case.by_word["stdin"].value is False
