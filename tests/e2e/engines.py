"""Real engines, each started in namespaces of its own and taken away whole.

An engine started here sees its own processes, mounts, network, `/run` and `/var/lib`, and none of the
machine's configuration. So two of them never meet on a bridge or a pid file, the machine's own engine is
not touched, and when the first process of the namespaces ends, the kernel ends and unmounts all the rest.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from e2e.talk import ask
from folders import short_folder
from waiting import PATIENCE, wait_until

# Were this test process killed, the engine would go too: the signal runs down this chain.
NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"),
    *("docker-init", "--"),
)
PREPARE = 'mount -t tmpfs none /run; mount -t tmpfs none /var/lib; ip link set lo up; exec "$@"'
# What is installed in a folder runs there and sees what its clients name. A chroot would not do: who enters the mounts
# of a container, as an exec and an upload do, would find the machine's own root, and write there.
CHANGE_ROOT = """
mount --bind "$0" "$0"
for each in proc sys dev run tmp srv var/lib; do mount --rbind "/$each" "$0/$each"; done
cd "$0"
pivot_root . mnt
umount -l /mnt
exec "$@"
"""
# The locks of Podman's containers, of which killed engines give none back. In a folder, they outlive a restart.
# Podman panics if it reads a line of its events that is half written, which on a disk may wait for a page.
OWN_MEMORY = 'mkdir -p "$0" "$1"; mount --bind "$0" /dev/shm; mount -t tmpfs events "$1"; shift; exec "$@"'
NAME = 'echo "$0" > /proc/sys/kernel/hostname; exec "$@"'
# Groups of its own, which look like all of the machine: Podman puts containers into one that has a fixed name.
# In the one group that is mounted alone, as that of version 2 may be, none that has groups below it may have processes.
OWN_GROUPS = r"""
for place in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/self/mounts); do
    mkdir "$place/$0"
    for each in cpuset.cpus cpuset.mems; do
        [ ! -e "$place/$each" ] || cat "$place/$each" > "$place/$0/$each"
    done
    echo $$ > "$place/$0/cgroup.procs"
done
exec unshare --cgroup sh -ec "$1" "$@"
"""
MOUNT_GROUPS = r"""
awk 'NR == FNR { known[$1] }
     NR > FNR && $3 ~ /^cgroup2?$/ {
         text = ""
         count = split($4, options, ",")
         for (each = 1; each <= count; each++)
             if (options[each] in known) text = text "," options[each]
             else if (options[each] ~ /^name=/) text = text ",none," options[each]
         print $2, $3, substr(text, 2)
     }' /proc/cgroups /proc/self/mounts | while read -r place kind options; do
    umount "$place"
    mount -t "$kind" ${options:+-o "$options"} "$kind" "$place"
done
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir /sys/fs/cgroup/engine
    echo 0 > /sys/fs/cgroup/engine/cgroup.procs
    sed 's/[a-z]/+&/; s/ / +/g' /sys/fs/cgroup/cgroup.controllers > /sys/fs/cgroup/cgroup.subtree_control
fi
exec "$@"
"""
CGROUPS = Path("/sys/fs/cgroup")
NAMED_NETWORKS = Path("/run/netns")

# netavark without nft, and crun on a machine that mounts both versions of cgroups, do not start a container.
# A build of podman's asks for more files and processes than it may give where CAP_SYS_RESOURCE is missing.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
helper_binaries_dir = ["{helpers}", "/usr/lib/podman", "/usr/libexec/podman"]
[network]
firewall_driver = "iptables"
network_config_dir = "{networks}"
"""

# A stand-in for aardvark-dns, without which Podman fails to take a container off a network that it may make: nobody
# resolves names of containers.
AARDVARK = """#!/bin/sh
trap "" HUP
sleep infinity > /dev/null 2>&1 &
printf %s $! > "$2/aardvark.pid"
"""


class EngineFailed(Exception):  # noqa: N818 (it names what happened)
    """An engine did not start, or ended by itself; carries what it printed."""


CONNECTED = "03"
"""The state of a socket in /proc/net/unix (SS_CONNECTED of linux/net.h)."""


