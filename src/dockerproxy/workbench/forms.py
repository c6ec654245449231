"""How a request of each operation asks for a thing that a condition speaks of: at which place, and in which form."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

from dockerproxy.api.catalog import Operation
from dockerproxy.policy.amounts import read_billionths, read_ports, read_size
from dockerproxy.policy.claims.parameters import LINES
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.objects import KINDS, LABELLED, OWN, WORDS
from dockerproxy.policy.values import Pairs, split_mode
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.wire.document import Json

Chosen: TypeAlias = "str | bool | tuple[str, ...] | Pairs | None"
"""What a request has of a word; None if nothing."""

NAME: Final = "example"
IMAGE: Final = "registry.example/app:1"

Write: TypeAlias = Callable[[str], Json]
Place: TypeAlias = tuple[str, Write]


def _write_port(item: str) -> Json:
    port, _, address = item.partition("/")
    return {"80/tcp": [{"HostPort": port, **({"HostIp": address} if address else {})}]}


def _write_mount(item: str) -> Json:
    path, mode = split_mode(item)
    return {"Type": "bind", "Source": path, "Target": "/mnt", **({"ReadOnly": True} if mode == "ro" else {})}


def _write_bind(item: str) -> Json:
    path, mode = split_mode(item)
    return f"{path}:/mnt{':ro' if mode == 'ro' else ''}"


def _port_of(item: str) -> int:
    return (read_ports(item.partition("/")[0]) or range(1))[0]


# fmt: off
_CONTAINER: Final[Mapping[str, Place]] = {
    "images":            ("Image", str),
    "names":             ("?name", str),
    "buildx_builders":   ("?name", str),
    "user":              ("User", str),
    "addresses":         ("MacAddress", str),
    "labels":            ("Labels", lambda item: {item.partition("=")[0]: item.partition("=")[2]}),
    "binds":             ("HostConfig.Binds[]", _write_bind),
    "volumes":           ("HostConfig.Binds[]", lambda item: f"{item}:/data"),
    "networks":          ("HostConfig.NetworkMode", str),
    "joins":             ("HostConfig.PidMode", lambda item: f"container:{item}"),
    "publish":           ("HostConfig.PortBindings", _write_port),
    "add_capabilities":  ("HostConfig.CapAdd[]", str),
    "memory":            ("HostConfig.Memory", read_size),
    "cpus":              ("HostConfig.NanoCpus", read_billionths),
    "pids":              ("HostConfig.PidsLimit", int),
    "no_new_privileges": ("HostConfig.SecurityOpt[]", lambda _: "no-new-privileges"),
    "read_only":         ("HostConfig.ReadonlyRootfs", bool),
    "restart":           ("HostConfig.RestartPolicy.Name", str),
    "extra_hosts":       ("HostConfig.ExtraHosts[]", str),
}
_EXEC: Final[Mapping[str, Place]] = {
    "commands": ("Cmd", lambda item: [*item.split("\0")]),
    "user":     ("User", str),
    "options":  ("", lambda item: {{"stdin": "AttachStdin"}.get(item, item.capitalize()): True}),
}
_START: Final[Mapping[str, Place]] = {"options": _EXEC["options"]}
_SPEC: Final = "TaskTemplate.ContainerSpec."
_LIMITS: Final = "TaskTemplate.Resources.Limits."
_SERVICE: Final[Mapping[str, Place]] = {
    "names":             ("Name", str),
    "labels":            ("Labels", lambda item: {item.partition("=")[0]: item.partition("=")[2]}),
    "images":            (f"{_SPEC}Image", str),
    "user":              (f"{_SPEC}User", str),
    "binds":             (f"{_SPEC}Mounts[]", _write_mount),
    "volumes":           (f"{_SPEC}Mounts[]", lambda item: {"Type": "volume", "Source": item, "Target": "/data"}),
    "add_capabilities":  (f"{_SPEC}CapabilityAdd[]", str),
    "read_only":         (f"{_SPEC}ReadOnly", bool),
    "no_new_privileges": (f"{_SPEC}Privileges.NoNewPrivileges", bool),
    "extra_hosts":       (f"{_SPEC}Hosts[]", lambda item: " ".join(reversed(item.split(":", 1)))),
    "secrets":           (f"{_SPEC}Secrets[]", lambda item: {"SecretName": item, "SecretID": item}),
    "configs":           (f"{_SPEC}Configs[]", lambda item: {"ConfigName": item, "ConfigID": item}),
    "memory":            (f"{_LIMITS}MemoryBytes", read_size),
    "cpus":              (f"{_LIMITS}NanoCPUs", read_billionths),
    "pids":              (f"{_LIMITS}Pids", int),
    "restart":           ("TaskTemplate.RestartPolicy.Condition", {"no": "none", "always": "any"}.get),
    "networks":          ("TaskTemplate.Networks[]", lambda item: {"Target": item}),
    "publish":           ("EndpointSpec.Ports[]", lambda item: {"PublishedPort": _port_of(item), "TargetPort": 80}),
}
_PODMAN: Final[Mapping[str, Place]] = {
    "images":            ("image", str),
    "names":             ("name", str),
    "user":              ("user", str),
    "pods":              ("pod", str),
    "labels":            ("labels", lambda item: {item.partition("=")[0]: item.partition("=")[2]}),
    "binds":             ("mounts[]", lambda item: {
                             "type": "bind", "source": split_mode(item)[0], "destination": "/mnt",
                             "options": [split_mode(item)[1]]}),
    "volumes":           ("volumes[]", lambda item: {"Name": item, "Dest": "/data"}),
    "networks":          ("Networks", lambda item: {item: {}}),
    "joins":             ("pidns", lambda item: {"nsmode": "container", "value": item}),
    "publish":           ("portmappings[]", lambda item: {
                             "container_port": 80, "host_port": _port_of(item), "host_ip": item.partition("/")[2]}),
    "add_capabilities":  ("cap_add[]", str),
    "memory":            ("resource_limits.memory.limit", read_size),
    "cpus":              ("resource_limits.cpu", lambda item: {
                             "quota": (read_billionths(item) or 0) // 10_000, "period": 100_000}),
    "pids":              ("resource_limits.pids.limit", int),
    "secrets":           ("secrets[]", lambda item: {"Source": item}),
    "no_new_privileges": ("no_new_privileges", bool),
    "read_only":         ("read_only_filesystem", bool),
    "restart":           ("restart_policy", str),
    "extra_hosts":       ("hostadd[]", str),
}
_NAMED: Final[Mapping[str, Place]] = {
    "names":  ("Name", str),
    "labels": _CONTAINER["labels"],
}
_CONNECT: Final[Mapping[str, Place]] = {
    "containers": ("Container", str),
    "addresses":  ("EndpointConfig.MacAddress", str),
}
_BY_QUERY: Final[Mapping[str, Place]] = {
    "names":      ("?name", str),
    "tags":       ("?repo", str),
    "containers": ("?container", str),
}
PLACES: Final[Mapping[str, Mapping[str, Place]]] = {
    "ContainerCreate":         _CONTAINER,
    "ContainerCreateLibpod":   _PODMAN,
    "PodCreateLibpod":         {**_PODMAN, "images": ("infra_image", str),
                                "no_new_privileges": ("security_opt[]", lambda _: "no-new-privileges")},
    "ContainerUpdate":         {"memory": ("Memory", read_size), "cpus": ("NanoCpus", read_billionths),
                                "pids": ("PidsLimit", int), "restart": ("RestartPolicy.Name", str)},
    **dict.fromkeys(("ContainerExec", "ContainerExecLibpod"), _EXEC),
    **dict.fromkeys(("ExecStart", "ExecStartLibpod"), _START),
    **dict.fromkeys(("ServiceCreate", "ServiceUpdate"), _SERVICE),
    "NetworkCreate":           {**_NAMED, "subnets": ("IPAM.Config[]", lambda item: {"Subnet": item})},
    "NetworkCreateLibpod":     {"names": _PODMAN["names"], "labels": _PODMAN["labels"],
                                "subnets": ("subnets[]", lambda item: {"subnet": item})},
    **dict.fromkeys(("NetworkConnect", "NetworkDisconnect", "NetworkDisconnectLibpod"), _CONNECT),
    "NetworkConnectLibpod":    {"containers": ("container", str), "addresses": ("static_mac", str)},
    **dict.fromkeys(("VolumeCreate", "VolumeCreateLibpod", "SecretCreate", "SecretUpdate", "ConfigCreate",
                     "ConfigUpdate"), _NAMED),
    **dict.fromkeys(("ContainerRename", "ContainerRenameLibpod", "SecretCreateLibpod"), _BY_QUERY),
    **dict.fromkeys(("ImageTag", "ImageTagLibpod"), _BY_QUERY),
    "ImageBuild":              {"tags": ("?t", str), "networks": ("?networkmode", str)},
    "ImageImportLibpod":       {"tags": ("?reference", str)},
    "ImageCreate":             {"from": ("?fromImage", str), "tags": ("?repo", str)},
    "ImagePullLibpod":         {"from": ("?reference", str)},
    "SystemAuth":              {"servers": ("serveraddress", str)},
}
"""By operation and word: where a request asks for a thing, and how. A path like those of the tables of bodies."""

OPENS: Final[Mapping[str, Json]] = {
    "ContainerCreate":       {"HostConfig": {"Privileged": True}},
    "ContainerCreateLibpod": {"privileged": True},
    "ContainerExec":         {"Privileged": True, "Env": ["A=b"]},
    "ContainerExecLibpod":   {"Privileged": True, "Env": ["A=b"]},
}
"""What only an unrestricted grant lets through. Of other operations a parameter that no engine knows is tried."""
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request, the labels of the objects that it names, and whether they were created through the same socket."""

    method: str
    target: str
    body: bytes | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    is_own: bool = False


