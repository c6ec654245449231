# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""What each field of a new container can do that a contained grant refuses, and how that shows on a real engine."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST_FILE = "/etc/passwd"
"""A file that the machine has and the image has not as it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How it shows that a field has its effect.

    Attributes:
        path: What of `docker inspect` shows it; empty if something else does.
        prints: What the container prints; a pattern.
        value: What stands at the path, as JSON; a pattern.
        fails: What the engine itself says in the end: that it tried.
        not_here: Why it cannot be shown on this engine; the request is refused all the same.
    """

    path: str = ""
    value: str = ""
    prints: str = ""
    fails: str = ""
    not_here: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feared:
    """A request that a contained grant refuses.

    Attributes:
        body: What differs from an ordinary one.
        shown: How its effect shows.
        grant: What the grant says, besides that it is contained.
        called: What the container is called; a test makes that its own.
    """

    body: dict[str, Any]
    shown: Shown
    grant: str = "{}"
    called: str = "fear-{label}"


def inspect(path: str, value: str) -> Shown:
    return Shown(path=path, value=value)


def prints(pattern: str) -> Shown:
    return Shown(prints=pattern)


def host(path: str = "", value: str = "", /, **fields: object) -> tuple[dict[str, Any], Shown]:
    """Return a body with fields in its `HostConfig`, of which one shows."""
    return {"HostConfig": {"NetworkMode": "none", **fields}}, inspect(f"HostConfig.{path}", value)


def quote(value: object) -> str:
    """Return the pattern of a value that shows as it is."""
    return re.escape(json.dumps(value)).replace(re.escape("{label}"), "{label}")


def show(name: str, value: object, pattern: str = "", **more: Any) -> Feared:
    """Say that a field of `HostConfig` shows as it was sent."""
    body, shown = host(name, pattern or quote(value), **{name: value})
    return Feared(body=body, shown=shown, **more)


def run(command: str, pattern: str, grant: str = "{}", **fields: object) -> Feared:
    """Say what a command prints with fields of `HostConfig`."""
    body, _ = host(**fields)
    return Feared(body={**body, "Cmd": ["sh", "-c", command]}, shown=prints(pattern), grant=grant)


def endpoint(name: str, value: object) -> Feared:
    """Say that a field of an endpoint shows as it was sent."""
    networks = {"EndpointsConfig": {"bridge": {name: value}}}
    shown = inspect(f"NetworkSettings.Networks.bridge.{name}", quote(value))
    return Feared(body={"NetworkingConfig": networks, "HostConfig": {"NetworkMode": "bridge"}}, shown=shown)


def mount(shown: Shown, grant: str = "{}", command: str = "true", **fields: object) -> Feared:
    """Mount something at `/m`."""
    body, _ = host(Mounts=[{"Target": "/m", **fields}])
    return Feared(body={**body, "Cmd": ["sh", "-c", command]}, shown=shown, grant=grant)


def never(reason: str, grant: str = "{}", **body: object) -> Feared:
    return Feared(body=body, shown=Shown(not_here=reason), grant=grant)


def namespace(kind: str) -> tuple[str, str]:
    """Return a command that tells of a namespace, and what it prints in the one of the engine's own."""
    return f"readlink /proc/self/ns/{kind}", re.escape(os.readlink(f"/proc/self/ns/{kind}"))


DEVICE = {"PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/seen", "CgroupPermissions": "rwm"}
RATE = [{"Path": "/dev/null", "Rate": 1}]
BIND = {"Type": "bind", "Source": "/etc"}
GRANTED = "{binds: [/etc]}"
READS = f"cat /m/{Path(HOST_FILE).name}"
OF_HOST = re.escape(Path(HOST_FILE).read_text().splitlines()[-1])
MOUNTS = ("mount -t tmpfs none /tmp && echo mounted", "mounted")
REMAPPED = {"VolumeOptions": {"DriverConfig": {"Options": {"type": "none", "o": "bind", "device": "/etc"}}}}
OLD = "engines of the last ten years do not know it"
WINDOWS = "it is about Windows"
PODMAN = "only Podman reads another thing into it"

