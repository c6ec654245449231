"""What a container of Podman's shares is its own, or granted: namespaces, networks, pods."""

import pytest
from policy.claims.pods import POD, content, create, faults
from policy.policies import ID

from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json

ID_OF_WEB = ID
JOINS = {"joins": ("web", "by-path")}


@pytest.mark.parametrize("name", ["pidns", "ipcns", "netns", "utsns", "cgroupns"])
@pytest.mark.parametrize("space", [{}, None, {"nsmode": ""}, {"nsmode": "default"}, {"nsmode": "private"}])
def test_namespaces_of_its_own_need_no_grant(name: str, space: Json) -> None:
    assert faults(**{name: space}) == []


@pytest.mark.parametrize("name", ["pidns", "ipcns", "netns", "utsns", "cgroupns", "userns"])
@pytest.mark.parametrize(
    "space",
    [
        {"nsmode": "host"},
        {"nsmode": "path", "value": "/proc/1/ns/net"},
        {"nsmode": "private", "value": "/proc/1/ns/net"},
        {"nsmode": "pod"},
        {"nsmode": "ns:/proc/1/ns/net"},
    ],
)
def test_namespaces_of_the_host_are_refused(name: str, space: Json) -> None:
    found = faults({"networks": ("**",), "joins": ("**",)}, **{name: space})
    assert found
    assert all(fault.startswith(name) for fault in found)


@pytest.mark.parametrize("mode", ["none", "shareable"])
def test_memory_is_shared_with_nobody_or_with_those_who_may_join(mode: str) -> None:
    assert faults(ipcns={"nsmode": mode}) == []


@pytest.mark.parametrize("name", ["pidns", "ipcns", "netns"])
def test_a_container_is_joined_under_its_whole_id(name: str) -> None:
    space: Json = {"nsmode": "container", "value": "web"}
    made = content(create(JOINS, **{name: space}))
    assert made[name] == {"nsmode": "container", "value": ID_OF_WEB}


@pytest.mark.parametrize("name", ["pidns", "ipcns", "netns"])
@pytest.mark.parametrize("joined", ["by-path", "absent", "/proc/1/ns/net", ""])
def test_no_other_container_is_joined(name: str, joined: str) -> None:
    space: Json = {"nsmode": "container", "value": joined}
    (fault, *_) = faults(JOINS, **{name: space})
    assert fault.startswith(f"{name}.value ")


def test_joining_needs_a_grant() -> None:
    (fault,) = create(netns={"nsmode": "container", "value": "web"}).faults
    assert (fault.path, fault.word, fault.value) == ("netns.value", "joins", ("web",))


@pytest.mark.parametrize(
    ("bounds", "fields"),
    [
        ({}, {}),
        ({}, {"netns": {"nsmode": "none"}}),
        ({}, {"netns": {"nsmode": "bridge"}, "Networks": {"default": {}}}),
        ({}, {"netns": {"nsmode": "bridge"}, "Networks": {"podman": {}}}),
        ({"networks": ("podman",)}, {}),
        ({"networks": ("default",)}, {"Networks": {"podman": {}}}),
        ({"networks": ("ci",)}, {"netns": {"nsmode": "none"}}),
        ({"networks": ("ci",)}, {"netns": {"nsmode": "bridge"}, "Networks": {"ci": {"aliases": ["db"]}}}),
        ({"networks": ("ci",)}, {"Networks": {"ci": None}}),
    ],
)
def test_networks_are_joined_that_are_granted(bounds: dict[str, Value], fields: dict[str, Json]) -> None:
    assert faults(bounds, **fields) == []


@pytest.mark.parametrize(
    ("bounds", "fields", "where"),
    [
        ({}, {"Networks": {"ci": {}}}, 'Networks["ci"]'),
        ({"networks": ("ci",)}, {}, "netns"),
        ({"networks": ("ci",)}, {"netns": {"nsmode": "bridge"}, "Networks": {}}, "netns"),
        ({"networks": ("ci",)}, {"Networks": {"podman": {}}}, 'Networks["podman"]'),
        ({"networks": ("ci",)}, {"Networks": {"ci": {}, "db": {}}}, 'Networks["db"]'),
        ({"networks": ("**",)}, {"netns": {"nsmode": "slirp4netns"}}, "netns.nsmode"),
        ({"networks": ("**",)}, {"netns": {"nsmode": "pasta"}}, "netns.nsmode"),
        ({}, {"netns": {"nsmode": "bridge", "value": "-T,auto"}}, "netns.value"),
        ({"networks": ("**",)}, {"network_options": {"slirp4netns": ["allow_host_loopback=true"]}}, "network_options"),
        ({"networks": ("**",)}, {"cni_networks": ["ci"]}, "cni_networks"),
        ({"networks": ("**",)}, {"Networks": {"ci": {"static_mac": "aa:bb:cc:dd:ee:ff"}}}, 'Networks["ci"].static_mac'),
        (
            {"networks": ("**",)},
            {"Networks": {"ci": {"options": {"host_interface_name": "eth0"}}}},
            'Networks["ci"].options',
        ),
    ],
)
def test_no_other_network_is_joined(bounds: dict[str, Value], fields: dict[str, Json], where: str) -> None:
    (fault,) = faults(bounds, **fields)
    assert fault.startswith(f"{where} ")


def test_networks_stand_in_their_order_under_the_names_they_are_joined_by() -> None:
    networks: dict[str, Json] = {"podman": {}, "ci": None}
    made = content(create({"networks": ("ci", "podman")}, Networks=networks, networkOrder=["ci", "podman"]))
    joined = made["Networks"]
    assert isinstance(joined, dict)
    assert made["networkOrder"] == [next(name for name in joined if name != "podman"), "podman"]


@pytest.mark.parametrize("name", ["host", "db", "../ci"])
def test_no_other_network_stands_in_the_order(name: str) -> None:
    found = faults({"networks": ("ci",)}, Networks={"ci": {}}, networkOrder=["ci", name])
    assert [fault.split()[0] for fault in found] == [f'networkOrder["{name}"]']


OF_POD = {"pods": ("ci", "apart", "hostly", "named", "open", "gone"), "binds": ("/srv/ci:ro",), "volumes": ("ci_data",)}


def test_a_pod_is_joined_under_its_whole_id() -> None:
    assert content(create(OF_POD, pod="ci"))["pod"] == POD
    assert faults(pod="") == []


def test_a_pod_whose_mounts_are_not_granted_is_not_joined() -> None:
    found = create({"pods": ("ci",)}, pod="ci").faults
    assert [(fault.path, fault.word) for fault in found] == [("pod", "binds"), ("pod", "volumes")]


@pytest.mark.parametrize("pod", ["hostly", "named", "open", "gone", "absent", "/x"])
def test_a_pod_on_the_host_is_not_joined(pod: str) -> None:
    (fault,) = faults({**OF_POD, "pods": ("**",)}, pod=pod)
    assert fault.startswith("pod ")


def test_joining_a_pod_needs_a_grant() -> None:
    (fault,) = create(pod="ci").faults
    assert (fault.path, fault.word, fault.value) == ("pod", "pods", ("ci",))


def test_a_container_of_a_pod_has_its_network_from_there_if_that_is_shared() -> None:
    bounds = {**OF_POD, "networks": ("ci",)}
    assert faults(bounds, pod="ci") == []
    (fault,) = faults(bounds, pod="apart")
    assert fault.startswith("netns ")
