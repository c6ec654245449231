"""What each line of a table that names a check lets through: one function a check, found by its name in `CHECKS`."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.fields import ALWAYS, Field
from dockerproxy.api.bodies.tables import Body
from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.claims.builds import check_build_network, check_built, check_dockerfile
from dockerproxy.policy.claims.capabilities import check_capabilities, check_security_options
from dockerproxy.policy.claims.commands import (
    check_commands,
    check_environment,
    check_program,
    check_surroundings,
    check_user,
)
from dockerproxy.policy.claims.connections import check_connected, check_container
from dockerproxy.policy.claims.engine_defaults import (
    check_annotations,
    check_cgroupns,
    check_endpoint,
    check_hidden,
    check_read_only,
)
from dockerproxy.policy.claims.images import check_images
from dockerproxy.policy.claims.imports import check_instructions, check_source
from dockerproxy.policy.claims.labels import check_image_labels, check_labels
from dockerproxy.policy.claims.limits import (
    check_cpus,
    check_limits,
    check_memory,
    check_new_cpus,
    check_new_memory,
    check_oom_score,
    check_pids,
)
from dockerproxy.policy.claims.logs import check_log_options
from dockerproxy.policy.claims.mounts import (
    check_anonymous,
    check_binds,
    check_mounts,
    check_tmpfs,
)
from dockerproxy.policy.claims.names import check_names
from dockerproxy.policy.claims.namespaces import (
    check_ipcns,
    check_netns,
    check_pidns,
    check_podman_networks,
    check_podman_order,
    check_pods,
)
from dockerproxy.policy.claims.networks import check_ipc_mode, check_network_mode, check_networks, check_pid_mode
from dockerproxy.policy.claims.podman import (
    check_image_volumes,
    check_podman_cpu,
    check_podman_given,
    check_podman_images,
    check_podman_labels,
    check_podman_memory,
    check_podman_mounts,
    check_podman_new_cpu,
    check_podman_options,
    check_podman_pids,
    check_podman_publish,
    check_podman_pushed,
    check_podman_secrets,
    check_podman_subnets,
    check_podman_tagged,
    check_podman_volumes,
    check_systemd,
    check_zone,
)
from dockerproxy.policy.claims.ports import check_publish, check_publish_all
from dockerproxy.policy.claims.registries import check_pulled, check_pushed, check_server
from dockerproxy.policy.claims.secrets import check_configs, check_secrets
from dockerproxy.policy.claims.services import (
    check_no_new_privileges,
    check_service_mounts,
    check_service_networks,
    check_service_pids,
    check_service_ports,
    check_swap,
)
from dockerproxy.policy.claims.starts import check_checkpoint, check_prepared, check_started
from dockerproxy.policy.claims.subnets import check_network_options, check_subnets
from dockerproxy.policy.claims.tables import OVERLAID
from dockerproxy.policy.claims.tags import check_given, check_loaded, check_tagged
from dockerproxy.policy.claims.uploads import check_renames, check_writable
from dockerproxy.policy.constraints.registry import READS, Read
from dockerproxy.wire.document import Json

_OWN: Final[Mapping[str, tuple[Check, tuple[str, ...]]]] = {
    "annotations": (check_annotations, ()),
    "anonymous": (check_anonymous, ()),
    "binds": (check_binds, ("binds", "volumes")),
    "build_network": (check_build_network, ("networks",)),
    "built": (check_built, ("tags",)),
    "capabilities": (check_capabilities, ("add_capabilities",)),
    "cgroupns": (check_cgroupns, ()),
    "checkpoint": (check_checkpoint, ()),
    "commands": (check_commands, ("commands",)),
    "configs": (check_configs, ("configs",)),
    "connected": (check_connected, ("networks",)),
    "container": (check_container, ("containers",)),
    "cpus": (check_cpus, ("cpus",)),
    "dockerfile": (check_dockerfile, ()),
    "endpoint": (check_endpoint, ()),
    "environment": (check_environment, ()),
    "given": (check_given, ("tags",)),
    "hidden": (check_hidden, ()),
    "image_labels": (check_image_labels, ()),
    "image_volumes": (check_image_volumes, ("images",)),
    "images": (check_images, ("images",)),
    "instructions": (check_instructions, ()),
    "ipc_mode": (check_ipc_mode, ("joins",)),
    "ipcns": (check_ipcns, ("joins",)),
    "labels": (check_labels, ("labels",)),
    "limits": (check_limits, ()),
    "loaded": (check_loaded, ("tags",)),
    "log_options": (check_log_options, ()),
    "memory": (check_memory, ("memory",)),
    "mounts": (check_mounts, ("binds", "volumes", "images")),
    "names": (check_names, ("names",)),
    "netns": (check_netns, ("networks", "joins")),
    "network_mode": (check_network_mode, ("networks", "joins")),
    "network_options": (check_network_options, ()),
    "networks": (check_networks, ("networks",)),
    "new_cpus": (check_new_cpus, ("cpus",)),
    "new_memory": (check_new_memory, ("memory",)),
    "no_new_privileges": (check_no_new_privileges, ("no_new_privileges",)),
    "oom_score": (check_oom_score, ()),
    "pid_mode": (check_pid_mode, ("joins",)),
    "pidns": (check_pidns, ("joins",)),
    "pids": (check_pids, ("pids",)),
    "podman_cpu": (check_podman_cpu, ("cpus",)),
    "podman_given": (check_podman_given, ("tags",)),
    "podman_images": (check_podman_images, ("images",)),
    "podman_labels": (check_podman_labels, ("labels",)),
    "podman_memory": (check_podman_memory, ("memory",)),
    "podman_mounts": (check_podman_mounts, ("binds",)),
    "podman_new_cpu": (check_podman_new_cpu, ("cpus",)),
    "podman_networks": (check_podman_networks, ("networks",)),
    "podman_options": (check_podman_options, ()),
    "podman_order": (check_podman_order, ("networks",)),
    "podman_pids": (check_podman_pids, ("pids",)),
    "podman_publish": (check_podman_publish, ("publish",)),
    "podman_pushed": (check_podman_pushed, ("images",)),
    "podman_secrets": (check_podman_secrets, ("secrets",)),
    "podman_subnets": (check_podman_subnets, ("subnets",)),
    "podman_tagged": (check_podman_tagged, ("tags", "images")),
    "podman_volumes": (check_podman_volumes, ("volumes",)),
    "pods": (check_pods, ("pods",)),
    "prepared": (check_prepared, ("commands",)),
    "program": (check_program, ()),
    "publish": (check_publish, ("publish",)),
    "publish_all": (check_publish_all, ("publish",)),
    "pulled": (check_pulled, ()),
    "pushed": (check_pushed, ("images",)),
    "read_only": (check_read_only, ()),
    "renames": (check_renames, ()),
    "secrets": (check_secrets, ("secrets",)),
    "security_options": (check_security_options, ("no_new_privileges",)),
    "server": (check_server, ("servers",)),
    "service_mounts": (check_service_mounts, ("binds", "volumes", "images")),
    "service_networks": (check_service_networks, ("networks",)),
    "service_pids": (check_service_pids, ("pids",)),
    "service_ports": (check_service_ports, ("publish",)),
    "source": (check_source, ()),
    "started": (check_started, ()),
    "subnets": (check_subnets, ("subnets",)),
    "surroundings": (check_surroundings, ("commands",)),
    "swap": (check_swap, ("memory",)),
    "systemd": (check_systemd, ()),
    "tagged": (check_tagged, ("tags", "images")),
    "tmpfs": (check_tmpfs, ()),
    "user": (check_user, ("user",)),
    "writable": (check_writable, ()),
    "zone": (check_zone, ()),
}


def _choose(line: Field) -> Check:
    """Return what holds a value to the words that a line lists: `=a,b`, or `~a,b` if it goes no further."""
    words = ("", None, *line.how[1:].split(","))

    def check(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
        if value not in words:
            reading.violate(path, value, f"not allowed: {line.says}")
        return None if line.how.startswith("~") else value

    return check


def _overlay(reads: tuple[Read, ...], own: Field) -> tuple[Check, tuple[str, ...]]:
    """Have words read a field, and behind them what its line names: a check, or words of which it is one."""
    steps = [(read.check, read.always) for read in reads]
    check, words = _OWN.get(own.how.removesuffix(ALWAYS), (None, ()))
    if own.how.startswith(("=", "~")):
        check = _choose(own)
    if check is not None:
        steps.append((check, own.how.endswith(ALWAYS)))

    def read_all(reading: Reading, value: Json, path: str, parent: Object) -> Json:
        for step, always in steps:
            if value is not None or always:
                value = step(reading, value, path, parent)
        return value

    read_all.__doc__ = steps[0][0].__doc__
    return read_all, (*dict.fromkeys((*(read.word for read in reads), *words)),)


CHECKS: Final[Mapping[str, tuple[Check, tuple[str, ...]]]] = {
    **_OWN,
    **{name: _overlay(READS[place], own) for name, (place, own) in OVERLAID.items()},
}
"""By the name that a table has for it; with the words of a policy file that it obeys."""


def find_words_of_body(body: Body) -> tuple[str, ...]:
    """Return the words of conditions on what a request of an operation says, in the order of its table."""
    checks = (CHECKS.get(field.how) or CHECKS.get(field.how.removesuffix(ALWAYS)) for field in body.fields)
    return tuple(dict.fromkeys(word for check in checks if check is not None for word in check[1]))