class Engine:
    """One engine: its folder, its socket and, while it runs, its processes.

    Args:
        name: What to call it.
        folder: Of all that it keeps.
        program: Its command line.
        cgroup: Of its containers.
        network: The name of a network namespace that it shares, or empty for one of its own.
    """

    def __init__(self, name: str, folder: Path, program: tuple[str, ...], cgroup: str, network: str = "") -> None:
        self.name = name
        self.folder = folder
        self.socket = folder / "engine.sock"
        self.log = folder / "engine.log"
        self._program = program
        self._network = network
        self._cgroup = cgroup
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and return when it answers.

        Raises:
            EngineFailed: it ended, or did not answer for a minute.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
            "DISABLE_HC_SYSTEMD": "true",  # Else Podman wants a timer of systemd for each health check.
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*enter(self._network), "sh", "-ec", PREPARE, "sh", *self._program],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        try:
            wait_until(lambda: self._ended() or self.answers(), f"{self.name} answers")
        except AssertionError as error:
            self.stop()
            raise EngineFailed(self._printed("did not start")) from error
        if self._ended():
            raise EngineFailed(self._printed("did not start"))
        return self

    def stop(self) -> None:
        """Ask it to end, and end it; its containers end with it."""
        if self._process is None:
            return
        for child in self._children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        remove_cgroups(self._cgroup)

    def check(self) -> None:
        """See that it has not ended by itself.

        Raises:
            EngineFailed: it has, as one does that panics.
        """
        if self._ended():
            raise EngineFailed(self._printed("ended while it was used"))

    def signal(self, number: signal.Signals) -> None:
        """Send the engine's own process a signal."""
        os.kill(self.process, number)

    def answers(self) -> bool:
        """Tell whether a ping is answered."""
        try:
            return ask(self.socket, "GET", "/_ping").status == 200
        except OSError:
            return False

    def count_connections(self) -> int:
        """Count the connections on its socket. They belong to the network namespace of those that connect."""
        sockets = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
        return sum(words[-1] == str(self.socket) and words[5] == CONNECTED for words in sockets)

    @property
    def process(self) -> int:
        """The id of the engine's own process."""
        assert self._process is not None
        pid = self._process.pid
        for _ in ("docker-init", "the engine"):
            pid = self._children(pid)[0]
        return pid

    def inside(self, *program: str) -> tuple[str, ...]:
        """Return words that run a program in its network, where it publishes ports.

        That of `process` may be a container's: Go gives up a thread in the namespace that it made for one, and where
        that is the first thread of an engine, it stays there.
        """
        assert self._process is not None
        return ("nsenter", f"--net=/proc/{self._process.pid}/ns/net", *program)

    def among_its_mounts(self) -> tuple[str, ...]:
        """Return words that run a program with its mounts; not by `process`, for the same reason."""
        assert self._process is not None
        return ("nsenter", f"--mount=/proc/{self._process.pid}/ns/mnt")

    def seen(self, path: str) -> Path:
        """Return where a path of it can be read from here; not by `process`, for the same reason."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/root{path}")

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _printed(self, what: str) -> str:
        return f"{self.name} {what}; it printed:\n{self.log.read_text()}"

    @staticmethod
    def _children(pid: int) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []


def enter(network: str) -> list[str]:
    """Return the words that start a program in namespaces of its own, but for a network that has a name."""
    if not network:
        return list(NAMESPACES)
    return ["nsenter", f"--net=/run/netns/{network}", *(word for word in NAMESPACES if word != "--net")]


@contextlib.contextmanager
def docker_engine(executable: str = "dockerd", *, network: str = "", **settings: object) -> Iterator[Engine]:
    """Prepare a dockerd, with these settings in its `daemon.json`, not yet started; stop it at the end.

    In a network namespace with a name, its machine has that name too.
    """
    with short_folder() as folder:
        configuration = folder / "daemon.json"
        configuration.write_text(json.dumps(settings))
        cgroup = folder.name
        program = (
            *(("unshare", "--uts", "sh", "-ec", NAME, network) if network else ()),
            *(executable, "--config-file", str(configuration), "--data-root", str(folder / "data")),
            *("--host", f"unix://{folder}/engine.sock", "--shutdown-timeout", "1"),
            *("--host", "unix:///run/docker.sock"),  # where a host has it: in the /run of these namespaces
            *("--cgroup-parent", f"/{cgroup}"),
        )
        engine = Engine("dockerd", folder, program, cgroup, network)
        try:
            yield engine
        finally:
            engine.stop()


@contextlib.contextmanager
def podman_engine(executable: str = "podman", *, root: str = "") -> Iterator[Engine]:
    """Prepare a podman service, one that is installed below `root` if it says so; stop it at the end."""
    with short_folder() as folder:
        limits = {
            "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            "processes": resource.getrlimit(resource.RLIMIT_NPROC)[1],
            "networks": folder / "networks",
            "helpers": folder / "helpers",
        }
        (folder / "helpers").mkdir()
        (folder / "helpers" / "aardvark-dns").write_text(AARDVARK)
        (folder / "helpers" / "aardvark-dns").chmod(0o755)
        (folder / "containers.conf").write_text(CONTAINERS_CONF.format_map(limits))
        cgroup = folder.name
        program = (
            *("sh", "-ec", OWN_GROUPS, cgroup, MOUNT_GROUPS),
            *("sh", "-ec", OWN_MEMORY, str(folder / "shm"), str(folder / "tmp" / "events")),
            *(("sh", "-ec", CHANGE_ROOT, root) if root else ()),
            *(executable, "--root", str(folder / "root"), "--runroot", str(folder / "run")),
            *("--tmpdir", str(folder / "tmp"), "system", "service", "--time=0"),
            f"unix://{folder}/engine.sock",
        )
        engine = Engine("podman", folder, program, cgroup)
        try:
            yield engine
        finally:
            engine.stop()


def remove_cgroups(name: str) -> None:
    """Remove the groups of that name, in either version's layout; what others use stays.

    A group is busy for a moment after its last process has ended.
    """
    with contextlib.suppress(AssertionError):
        wait_until(lambda: _removed(name), f"{name} is removed", seconds=2)


def remove_leftover(folder: Path) -> None:
    """Remove what engines of a killed run left of the machine's, by the name of their folder."""
    for namespace in NAMED_NETWORKS.glob(f"*-{folder.name}"):
        subprocess.run(["ip", "netns", "delete", namespace.name], check=True)
    remove_cgroups(folder.name)


def _removed(name: str) -> bool:
    for top in (*CGROUPS.glob(name), *CGROUPS.glob(f"*/{name}")):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
    return not any((*CGROUPS.glob(name), *CGROUPS.glob(f"*/{name}")))
