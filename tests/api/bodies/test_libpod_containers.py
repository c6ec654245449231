"""The table of what makes a container in Podman's own API is whole, and what reaches the host is refused by it."""

import json
from collections import defaultdict

import pytest
from api.bodies.files import tables_in
from policy.claims.pods import CORPUS, content, create, faults, look, publish

from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json

LIBPOD_CONTAINERS = tables_in("libpod_containers")

GRANTED: dict[str, Value] = {
    "names": ("x?",),
    "images": ("docker.io/library/*",),
    "binds": ("/srv/**:ro",),
    "volumes": ("vol?",),
    "publish": publish("8080", addresses=("127.0.0.1",)),
    "add_capabilities": ("NET_BIND_SERVICE",),
    "joins": ("web",),
    "secrets": ("sec?",),
}
BOUNDED: dict[str, Value] = {
    "memory": "64MiB",
    "cpus": "1",
    "pids": "50",
    "user": "not-root",
    "no_new_privileges": "required",
}

HOST: list[dict[str, Json]] = [
    {"privileged": True},
    {"rootfs": "/"},
    {"rootfs_overlay": True},
    {"rootfs_mapping": "idmap"},
    {"env_host": True},
    {"annotations": {"run.oci.keep_original_groups": "1"}},
    {"log_configuration": {"driver": "passthrough"}},
    {"log_configuration": {"path": "/etc/cron.d/x"}},
    {"log_configuration": {"options": {"path": "/etc/cron.d/x"}}},
    {"conmon_pid_file": "/etc/cron.d/x"},
    {"oci_runtime": "/bin/sh"},
    {"sdnotifyMode": "other"},
    {"hostusers": ["root"]},
    {"sysctl": {"kernel.msgmax": "1"}},
    {"removeImage": True},
    {"dependencyContainers": ["web"]},
    {"init_container_type": "always"},
    {"personality": {"domain": "LINUX32"}},
    {"volumes_from": ["web"]},
    {"init_path": "/bin/sh"},
    {"overlay_volumes": [{"destination": "/x", "source": "/etc"}]},
    {"image_volumes": [{"Source": "busybox", "Destination": "/x", "ReadWrite": True}]},
    {"image_volume_mode": "bind"},
    {"artifact_volumes": [{"source": "a", "destination": "/x"}]},
    {"devices": [{"path": "/dev/vda"}]},
    {"device_cgroup_rule": [{"allow": True, "type": "b"}]},
    {"devices_from": ["web"]},
    {"host_device_list": [{"path": "/dev/vda"}]},
    {"gpus": ["all"]},
    {"storage_opts": {"size": "1"}},
    {"rootfs_propagation": "shared"},
    {"chroot_directories": ["/x"]},
    {"groups": ["keep-groups"]},
    {"cap_add": ["SYS_ADMIN"]},
    {"cap_add": ["all"]},
    {"selinux_opts": ["disable"]},
    {"apparmor_profile": "unconfined"},
    {"seccomp_policy": "image"},
    {"seccomp_profile_path": "unconfined"},
    {"label_nested": True},
    {"procfs_opts": ["hidepid=0"]},
    {"unmask": ["ALL"]},
    {"idmappings": {"UIDMap": [{"container_id": 0, "host_id": 0, "size": 1}]}},
    {"idmappings": {"AutoUserNs": True}},
    {"idmappings": {"AutoUserNsOpts": {"PasswdFile": "/etc/passwd"}}},
    {"cgroups_mode": "disabled"},
    {"cgroup_parent": "/"},
    {"base_hosts_file": "/etc/shadow"},
    {"publish_image_ports": True},
    {"intelRdt": {"closID": "x"}},
    {"oom_score_adj": -1000},
    {"unified": {"memory.max": "max"}},
    {"weightDevice": {"/dev/vda": {"weight": 1}}},
    {"throttleReadBpsDevice": {"/dev/vda": {"rate": 1}}},
    {"resource_limits": {"devices": [{"allow": True}]}},
    {"resource_limits": {"unified": {"memory.max": "max"}}},
    {"resource_limits": {"memory": {"disableOOMKiller": True}}},
    {"resource_limits": {"cpu": {"realtimeRuntime": 1}}},
    {"resource_limits": {"cpu": {"burst": 100000}}},
    {"resource_limits": {"network": {"classID": 1}}},
    {"resource_limits": {"rdma": {"mlx5_0": {"hcaHandles": 1}}}},
    {"resource_limits": {"blockIO": {"weightDevice": [{"major": 8}]}}},
    {"healthLogDestination": "/etc"},
]

DECODED: dict[str, set[str]] = defaultdict(set)
"""What Podman 5.4.2 decodes, by operation: read from the types in its own program."""

for line in (CORPUS / "fields.txt").read_text().splitlines():
    DECODED[line.partition(" ")[0]].add(line.partition(" ")[2])


@pytest.mark.parametrize("name", ["plain", "options", "joining"])
def test_what_podman_itself_sends_passes(name: str) -> None:
    sent = json.loads((CORPUS / f"{name}.json").read_text())
    made = content(look(sent["operation"], content=sent["body"], bounds=GRANTED))
    left = {"systemd", "netns", "pidns", "ipcns", "image", "raw_image_name", "image_volumes"}
    left |= {"containerCreateCommand"}
    assert {key: made[key] for key in sent["body"] if key not in left} == {
        key: value for key, value in sent["body"].items() if key not in left
    }


def test_what_podman_sends_with_all_limits_keeps_to_all_bounds() -> None:
    sent = json.loads((CORPUS / "options.json").read_text())
    assert look(sent["operation"], content=sent["body"], bounds=GRANTED | BOUNDED).faults == ()
    plain = json.loads((CORPUS / "plain.json").read_text())
    words = {fault.word for fault in look(plain["operation"], content=plain["body"], bounds=GRANTED | BOUNDED).faults}
    assert words == BOUNDED.keys() - {"memory", "cpus", "pids"}  # These it gets where it has none.


@pytest.mark.parametrize("operation", sorted(DECODED))
def test_every_field_that_podman_decodes_is_in_the_table(operation: str) -> None:
    known = {field.path.removesuffix("[]") for field in BODIES[operation].fields}
    assert {path for path in DECODED[operation] if path.removesuffix("[]") not in known} == set()


@pytest.mark.parametrize("fields", HOST, ids=lambda fields: json.dumps(fields)[:60])
def test_what_reaches_the_host_is_refused(fields: dict[str, Json]) -> None:
    (fault,) = faults(**fields)
    assert fault.startswith(next(iter(fields)))


@pytest.mark.parametrize("key", ["PRIVILEGED", "Privileged", "privileged\u017f", "\u017fystemd"])
def test_a_field_is_known_in_any_spelling_that_podman_reads(key: str) -> None:
    if key.startswith("\u017f"):
        assert content(create(**{key: "true"}))["systemd"] == "false"
    else:
        assert len(faults(**{key: True})) == 1


def test_a_field_in_two_spellings_is_refused() -> None:
    assert faults(privileged=False, PRIVILEGED=True) == ["privileged is true, a repeated field"]


def test_a_parameter_that_podman_might_read_is_refused() -> None:
    (fault,) = look("ContainerCreateLibpod", "?name=x", {"image": "busybox"}).faults
    assert fault.path == "?name"


def test_the_table_is_about_one_operation() -> None:
    assert set(LIBPOD_CONTAINERS) == {"ContainerCreateLibpod"}
