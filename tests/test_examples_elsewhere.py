"""The examples for Kubernetes and Nomad, which no test runs: read strictly, and held to what the proxy needs.

Kubernetes' keys and types come from generated models of its API. Nomad publishes no schema, so its keys are here, as
in its documentation (https://developer.hashicorp.com/nomad/docs/job-specification).

Attack: publish an image under a name that an example has, and get the engine's socket -> Defence: the name is that of
a local image, or in a registry that does not exist (test: test_no_example_takes_the_proxy_from_a_public_registry).
"""

import dataclasses
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import NoneType, SimpleNamespace
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import pytest
import yaml
from hcl2.api import loads

from dockerproxy.cli.main import make_parser
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.environment import KNOWN
from dockerproxy.problems import UserError
from dockerproxy.version import VERSION

ROOT = Path(__file__).parent.parent
DAEMONSET = ROOT / "examples/kubernetes/daemonset.yaml"
JOB = ROOT / "examples/nomad/dockerproxy.nomad.hcl"

ANY_NAME: Final = "*"
MOUNT = {"type": str, "source": str, "target": str, "readonly": bool}
CONFIG = {
    "image": str,
    "args": list[str],
    "command": str,
    "entrypoint": list[str],
    "force_pull": bool,
    "network_mode": str,
    "readonly_rootfs": bool,
    "cap_drop": list[str],
    "cap_add": list[str],
    "security_opt": list[str],
    "pids_limit": int,
    "userns_mode": str,
    "privileged": bool,
    "mount": [MOUNT],
}
TASK = {
    "driver": str,
    "user": str,
    "kill_signal": str,
    "kill_timeout": str,
    "config": [CONFIG],
    "env": [{ANY_NAME: str}],
    "resources": [{"cpu": int, "cores": int, "memory": int, "memory_max": int}],
    "template": [{"destination": str, "data": str, "source": str, "perms": str, "change_mode": str}],
}
GROUP = {"count": int, "task": [{ANY_NAME: TASK}]}
NOMAD = {"job": [{ANY_NAME: {"type": str, "datacenters": list[str], "node_pool": str, "group": [{ANY_NAME: GROUP}]}}]}
"""Keys by block: a list for one that may be repeated, and any name where a block has a label."""

GROUPS = {"v1": "core_v1", "apps/v1": "apps_v1", "networking.k8s.io/v1": "networking_v1"}
"""The modules of Kubernetes' models by `apiVersion`."""


@cache
def find_model(version: str, kind: str) -> Any:
    """Return the class of a kind. Of the client that the models are made for, they need no more than this."""
    needed = SimpleNamespace(dataclass=dataclass, field=dataclasses.field, DictMixin=object)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "lightkube.core.schema", needed)
        return getattr(import_module(f"lightkube.models.{GROUPS[version]}"), kind)


def find_mistakes(value: Any, known: Any, place: str = "") -> Iterator[str]:
    """Compare a value with a table of keys, a model, or a type: unknown and missing keys, and other types."""
    options = [each for each in get_args(known) if each is not NoneType] if get_origin(known) is Union else [known]
    if type(value) not in {find_kind(each) for each in options}:
        yield f"{place} is of another type"
    elif isinstance(value, list):
        (item,) = options[0] if isinstance(options[0], list) else get_args(options[0])
        for number, each in enumerate(value):
            yield from find_mistakes(each, item, f"{place}[{number}]")
    elif isinstance(value, dict) and options != [dict]:
        yield from find_mistakes_of_keys(value, options[0], place)


def find_kind(known: Any) -> Any:
    if isinstance(known, dict) or dataclasses.is_dataclass(known):
        return dict
    return list if isinstance(known, list) else get_origin(known) or known


def find_mistakes_of_keys(value: Mapping[str, Any], known: Any, place: str) -> Iterator[str]:
    if dataclasses.is_dataclass(known):
        needed = [each.name for each in dataclasses.fields(known) if each.default is dataclasses.MISSING]
        yield from (f"{place}.{name} is missing" for name in needed if name not in value)
        known = get_type_hints(known)
    for key, each in value.items():
        if wanted := known.get(key, known.get(ANY_NAME)):
            yield from find_mistakes(each, wanted, f"{place}.{key}")
        else:
            yield f"{place}.{key} is unknown"