# fmt: off
FEARED: tuple[tuple[str, Feared], ...] = (
    ("?name", Feared(body={}, called="0123456789ab", shown=inspect("Name", "/0123456789ab"))),
    ("?name", Feared(body={}, grant="{names: ['ci-*']}", shown=inspect("Name", "/fear"))),
    ("Hostname", never(PODMAN, Hostname="x\ny")),
    ("User", Feared(body={"Cmd": ["id", "-u"]}, grant="{user: not-root}", shown=prints("^0"))),
    ("User", Feared(body={"Cmd": ["id", "-g"], "User": "1000"}, grant="{user: not-root}", shown=prints("^0"))),
    ("Cmd", never("only Podman makes control groups writable for it", Cmd=["/sbin/init"])),
    ("Image", Feared(body={}, grant="{images: ['registry.example/ci/*']}", shown=inspect("Config.Image", "busybox"))),
    ("Volumes.*", never(PODMAN, Volumes={"/etc:/m": {}})),
    ("MacAddress", Feared(body={"MacAddress": "02:42:ac:11:00:99", "HostConfig": {}}, shown=inspect("Config.MacAddress", "02:42"))),
    ("OnBuild[]", Feared(body={"OnBuild": ["RUN true"]}, shown=inspect("Config.OnBuild", "RUN true"))),
    ("StopTimeout", Feared(body={"StopTimeout": -1}, shown=inspect("Config.StopTimeout", "-1"))),
    ("Labels.*", Feared(body={"Labels": {"owner": "root"}}, grant="{labels: {owner: ci}}", shown=inspect("Config.Labels.owner", "root"))),
    ("Labels.*", Feared(body={"Labels": {"PODMAN_SYSTEMD_UNIT": "ssh.service"}}, shown=inspect("Config.Labels.PODMAN_SYSTEMD_UNIT", "ssh"))),
    ("PortSpecs[]", never(OLD, PortSpecs=["80"])),
    ("HostConfig.Memory", show("Memory", 1 << 30, grant="{memory: 512MiB}")),
    ("HostConfig.CgroupParent", show("CgroupParent", "/elsewhere")),
    ("HostConfig.BlkioWeightDevice[]", never("this kernel weighs no single disks", HostConfig={"BlkioWeightDevice": [{"Path": "/dev/null", "Weight": 9}]})),
    ("HostConfig.BlkioDeviceReadBps[]", show("BlkioDeviceReadBps", RATE)),
    ("HostConfig.BlkioDeviceWriteBps[]", show("BlkioDeviceWriteBps", RATE)),
    ("HostConfig.BlkioDeviceReadIOps[]", show("BlkioDeviceReadIOps", RATE)),
    ("HostConfig.BlkioDeviceWriteIOps[]", show("BlkioDeviceWriteIOps", RATE)),
    ("HostConfig.CpuRealtimePeriod", show("CpuRealtimePeriod", 1000)),
    ("HostConfig.CpuRealtimeRuntime", show("CpuRealtimeRuntime", 1000)),
    ("HostConfig.Devices[]", run("ls -l /dev/seen", "^c", Devices=[DEVICE])),
    ("HostConfig.DeviceCgroupRules[]", show("DeviceCgroupRules", ["a *:* rwm"])),
    ("HostConfig.DeviceRequests[]", show("DeviceRequests", [{"Count": -1, "Capabilities": [["gpu"]]}], "gpu")),
    ("HostConfig.NanoCpus", show("NanoCpus", 2_000_000_000, grant="{cpus: 1.5}")),
    ("HostConfig.OomKillDisable", show("OomKillDisable", value=True)),
    ("HostConfig.PidsLimit", show("PidsLimit", 200, grant="{pids: 100}")),
    ("HostConfig.Ulimits[].Name", show("Ulimits", [{"Name": "rtprio", "Soft": 99, "Hard": 99}], "rtprio")),
    ("HostConfig.Binds[]", run(READS, OF_HOST, Binds=["/etc:/m"])),
    ("HostConfig.Binds[]", show("Binds", ["/etc:/m:ro,Z"], grant="{binds: ['/etc:ro']}")),
    ("HostConfig.Binds[]", run(READS, OF_HOST, Binds=["/srv/../etc:/m"], grant="{binds: [/srv/*]}")),
    ("HostConfig.Binds[]", show("Binds", ["/etc:/m:rshared"], grant=GRANTED)),
    ("HostConfig.Binds[]", show("Binds", ["theirs-{label}:/m"], grant="{volumes: [mine]}")),
    ("HostConfig.LogConfig.Type", show("LogConfig", {"Type": "syslog"}, "syslog")),
    ("HostConfig.LogConfig.Config.*", show("LogConfig", {"Type": "json-file", "Config": {"env": "SECRET"}}, "SECRET")),
    ("HostConfig.LogConfig.Config.*", show("LogConfig", {"Type": "local", "Config": {"max-size": "-1"}}, "-1")),
    ("HostConfig.NetworkMode", run("ls /sys/class/net", "docker0", NetworkMode="host")),
    ("HostConfig.NetworkMode", show("NetworkMode", "container:keeper-{label}", '"container:[0-9a-f]+"')),
    ("HostConfig.NetworkMode", show("NetworkMode", "theirs-{label}", grant="{networks: [mine]}")),
    ("HostConfig.PortBindings.*[]", show("PortBindings", {"80/tcp": [{"HostIp": "", "HostPort": "80"}]})),
    ("HostConfig.PortBindings.*[]", show("PortBindings", {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}, grant="{publish: {ports: [8000-8999]}}")),
    ("HostConfig.VolumeDriver", show("VolumeDriver", "some-plugin")),
    ("HostConfig.VolumesFrom[]", run(READS, OF_HOST, VolumesFrom=["keeper-{label}"])),
    ("HostConfig.Mounts[].Consistency", mount(inspect("HostConfig.Mounts.0.Consistency", "odd"), GRANTED, **BIND, Consistency="odd")),
    ("HostConfig.Mounts[].BindOptions.Propagation", mount(inspect("HostConfig.Mounts.0.BindOptions.Propagation", "rshared"), GRANTED, **BIND, BindOptions={"Propagation": "rshared"})),
    ("HostConfig.Mounts[].BindOptions.ReadOnlyNonRecursive", mount(inspect("HostConfig.Mounts.0.BindOptions.ReadOnlyNonRecursive", "true"), GRANTED, **BIND, ReadOnly=True, BindOptions={"ReadOnlyNonRecursive": True})),
    ("HostConfig.Mounts[].VolumeOptions.DriverConfig.Name", mount(Shown(not_here="the engine looks for a plugin for a quarter of a minute"), Type="volume", VolumeOptions={"DriverConfig": {"Name": "some-plugin"}})),
    ("HostConfig.Mounts[].VolumeOptions.DriverConfig.Options.*", mount(prints(OF_HOST), "{volumes: ['mine-*']}", READS, Type="volume", Source="mine-{label}", **REMAPPED)),
    ("HostConfig.Mounts[].VolumeOptions.Labels.*", mount(inspect("HostConfig.Mounts.0.VolumeOptions.Labels.PODMAN_SYSTEMD_UNIT", "x"), Type="volume", VolumeOptions={"Labels": {"PODMAN_SYSTEMD_UNIT": "x"}})),
    ("HostConfig.Mounts[].TmpfsOptions.Options[][]", mount(Shown(not_here="engines before 28 leave it out"), Type="tmpfs", TmpfsOptions={"Options": [["suid"]]})),
    ("HostConfig.Mounts[]", mount(prints(OF_HOST), "{}", READS, **BIND)),
    ("HostConfig.Mounts[]", mount(prints("written"), "{binds: ['/tmp:ro']}", "touch /m/e2e-{label} && rm /m/e2e-{label} && echo written", Type="bind", Source="/tmp")),
    ("HostConfig.CapAdd", run(*MOUNTS, CapAdd=["sys_admin"])),
    ("HostConfig.CapAdd", run(*MOUNTS, CapAdd="ALL", grant="{add_capabilities: [NET_BIND_SERVICE]}")),
    ("HostConfig.Capabilities[]", never("only engine 19.03 knew it", HostConfig={"Capabilities": ["CAP_SYS_ADMIN"]})),
    ("HostConfig.CgroupnsMode", run(*namespace("cgroup"), CgroupnsMode="host")),
    ("HostConfig.ExtraHosts[]", Feared(body={"HostConfig": {"NetworkMode": "none", "ExtraHosts": ["db:10.9.0.2\n10.9.0.3 evil"]}}, shown=Shown(fails="invalid IP address in add-host"))),
    ("HostConfig.GroupAdd[]", run("id -G", "4242", GroupAdd=["4242"])),
    ("HostConfig.IpcMode", run(*namespace("ipc"), IpcMode="host")),
    ("HostConfig.IpcMode", show("IpcMode", "container:keeper-{label}", '"container:[0-9a-f]+"')),
    ("HostConfig.Cgroup", show("Cgroup", "container:keeper")),
    ("HostConfig.Links[]", Feared(body={"HostConfig": {"NetworkMode": "bridge", "Links": ["keeper-{label}:db"]}}, shown=inspect("HostConfig.Links", "/keeper-"))),
    ("HostConfig.OomScoreAdj", show("OomScoreAdj", -77)),
    ("HostConfig.PidMode", run("ps", "dockerd", PidMode="host")),
    ("HostConfig.PidMode", show("PidMode", "container:keeper-{label}", '"container:[0-9a-f]+"')),
    ("HostConfig.Privileged", run(*MOUNTS, Privileged=True)),
    ("HostConfig.PublishAllPorts", show("PublishAllPorts", value=True)),
    ("HostConfig.SecurityOpt[]", run("grep ^Seccomp: /proc/self/status", r"\s0", SecurityOpt=["seccomp=unconfined"])),
    ("HostConfig.SecurityOpt[]", run("grep ^NoNewPrivs: /proc/self/status", r"\s0", grant="{no_new_privileges: required}")),
    ("HostConfig.StorageOpt.*", Feared(body=host(StorageOpt={"size": "1G"})[0], shown=Shown(fails="storage-opt"))),
    ("HostConfig.Tmpfs.*", run("grep -v nodev /proc/mounts", " /m tmpfs", Tmpfs={"/m": "dev"})),
    ("HostConfig.UTSMode", run(*namespace("uts"), UTSMode="host")),
    ("HostConfig.UsernsMode", show("UsernsMode", "host")),
    ("HostConfig.Sysctls.*", run("cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "^77", Sysctls={"net.ipv4.ip_unprivileged_port_start": "77"})),
    ("HostConfig.Runtime", show("Runtime", "io.containerd.runc.v2")),
    ("Runtime", never("where Podman reads it", Runtime="crun")),
    ("HostConfig.Isolation", never(WINDOWS, HostConfig={"Isolation": "process"})),
    ("HostConfig.Annotations.*", show("Annotations", {"run.oci.keep_original_groups": "1"})),
    ("HostConfig.MaskedPaths[]", run("grep kcore /proc/mounts || echo open", "open", MaskedPaths=[])),
    ("HostConfig.ReadonlyPaths[]", run("grep ' /proc/sys ' /proc/mounts || echo open", "open", ReadonlyPaths=[])),
    ("HostConfig.ReadonlyRootfs", never("only Podman puts memory at /var/tmp for it, and fills that", "{volumes: [v]}", HostConfig={"ReadonlyRootfs": True, "Binds": ["v:/var"]})),
    ("HostConfig.InitPath", never(OLD, HostConfig={"InitPath": "/bin/sh"})),
    ("HostConfig.LxcConf[]", never(OLD, HostConfig={"LxcConf": [{"Key": "a", "Value": "b"}]})),
    ("NetworkingConfig.EndpointsConfig.*", Feared(body={"NetworkingConfig": {"EndpointsConfig": {"bridge": {}, "theirs-{label}": {}}}, "HostConfig": {}}, shown=inspect("NetworkSettings.Networks", "theirs-"))),
    ("NetworkingConfig.EndpointsConfig.*.Links[]", endpoint("Links", ["db:db"])),
    ("NetworkingConfig.EndpointsConfig.*.Aliases[]", never(PODMAN, NetworkingConfig={"EndpointsConfig": {"bridge": {"Aliases": ["x\ny"]}}}, HostConfig={"NetworkMode": "bridge"})),
    ("NetworkingConfig.EndpointsConfig.*.MacAddress", endpoint("MacAddress", "02:42:ac:11:00:99")),
    ("NetworkingConfig.EndpointsConfig.*.DriverOpts.*", endpoint("DriverOpts", {"com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.forwarding=1"})),
)
# fmt: on
"""By the line of the table that each is about. Lines that let pass whatever there is are not here."""
