"""What an inspection shows of the engine's own defaults passes, goes no further, and nothing else passes with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.words.transcripts import look_at

from dockerproxy.wire.document import Json

MASKED = [
    *("/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"),
    *("/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"),
]
LATER = [
    *("/sys/devices/virtual/powercap", "/proc/interrupts", "/sys/devices/system/cpu/cpu0/thermal_throttle"),
    "/sys/devices/system/cpu/cpu127/thermal_throttle",
]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
OTHERS = ["", "/", "/proc", "/proc/kcore/", "/proc/./kcore", "/Proc/kcore", "/proc/k\u0441ore", "/sys", "/data"]
PATHS = st.lists(st.sampled_from([*MASKED, *LATER, *READ_ONLY, *OTHERS]), max_size=20)


def faults(body: Json, operation: str = "ContainerCreate") -> list[str]:
    return [fault.path for fault in look_at(operation, body, {"networks": ("ci_default", "other")}).faults]


def host_config(**fields: Json) -> dict[str, Json]:
    content = look_at("ContainerCreate", {"HostConfig": {"NetworkMode": "none", **fields}}).content
    assert isinstance(content, dict)
    sent = content["HostConfig"]
    assert isinstance(sent, dict)
    return sent


def endpoint(**fields: Json) -> Json:
    return {"HostConfig": {"NetworkMode": "none"}, "NetworkingConfig": {"EndpointsConfig": {"ci_default": fields}}}


@given(PATHS | st.permutations([*MASKED, *LATER]) | st.permutations(MASKED))
def test_no_list_of_paths_hides_less_than_the_engine(paths: list[str]) -> None:
    whole = set(MASKED) <= set(paths) <= {*MASKED, *LATER}
    body: Json = {"HostConfig": {"NetworkMode": "none", "MaskedPaths": list[Json](paths)}}
    assert faults(body) == ([] if whole else ["HostConfig.MaskedPaths"])


@given(PATHS | st.permutations(READ_ONLY))
def test_no_list_of_paths_makes_more_writable_than_the_engine(paths: list[str]) -> None:
    body: Json = {"HostConfig": {"NetworkMode": "none", "ReadonlyPaths": list[Json](paths)}}
    assert faults(body) == ([] if set(paths) == set(READ_ONLY) else ["HostConfig.ReadonlyPaths"])


@given(st.permutations([*MASKED, *LATER]), st.permutations(READ_ONLY))
def test_the_engine_s_own_lists_are_what_it_has_and_not_what_was_sent(masked: list[str], read_only: list[str]) -> None:
    sent = host_config(MaskedPaths=list[Json](masked), ReadonlyPaths=list[Json](read_only))
    assert (sent["MaskedPaths"], sent["ReadonlyPaths"]) == (None, None)


@pytest.mark.parametrize("name", ["runc", "oci"])
def test_the_runtime_is_the_operator_s(name: str) -> None:
    assert host_config(Runtime=name)["Runtime"] is None


@pytest.mark.parametrize("name", ["runsc", "crun", "io.containerd.runc.v2", "/bin/sh", "Runc", "runc ", "runc,oci"])
def test_another_runtime_is_refused(name: str) -> None:
    assert faults({"HostConfig": {"NetworkMode": "none", "Runtime": name}}) == ["HostConfig.Runtime"]
    assert "Runtime" in faults({"HostConfig": {"NetworkMode": "none"}, "Runtime": "runc"})


@pytest.mark.parametrize("field", ["PidMode", "UTSMode", "CgroupnsMode"])
def test_a_namespace_of_its_own_is_said_as_podman_shows_it(field: str) -> None:
    assert host_config(**{field: "private"})[field] == "private"
    for mode in ("host", "Private", "private ", "ns:/proc/1/ns/pid"):
        assert faults({"HostConfig": {"NetworkMode": "none", field: mode}}) == [f"HostConfig.{field}"]


def test_control_groups_of_the_host_are_only_what_an_inspection_shows_and_the_engine_decides() -> None:
    sent = host_config(CgroupnsMode="host", MaskedPaths=list[Json](MASKED))
    assert sent["CgroupnsMode"] is None
    nothing: tuple[Json, ...] = (None, [])
    for masked in nothing:
        body: Json = {"HostConfig": {"NetworkMode": "none", "CgroupnsMode": "host", "MaskedPaths": masked}}
        assert "HostConfig.CgroupnsMode" in faults(body)


@given(st.permutations(["CgroupnsMode", "Annotations"]))
def test_control_groups_are_left_out_of_an_inspection_of_podman_in_any_order(names: list[str]) -> None:
    shown: dict[str, Json] = {"CgroupnsMode": "host", "Annotations": {"io.podman.annotations.pids-limit": "0"}}
    assert host_config(**{name: shown[name] for name in names}) == {"NetworkMode": "none", **dict.fromkeys(names)}


def test_podman_s_own_annotations_are_left_out_and_others_refused() -> None:
    own: dict[str, Json] = {"io.container.manager": "libpod", "org.systemd.property.KillSignal": "15"}
    assert host_config(Annotations=own)["Annotations"] is None
    for name in ("run.oci.seccomp_bpf_data", "io.podman.annotations.privileged", "IO.container.manager", ""):
        body: Json = {"HostConfig": {"NetworkMode": "none", "Annotations": {**own, name: "x"}}}
        assert faults(body) == [f'HostConfig.Annotations["{name}"]']


OPERATIONAL: dict[str, Json] = {
    "NetworkID": "0057".ljust(64, "0"),
    "EndpointID": "e",
    "Gateway": "192.0.2.1",
    "IPAddress": "192.0.2.2",
    "IPPrefixLen": 24,
    "IPv6Gateway": "2001:db8::1",
    "GlobalIPv6Address": "2001:db8::2",
    "GlobalIPv6PrefixLen": 64,
}


def test_a_network_is_joined_by_its_judged_name() -> None:
    content = look_at("ContainerCreate", endpoint(**OPERATIONAL, Aliases=["db"]), {"networks": ("ci_default",)}).content
    assert isinstance(content, dict)
    assert content["NetworkingConfig"] == {"EndpointsConfig": {"ci_default": {"Aliases": ["db"]}}}


@given(st.permutations([*OPERATIONAL, "MacAddress"]))
def test_an_address_on_the_link_is_left_out_where_the_engine_gave_it(names: list[str]) -> None:
    shown: dict[str, Json] = {name: OPERATIONAL.get(name, "02:42:ac:11:00:02") for name in names}
    seen = look_at("ContainerCreate", endpoint(**shown), {"networks": ("ci_default",)})
    assert seen.faults == ()
    assert "02:42" not in str(seen.content)


@pytest.mark.parametrize("network", [None, ""])
def test_an_address_on_the_link_that_a_client_chose_is_refused(network: Json) -> None:
    path = 'NetworkingConfig.EndpointsConfig["ci_default"].MacAddress'
    assert faults(endpoint(NetworkID=network, MacAddress="02:42:ac:11:00:99")) == [path]
    body: Json = {"Container": "web", "EndpointConfig": {"NetworkID": network, "MacAddress": "02:42:ac:11:00:99"}}
    assert "EndpointConfig.MacAddress" in faults(body, "NetworkConnect")


def test_a_container_is_put_back_into_a_network_as_it_was_in_it() -> None:
    config: Json = {**OPERATIONAL, "MacAddress": "02:42:ac:11:00:02", "Aliases": ["db"]}
    seen = look_at("NetworkConnect", {"Container": "web", "EndpointConfig": config})
    assert not [fault for fault in seen.faults if fault.path.startswith("EndpointConfig")]
    assert isinstance(seen.content, dict)
    assert seen.content["EndpointConfig"] == {"MacAddress": None, "Aliases": ["db"]}


def test_the_file_of_an_id_is_the_client_s_business() -> None:
    assert "ContainerIDFile" not in host_config(ContainerIDFile="/etc/passwd")
    name = "io.podman.annotations.cid-file"
    assert host_config(Annotations={name: "/etc/passwd"})["Annotations"] is None
