"""What else Podman's own API makes and changes is known field by field, and what reaches the host is refused."""

import json

import pytest
from api.bodies.files import tables_in
from policy.claims.pods import CORPUS, content, look, publish

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import Json

LIBPOD = tables_in("libpod_others")

GRANTED: dict[str, dict[str, Value]] = {
    "pod": {"names": ("p?",), "publish": publish("8081"), "memory": "100MiB", "cpus": "1"},
    "network": {"names": ("n?",), "subnets": ("10.55.0.0/16",)},
    "connect": {"containers": ("web",), "networks": ("web",)},
    "disconnect": {"containers": ("web",)},
    "exec": {"user": "not-root"},
    "update": {"memory": "100MiB", "cpus": "2"},
    "rename": {"names": ("x*",)},
    "tag": {"tags": ("localhost/foo/*",)},
    "commit": {"containers": ("web",), "tags": ("localhost/*",)},
    "import": {"tags": ("localhost/*",)},
    "secret": {"names": ("sec?",)},
}
SENT = sorted(path.stem for path in CORPUS.glob("*.json"))

HOST: list[tuple[str, str, Json]] = [
    ("PodCreateLibpod", "", {"infra_conmon_pid_file": "/etc/cron.d/x"}),
    ("PodCreateLibpod", "", {"pod_devices": ["/dev/vda"]}),
    ("PodCreateLibpod", "", {"sysctl": {"kernel.msgmax": "1"}}),
    ("PodCreateLibpod", "", {"hostsFile": "/etc/shadow"}),
    ("PodCreateLibpod", "", {"cgroup_parent": "/"}),
    ("PodCreateLibpod", "", {"security_opt": ["seccomp=unconfined"]}),
    ("PodCreateLibpod", "", {"serviceContainerID": "web"}),
    ("PodCreateLibpod", "", {"netns": {"nsmode": "host"}}),
    ("PodCreateLibpod", "", {"pidns": {"nsmode": "host"}}),
    ("PodCreateLibpod", "", {"ipcns": {"nsmode": "host"}}),
    ("PodCreateLibpod", "", {"utsns": {"nsmode": "host"}}),
    ("PodCreateLibpod", "", {"userns": {"nsmode": "host"}}),
    ("PodCreateLibpod", "", {"idmappings": {"AutoUserNs": True}}),
    ("PodCreateLibpod", "", {"portmappings": [{"host_port": 80}]}),
    ("PodCreateLibpod", "", {"volumes_from": ["web"]}),
    ("PodCreateLibpod", "", {"overlay_volumes": [{"destination": "/x", "source": "/etc"}]}),
    ("PodCreateLibpod", "", {"mounts": [{"destination": "/x", "type": "bind", "source": "/etc"}]}),
    ("PodCreateLibpod", "", {"throttleReadBpsDevice": {"/dev/vda": {"rate": 1}}}),
    ("ContainerExecLibpod", "", {"Cmd": ["id"], "Privileged": True}),
    ("ContainerUpdateLibpod", "", {"devices": [{"allow": True}]}),
    ("ContainerUpdateLibpod", "", {"unified": {"memory.max": "max"}}),
    ("ContainerUpdateLibpod", "", {"health_log_destination": "/etc"}),
    ("ContainerUpdateLibpod", "", {"DeviceReadBPs": [{"Path": "/dev/vda", "Rate": 1}]}),
    ("ContainerUpdateLibpod", "?RESTARTPOLICY=always", {}),
    ("ContainerRenameLibpod", "?name=x&Name=y", None),
    ("ContainerCheckpointLibpod", "?export=true", None),
    ("ContainerCheckpointLibpod", "?createImage=ci/app", None),
    ("ContainerRestoreLibpod", "?import=true", None),
    ("ContainerRestoreLibpod", "?publishPorts=80", None),
    ("ContainerRestoreLibpod", "?pod=hostly", None),
    ("VolumeCreateLibpod", "", {"Name": "v", "Options": {"type": "none", "o": "bind", "device": "/etc"}}),
    ("VolumeCreateLibpod", "", {"Name": "v", "Driver": "image"}),
    ("NetworkCreateLibpod", "", {"name": "n", "driver": "macvlan"}),
    ("NetworkCreateLibpod", "", {"name": "n", "network_interface": "eth0"}),
    ("NetworkCreateLibpod", "", {"name": "n", "id": "4f5e"}),
    ("NetworkCreateLibpod", "", {"name": "n", "routes": [{"destination": "10.0.0.0/8", "gateway": "10.55.0.9"}]}),
    ("NetworkCreateLibpod", "", {"name": "n", "network_dns_servers": ["127.0.0.1"]}),
    ("NetworkCreateLibpod", "", {"name": "n", "ipam_options": {"driver": "dhcp"}}),
    ("SecretCreateLibpod", "?name=s&driver=shell", None),
    ("SecretCreateLibpod", '?name=s&driveropts={"path":"/etc"}', None),
    ("SecretCreateLibpod", "?name=s&DriverOpts={}", None),
    ("SecretCreateLibpod", "?name=s&replace=true", None),
    ("ImageImportLibpod", "?url=/etc/shadow", None),
    ("ImageImportLibpod", "?URL=http://169.254.169.254/", None),
    ("ImageImportLibpod", "?Url=http://169.254.169.254/", None),
    ("ImageImportLibpod", "?changes=ONBUILD+RUN+id", None),
    ("ImagePullLibpod", "?reference=busybox&tlsVerify=false", None),
    ("ImagePullLibpod", "?reference=busybox&tlsverify=0", None),
    ("ImagePullLibpod", "?reference=busybox&Reference=evil.example/x", None),
    ("ImagePullLibpod", "?reference=busybox&authfile=/root/auth.json", None),
]