def make_example(operation: Operation, chosen: Mapping[str, Chosen]) -> Example:
    """Make a request that has what was chosen of each word."""
    query: dict[str, str] = {}
    content: dict[str, Json] = {}
    places = PLACES.get(operation.name, {})
    of_object = WORDS[KINDS[operation.name]] if operation.name in KINDS else ""
    for line in LINES.get(operation.name, ()):
        value = chosen.get(line.word)
        if line.word not in places and value is not None:
            query[line.parameter] = value if isinstance(value, str) else "01"[value is True]
    for word, (path, write) in places.items():
        value = chosen.get(word)
        if value is not None and word != of_object:
            _put(query, content, path, write("\0".join(value) if isinstance(value, tuple) else str(value)))
    opened = chosen.get(UNRESTRICTED.word)
    if opened is True:
        _merge(content, OPENS[operation.name])
    elif opened is False:
        query["example"] = "1"
    labelled = chosen.get(LABELLED)
    named = str(chosen.get(of_object) or NAME) if of_object else NAME
    path = re.sub(r"\{[a-z]+\+\}", named if of_object else IMAGE, re.sub(r"\{[a-z]+\}", named, operation.path))
    table = BODIES.get(operation.name)
    return Example(
        method=operation.method,
        target=quote(path, safe="/:@") + (f"?{urlencode(query, safe='/:@,')}" if query else ""),
        body=json.dumps(content).encode() if table is not None and table.is_read else None,
        labels=dict(labelled.items) if isinstance(labelled, Pairs) else {},  # type: ignore[arg-type] # they are texts
        is_own=chosen.get(OWN) is True,
    )


def _put(query: dict[str, str], content: dict[str, Json], path: str, value: Json) -> None:
    """Put a value at its place in a query or body; what is written at no path is merged into the body."""
    if path.startswith("?"):
        query[path[1:]] = str(value)
        return
    *steps, last = path.split(".")
    below: Json = value
    if last.endswith("[]"):
        last, below = last.removesuffix("[]"), [value]
    if last:
        below = {last: below}
    for step in reversed(steps):
        below = {step: below}
    _merge(content, below)


def _merge(content: dict[str, Json], more: Json) -> None:
    for name, value in more.items() if isinstance(more, dict) else ():
        known = content.get(name)
        if isinstance(known, dict):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            known += value
        else:
            content[name] = value
