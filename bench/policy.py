"""The policy file that is measured: 50 sockets with 40 grants each, of every kind that people write.

The socket that clients use is the last, like the others but for the container that it may inspect: only the one it
names. So to inspect it costs a lookup to the engine. It may make containers, under every condition that asks the engine
nothing, so their bodies are judged. Podman's list and events show it only what its clients created, so each element is
judged. The socket before is the same, but may inspect what its clients created, under any name. The one before that
sees all of Podman's list.
"""

from pathlib import Path
from string import Template
from typing import Final

SOCKETS: Final = 50
# What the inspected container is called.
INSPECTED: Final = "web"

# Whose what the clients of the measured sockets create is.
OWNER: Final = f"client-{SOCKETS}"

# What they may inspect, by their numbers: the same container.
INSPECTING: Final = {
    SOCKETS - 1: "ContainerInspect: {own: true}",
    SOCKETS: f"ContainerInspect: {{containers: [{INSPECTED}]}}",
}

# In turn, one to a socket. None of them allows without conditions what has some below: that would be a mistake.
PRESETS: Final = (
    "beszel",
    "cadvisor",
    "crowdsec",
    "diun",
    "dozzle",
    "glances",
    "homepage",
    "netdata",
    "prometheus",
    "telegraf",
    "traefik",
    "uptime-kuma",
)
# In turn, three to a socket.
SECTIONS: Final = ("configs", "events", "info", "nodes", "plugins", "system", "version")
OPERATIONS: Final = (
    "ContainerList",
    "ImageGet",
    "ImageHistory",
    "ImageList",
    "ImageLoad: unrestricted",
    "NetworkCreate",
    "NetworkList",
    "VolumeCreate",
    "VolumeList",
)
# $n is the number of the socket, so that no two sockets of different owners have the same conditions.
CONDITIONAL: Final = (
    'ContainerArchive: {containers: ["db-$n-*"], path: [/data/**, /var/lib/app-$n/*]}',
    "ContainerAttach: {containers: [web-$n], stdin: false}",
    "ContainerChanges: {containers: [web-$n]}",
    'ContainerDelete: {containers: ["job-$n-*"], force: false, remove_volumes: true}',
    'ContainerExec: {containers: ["db-$n-*", cache-$n]}',
    'ContainerExport: {containers: ["job-$n-*"]}',
    "ContainerKill: {containers: [web-$n, proxy-$n], signal: [HUP, USR1]}",
    'ContainerPause: {containers: ["db-$n-*"]}',
    'ContainerRestart: {containers: [web-$n, proxy-$n, "worker-$n-?"]}',
    'ContainerStart: {containers: [web-$n, proxy-$n, "worker-$n-?"]}',
    'ContainerStop: {containers: [web-$n, proxy-$n, "worker-$n-?"]}',
    'ContainerTop: {containers: ["worker-$n-?"]}',
    'ContainerUnpause: {containers: ["db-$n-*"]}',
    "ContainerUpdate: {containers: [web-$n]}",
    'ContainerWait: {containers: ["job-$n-*"]}',
    'ExecInspect: {containers: ["db-$n-*", cache-$n]}',
    'ExecStart: {containers: ["db-$n-*", cache-$n]}',
    'ImageCreate: {images: ["docker.io/library/*", "registry.example.com/team-$n/**"]}',
    'ImageDelete: {tags: ["registry.example.com/team-$n/**"], force: false}',
    'ImagePush: {images: ["registry.example.com/team-$n/*:release-*"]}',
    'ImageTag: {images: ["registry.example.com/team-$n/**"], tags: ["registry.example.com/team-$n/**"]}',
    'NetworkConnect: {networks: [front-$n, "back-$n-*"]}',
    'NetworkDisconnect: {networks: [front-$n, "back-$n-*"]}',
    'PutContainerArchive: {containers: ["db-$n-*"]}',
    "ServiceUpdate: {services: [shop_web-$n, shop_worker-$n]}",
    'VolumeDelete: {volumes: ["job-$n-*"], force: false}',
)

# In place of the last two of them, beside the list, on the socket that clients use: what `creation.json` keeps to.
CREATING: Final = (
    'ContainerCreate: {names: ["ci-*"], images: ["registry.local/ci/*:*"],'
    ' binds: ["/srv/ci/*/config:ro", /srv/ci/*/uploads, "/srv/ci/*/secrets/*:ro", "/etc/localtime:ro"],'
    ' volumes: ["ci_*"], networks: [ci_default], publish: {ports: [8000-8999], addresses: [127.0.0.1]},'
    " add_capabilities: [NET_BIND_SERVICE], memory: 2GiB, cpus: 2, pids: 500, user: not-root,"
    " no_new_privileges: required, labels: {owner: ci}}"
)


def unfiltered_socket(measured: Path) -> Path:
    """Say where the socket is that sees all containers in Podman's list."""
    return place(measured, SOCKETS - 2)


def own_socket(measured: Path) -> Path:
    """Say where the socket is that may inspect what is its own."""
    return place(measured, SOCKETS - 1)


def place(measured: Path, number: int) -> Path:
    """Say where a socket is: the last is the measured one, the others are beside it."""
    return measured if number == SOCKETS else measured.with_name(f"{measured.stem}-{number}{measured.suffix}")


def write_policy(engine: Path, measured: Path) -> str:
    """Write the file.

    Args:
        engine: The engine's socket.
        measured: The socket that clients use.
    """
    lines = [f"engine: {engine}", "sockets:"]
    for number in range(1, SOCKETS + 1):
        inspect = INSPECTING.get(number, "ImageAttestations")
        is_asked = number in INSPECTING
        # Presets of readers allow to inspect every container.
        preset = "ping" if is_asked else PRESETS[number % len(PRESETS)]
        sections = [f"{SECTIONS[(number + turn) % len(SECTIONS)]}:read" for turn in range(3)]
        conditional = [Template(grant).substitute(n=SOCKETS if is_asked else number) for grant in CONDITIONAL]
        if is_asked:
            sections = ["SystemEvents: {own: true}", "info:read", "nodes:read"]
            conditional[-2:] = "ContainerListLibpod: {own: true}", CREATING
        unfiltered = ["ContainerListLibpod"] if number == SOCKETS - 2 else []
        grants = (f"preset:{preset}", *sections, *OPERATIONS, *unfiltered, inspect, *conditional)
        lines += [
            f"  client-{number}:",
            f"    path: {place(measured, number)}",
            '    permissions: "0660"',
            *([f"    own_as: {OWNER}"] if is_asked else []),
            "    allow:",
            *(f"      - {grant}" for grant in grants),
            f"    deny: [{'ContainerPrune' if is_asked else 'ContainerCreate'}, SwarmUnlockkey]",
        ]
    return "\n".join((*lines, ""))