NOT_BOUNDED = {
    "ArtifactAddLibpod": "what it stores is not run",
    "ArtifactDeleteAllLibpod": "deletes",
    "ArtifactDeleteLibpod": "deletes",
    "ArtifactPullLibpod": "fetches, as images are",
    "ContainerAttachLibpod": "types into what runs already",
    "ContainerDeleteLibpod": "deletes",
    "ContainerHealthcheckLibpod": "runs what the container was created with",
    "ContainerInitLibpod": "starts what was created",
    "ContainerKillLibpod": "signals",
    "ContainerMountLibpod": "tells a path of the host",
    "ContainerPauseLibpod": "stops",
    "ContainerPruneLibpod": "deletes",
    "ContainerResizeLibpod": "is about a terminal",
    "ContainerRestartLibpod": "starts what was created",
    "ContainerStartLibpod": "starts what was created",
    "ContainerStopLibpod": "stops",
    "ContainerUnmountLibpod": "is about a path of the host",
    "ContainerUnpauseLibpod": "starts what was created",
    "ExecRemoveLibpod": "deletes",
    "ExecResizeLibpod": "is about a terminal",
    "ImageDeleteAllLibpod": "deletes",
    "ImageDeleteLibpod": "deletes",
    "ImagePruneLibpod": "deletes",
    "ImageUntagLibpod": "deletes",
    "ManifestDeleteLibpod": "deletes",
    "ManifestInspectLibpod": "asks a registry that its path names",
    "NetworkDeleteLibpod": "deletes",
    "NetworkPruneLibpod": "deletes",
    "PodDeleteLibpod": "deletes",
    "PodKillLibpod": "signals",
    "PodPauseLibpod": "stops",
    "PodPruneLibpod": "deletes",
    "PodRestartLibpod": "starts what was created",
    "PodStartLibpod": "starts what was created",
    "PodStopLibpod": "stops",
    "PodUnpauseLibpod": "starts what was created",
    "QuadletDeleteLibpod": "deletes",
    "SecretDeleteLibpod": "deletes",
    "SystemCheckLibpod": "deletes",
    "SystemPruneLibpod": "deletes",
    "VolumeDeleteLibpod": "deletes",
    "VolumePruneLibpod": "deletes",
}
"""Operations that write and whose parameters make nothing that could reach further, with the reason."""

ARCHIVES = {"ImageBuildLibpod", "ImageLoadLibpod", "PutContainerArchiveLibpod", "VolumeImportLibpod"}
"""Those that have an archive as their body: their tables are not here."""


def test_each_operation_that_writes_is_bounded_sealed_or_has_nothing_to_bound() -> None:
    writes = {name for name, each in OPERATIONS.items() if name.endswith("Libpod") and each.access is Access.WRITE}
    assert writes - set(BODIES) - set(SEALED) - ARCHIVES == set(NOT_BOUNDED)


@pytest.mark.parametrize("name", SENT)
def test_what_podman_itself_sends_passes(name: str) -> None:
    sent = json.loads((CORPUS / f"{name}.json").read_text())
    bounds = GRANTED.get(name, {})
    if sent["operation"] in LIBPOD:
        assert look(sent["operation"], sent["query"], sent["body"], bounds=bounds).faults == ()


@pytest.mark.parametrize(("operation", "query", "body"), HOST, ids=lambda part: str(part)[:60])
def test_what_reaches_further_is_refused(operation: str, query: str, body: Json) -> None:
    (fault,) = look(operation, query, body).faults
    asked = [pair.partition("=")[0] for pair in query.removeprefix("?").split("&")]
    fields = [*asked, *(body if isinstance(body, dict) else {})]
    assert fault.path.removeprefix("?").startswith(tuple(filter(None, fields)))


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("PodCreateLibpod", {"name": "root"}),
        ("PodCreateLibpod", {"name": "ci-1", "infra_name": "root"}),
        ("VolumeCreateLibpod", {}),
        ("NetworkCreateLibpod", {"name": "4f5e4f5e4f5e"}),
    ],
)
def test_what_is_made_is_called_as_the_grant_says(operation: str, body: Json) -> None:
    (fault, *_) = look(operation, "", body, bounds={"names": ("ci-*",)}).faults
    assert fault.path.lower().endswith("name")


def test_what_is_made_bears_the_labels_of_the_grant() -> None:
    bounds: dict[str, Value] = {"labels": Pairs((("owner", "ci"),))}
    for operation, body in (("PodCreateLibpod", {"name": "p"}), ("NetworkCreateLibpod", {"name": "n"})):
        assert content(look(operation, "", dict(body), bounds=bounds))["labels"] == {"owner": "ci"}