@dataclass(frozen=True)
class Deployed:
    """What an example makes of the proxy.

    Attributes:
        mistakes: In its keys and types.
        image: Its name.
        calls: The words of each call of `dockerproxy`.
        environment: Variables.
        policy: Where the policy is, and what it says.
        mounts: By their place in the container: where on the host, and whether they are read-only.
        locks: Those of the container, and whether they are on.
    """

    mistakes: tuple[str, ...]
    image: str
    calls: tuple[list[str], ...]
    environment: Mapping[str, str]
    policy: tuple[str, str]
    mounts: Mapping[str, tuple[str, bool]]
    locks: Mapping[str, bool]


def read_daemonset(text: str) -> Deployed:
    documents = list(yaml.safe_load_all(text))
    mistakes = [
        f"{document['kind']}{mistake}"
        for document in documents
        for mistake in find_mistakes(document, find_model(document["apiVersion"], document["kind"]))
    ]
    found = {document["kind"]: document for document in documents}
    pod = found["DaemonSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    security = container["securityContext"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {
        each["mountPath"]: (volumes[each["name"]], each.get("readOnly", False)) for each in container["volumeMounts"]
    }
    (policy,) = (
        (f"{place}/{name}", text)
        for place, (volume, _) in mounts.items()
        if volume.get("configMap") == {"name": found["ConfigMap"]["metadata"]["name"]}
        for name, text in found["ConfigMap"]["data"].items()
    )
    return Deployed(
        tuple(mistakes),
        container["image"],
        (container["args"], container["livenessProbe"]["exec"]["command"][1:]),
        {each["name"]: each["value"] for each in container["env"]},
        policy,
        {place: (volume["hostPath"]["path"], only) for place, (volume, only) in mounts.items() if "hostPath" in volume},
        {
            "a read-only root": security.get("readOnlyRootFilesystem") is True,
            "no capabilities": security.get("capabilities") == {"drop": ["ALL"]},
            "no new privileges": security.get("allowPrivilegeEscalation") is False,
            "no network": found["NetworkPolicy"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
            and not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(),
            "no privileges": "privileged" not in security,
            "no token": pod.get("automountServiceAccountToken") is False,
            "the system calls of the runtime": security.get("seccompProfile") == {"type": "RuntimeDefault"},
        },
    )


def read_job(text: str) -> Deployed:
    job = loads(text)
    mistakes = tuple(find_mistakes(job, NOMAD))
    group = job["job"][0]["dockerproxy"]["group"][0]["dockerproxy"]
    task = group["task"][0]["dockerproxy"]
    config, template = task["config"][0], task["template"][0]
    grace = re.search(r"SHUTDOWN_GRACE=(\d+)", (ROOT / "Dockerfile").read_text())
    assert grace is not None
    return Deployed(
        mistakes,
        config["image"],
        (config["args"],),
        task["env"][0],
        (f"/{template['destination']}", template["data"]),
        {each["target"]: (each["source"], each.get("readonly", False)) for each in config["mount"]},
        {
            "a read-only root": config.get("readonly_rootfs") is True,
            "no capabilities": config.get("cap_drop") == ["all"] and "cap_add" not in config,
            "no new privileges": config.get("security_opt") == ["no-new-privileges"],
            "no network": config.get("network_mode") == "none",
            "time to stop": int(task.get("kill_timeout", "5s").removesuffix("s")) > int(grace[1]),
            "no privileges": "privileged" not in config,
        },
    )


def find_faults(deployed: Deployed, folder: Path) -> Iterator[str]:
    """Find where an example is not what the proxy needs, or gives it more."""
    yield from deployed.mistakes
    yield from (f"{lock} is missing" for lock, is_on in deployed.locks.items() if not is_on)
    yield from (f"{name} is no variable of the proxy" for name in deployed.environment.keys() - {*KNOWN})
    if not deployed.image.endswith(f"/dockerproxy:{VERSION}"):
        yield f"{deployed.image} is not the image of this version"
    place, text = deployed.policy
    for call in deployed.calls:
        if make_parser(call[:1]).parse_args(call).policy != place:
            yield f"{call[0]} has another policy than {place}"
    (folder / "policy.yaml").write_text(text)
    try:
        configured = read_configuration(deployed.environment, str(folder / "policy.yaml"))
    except UserError as error:
        yield str(error)
        return
    yield from map(str, configured.warnings)
    wanted = {
        f"/proxied/{socket.name}": (f"/run/dockerproxy/{socket.name}", False) for socket in configured.settings.sockets
    }
    yield from (
        f"{socket.path} is in another place than /proxied/{socket.name}"
        for socket in configured.settings.sockets
        if socket.path != f"/proxied/{socket.name}/docker.sock"
    )
    if deployed.mounts != {**wanted, "/var/run/docker.sock": ("/run/docker.sock", True)}:
        yield f"the mounts are {deployed.mounts}"
    if "/var/run/docker.sock" not in configured.settings.engines:
        yield "the engine is sought elsewhere"


@pytest.mark.parametrize(
    ("example", "read"), [(DAEMONSET, read_daemonset), (JOB, read_job)], ids=["kubernetes", "nomad"]
)
def test_an_example_that_is_not_run_is_what_the_proxy_needs_and_no_more(
    example: Path, read: Callable[[str], Deployed], tmp_path: Path
) -> None:
    assert list(find_faults(read(example.read_text()), tmp_path)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true", "readOnlyRootFileSystem is unknown"),
        ("hostPath: {path: /run/docker.sock,", "hostpath: {path: /run/docker.sock,", "hostpath is unknown"),
        ("  selector:\n    matchLabels: {app: dockerproxy}\n", "", "DaemonSet.spec.selector is missing"),
        ("runAsUser: 0", 'runAsUser: "0"', "runAsUser is of another type"),
        ("tolerations: [{operator: Exists}]", "tolerations: {operator: Exists}", "tolerations is of another type"),
        (
            "updateStrategy: {rollingUpdate: {maxUnavailable: 1}}",
            "updateStrategy: now",
            "updateStrategy is of another type",
        ),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "a read-only root is missing"),
        ("drop: [ALL]", "drop: [NET_RAW]", "no capabilities is missing"),
        ("{drop: [ALL]}", "{drop: [ALL], add: [SYS_ADMIN]}", "no capabilities is missing"),
        ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "no new privileges is missing"),
        ("[Ingress, Egress]", "[Ingress]", "no network is missing"),
        ("enableServiceLinks: false", "hostNetwork: true", "no network is missing"),
        ("runAsUser: 0", "privileged: true", "no privileges is missing"),
        ("automountServiceAccountToken: false", "automountServiceAccountToken: true", "no token is missing"),
        ("type: RuntimeDefault", "type: Unconfined", "the system calls of the runtime is missing"),
        ("name: LOG_FORMAT", "name: LOG_STYLE", "LOG_STYLE is no variable of the proxy"),
        ("name: LOG_FORMAT", "name: ALLOW", "conflicts with the policy file"),
        ("value: json", "value: jsn", "LOG_FORMAT"),
        ("preset:vector", "preset:vektor", "vektor"),
        (f"dockerproxy:{VERSION}", "dockerproxy:latest", "is not the image of this version"),
        ("[serve, --policy, /policy/policy.yaml]", "[serve, --policy, /policy.yaml]", "serve has another policy"),
        ("--policy, /policy/policy.yaml]}", "--policy, /policy.yaml]}", "healthcheck has another policy"),
        ("path: /proxied/vector/docker.sock", "path: /proxied/docker.sock", "is in another place"),
        ("path: /run/dockerproxy/vector, type: DirectoryOrCreate", "path: /run", "the mounts are"),
        ("mountPath: /var/run/docker.sock, readOnly: true", "mountPath: /var/run/docker.sock", "the mounts are"),
        ("mountPath: /var/run/docker.sock", "mountPath: /run/docker.sock", "the mounts are"),
    ],
)
def test_a_daemonset_that_is_broken_in_one_place_is_found(old: str, new: str, fault: str, tmp_path: Path) -> None:
    assert_found(DAEMONSET, read_daemonset, (old, new), fault, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("readonly_rootfs = true", "read_only_rootfs = true", "read_only_rootfs is unknown"),
        ('type = "system"', 'kind = "system"', "kind is unknown"),
        ("cpu    = 50", 'cpu = "50"', "cpu is of another type"),
        ("cpu    = 50", "cpu = true", "cpu is of another type"),
        ('cap_drop        = ["all"]', 'cap_drop = "all"', "cap_drop is of another type"),
        ("resources {", "limits {", "limits is unknown"),
        ("readonly = true", "read_only = true", "read_only is unknown"),
        ("readonly_rootfs = true", "readonly_rootfs = false", "a read-only root is missing"),
        ('["all"]', '["net_raw"]', "no capabilities is missing"),
        ('["all"]', '["all"]\n cap_add = ["sys_admin"]', "no capabilities is missing"),
        ('["no-new-privileges"]', "[]", "no new privileges is missing"),
        ('network_mode    = "none"', 'network_mode = "host"', "no network is missing"),
        ('["all"]', '["all"]\n privileged = true', "no privileges is missing"),
        ('kill_timeout = "10s"', "", "time to stop is missing"),
        ("LOG_FORMAT =", "LOG_STYLE =", "LOG_STYLE is no variable of the proxy"),
        ("LOG_FORMAT =", "ALLOW =", "conflicts with the policy file"),
        ('"json"', '"jsn"', "LOG_FORMAT"),
        ("preset:vector", "preset:vektor", "vektor"),
        (f"dockerproxy:{VERSION}", "dockerproxy:latest", "is not the image of this version"),
        ('"local/policy.yaml"', '"local/policy.yml"', "serve has another policy"),
        ("path: /proxied/vector/docker.sock", "path: /proxied/docker.sock", "is in another place"),
        ('source = "/run/dockerproxy/vector"', 'source = "/run"', "the mounts are"),
        ("          readonly = true\n", "", "the mounts are"),
        ('"/var/run/docker.sock"', '"/run/docker.sock"', "the mounts are"),
    ],
)
def test_a_job_that_is_broken_in_one_place_is_found(old: str, new: str, fault: str, tmp_path: Path) -> None:
    assert_found(JOB, read_job, (old, new), fault, tmp_path)


