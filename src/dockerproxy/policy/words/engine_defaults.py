"""Recognise the engine's defaults in a body: Watchtower and others create a container again from its inspection.

An inspection shows the engine's own defaults beside what was asked for. What is allowed here is not sent on. The engine
then uses its default, whichever the operator has set.

Attack: a shorter list of hidden paths, or an empty one, shows parts of /proc and /sys -> Defence: the list has all that
the oldest engine hides, and goes on as null, which is the engine's own list (test:
test_no_list_of_paths_hides_less_than_the_engine).
Attack: `runc` where the operator's default is a sandbox -> Defence: it is left out, so the default runs (test:
test_the_runtime_is_the_operator_s).
Attack: `NetworkID` of another network, which Docker joins in place of the one named by the key -> Defence: it is left
out, and the key is what was judged (test: test_a_network_is_joined_by_its_judged_name).
Attack: an annotation that the runtime acts on, among those that Podman writes -> Defence: all of them are left out, and
others are refused.
"""

import re
from typing import Final

from dockerproxy.policy.claim import LEAVE_OUT, LeaveOut, Object, Reading, pairs_at
from dockerproxy.wire.document import Json, list_of

_HIDDEN: Final = frozenset(
    {
        *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug"),
        *("/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware"),
    }
)
"""What every engine that shows the list hides: that of 18.09 (moby oci/defaults.go)."""

_IS_HIDDEN_LATER: Final = re.compile(
    "/proc/interrupts|/sys/devices/virtual/powercap|/sys/devices/system/cpu/cpu[0-9]{1,5}/thermal_throttle"
).fullmatch
"""What newer ones hide besides."""

_READ_ONLY: Final = frozenset({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})

OPERATIONAL: Final = (
    *("NetworkID", "EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway"),
    *("GlobalIPv6Address", "GlobalIPv6PrefixLen"),
)
"""What the engine says of an endpoint, and knows better (moby api/types/network, "Operational data")."""

_ANNOTATIONS: Final = frozenset(
    {
        *("io.container.manager", "org.opencontainers.image.stopSignal"),
        *("org.systemd.property.KillSignal", "org.systemd.property.TimeoutStopUSec"),
        *("io.podman.annotations.autoremove", "io.podman.annotations.init", "io.podman.annotations.publish-all"),
        *("io.podman.annotations.autoremove-image", "io.podman.annotations.pids-limit", "io.podman.annotations.cpuset"),
        *("io.podman.annotations.memory-nodes", "io.podman.annotations.cid-file"),
    }
)
"""Podman writes them from other fields of the same body (libpod/container_internal_common.go), and its command line the
last one: a file that it writes, and that the engine would remove on the host."""


def check_hidden(reading: Reading, value: Json, path: str, _parent: Object) -> LeaveOut:
    """The paths that are hidden are those that the engine hides."""
    paths = set(map(str, list_of(value)))
    if not (paths >= _HIDDEN and all(map(_IS_HIDDEN_LATER, paths - _HIDDEN))):
        reading.violate(path, value, "not allowed: it may show hidden parts of /proc and /sys")
    return LEAVE_OUT


def check_read_only(reading: Reading, value: Json, path: str, _parent: Object) -> LeaveOut:
    """The paths that cannot be written are those that the engine has so."""
    if not isinstance(value, list) or set(map(str, value)) != _READ_ONLY:
        reading.violate(path, value, "not allowed: it may make parts of /proc and /sys writable")
    return LEAVE_OUT


def check_cgroupns(reading: Reading, value: Json, path: str, parent: Object) -> LeaveOut | None:
    """The namespace of control groups is the container's own, or the engine's default.

    That is the host's on a machine with version 1 of control groups. There the whole inspection says so, with Docker's
    list of hidden paths or Podman's annotations beside it, which are left out by now if they came first; a client that
    means it says nothing else.
    """
    if value == "host" and (parent.get("MaskedPaths") or "Annotations" in parent):
        return LEAVE_OUT
    if value not in ("", "private"):
        reading.violate(path, value, "not allowed: the host's control groups are visible")
    return None


def check_annotations(reading: Reading, value: Json, path: str, _parent: Object) -> LeaveOut | None:
    """No annotation is the client's own."""
    for where, name, text in pairs_at(value, path):
        if name not in _ANNOTATIONS:
            reading.violate(where, text, "not allowed: the runtime may act on it")
    return LEAVE_OUT if value else None


def check_own_mac(reading: Reading, value: Json, path: str, parent: Object) -> LeaveOut | None:
    """No address on the link is the client's own; that of the engine stands beside the ID of the network."""
    if value and parent.get("NetworkID"):
        return LEAVE_OUT
    if value:
        reading.violate(path, value, "not allowed: it may be that of another host on the link")
    return None


def clean_endpoint(value: Json) -> Json:
    """Return an endpoint without what only the engine can say of it."""
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name not in OPERATIONAL}