def assert_found(
    example: Path, read: Callable[[str], Deployed], change: tuple[str, str], fault: str, folder: Path
) -> None:
    text = example.read_text()
    assert change[0] in text
    found = list(find_faults(read(text.replace(*change, 1)), folder))
    assert any(fault in each for each in found), found


# Whoever publishes an image names it here, and takes `build:` out of the examples.
NAMES = {
    "dockerproxy",
    "localhost/dockerproxy",
    "localhost/dockerproxy:latest",
    f"registry.example/dockerproxy:{VERSION}",
}
NAMING = re.compile(r"""(?:image\b["']?\s*[:=]\s*|--tag[ =])["']?([\w./:-]*dockerproxy[\w./:-]*)""", re.IGNORECASE)


@pytest.mark.parametrize("name", ["README.md", "Dockerfile", "docs/install.md", "examples"])
def test_no_example_takes_the_proxy_from_a_public_registry(name: str) -> None:
    files = [path for path in (ROOT / name, *sorted((ROOT / name).rglob("*"))) if path.is_file()]
    found = {reference for path in files for reference in NAMING.findall(path.read_text())}
    assert found <= NAMES
    assert bool(found) is (name != "README.md")


@pytest.mark.parametrize("path", sorted((ROOT / "examples/compose").glob("*.yaml")), ids=lambda path: path.name)
def test_compose_builds_the_proxy_and_asks_no_registry_for_it(path: Path) -> None:
    proxy = yaml.safe_load(path.read_text())["services"]["dockerproxy"]
    assert (proxy["image"], proxy["build"], proxy["pull_policy"]) == ("dockerproxy", "../..", "never")
