"""What Podman's own API says is bounded as Docker's is: mounts, images, ports, limits, secrets."""

import pytest
from policy.claims.pods import BUSYBOX, content, create, faults, look, publish

from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import Json

SRV = {"binds": ("/srv/ci/**", "/etc/localtime:ro")}
IMAGES: dict[str, Value] = {"images": ("docker.io/library/busybox",)}
LABELS: dict[str, Value] = {"labels": Pairs((("owner", "ci"),))}


def mount(**fields: Json) -> Json:
    return [{"destination": "/x", **fields}]


@pytest.mark.parametrize(
    "mounts",
    [
        mount(type="bind", source="/srv/ci/data", options=["rbind", "rprivate", "nosuid", "z"]),
        mount(type="bind", source="/srv/ci/data", options=["ro", "Z"]),
        mount(type="bind", source="/etc/localtime", options=["ro"]),
        mount(type="tmpfs", source="tmpfs", options=["size=1m", "mode=1777", "notmpcopyup", "rprivate"]),
        mount(type="tmpfs"),
    ],
)
def test_directories_that_are_granted_and_memory_are_mounted(mounts: Json) -> None:
    assert content(create(SRV, mounts=mounts))["mounts"] == mounts


@pytest.mark.parametrize("options", [[], ["notmpcopyup"]])
def test_memory_is_not_filled_from_a_volume(options: Json) -> None:
    memory = mount(type="tmpfs", options=options, destination="/v/t")
    volumes: Json = [{"Name": "ci_data", "Dest": "/v"}]
    found = create({"volumes": ("ci_data",)}, mounts=memory, volumes=volumes)
    assert [each.path for each in found.faults] == ([] if options else ["mounts"])


@pytest.mark.parametrize(
    ("mounts", "where"),
    [
        (mount(type="bind", source="/etc", options=["rbind"]), "mounts[0].source"),
        (mount(type="bind", source="/srv/ci/../../etc"), "mounts[0].source"),
        (mount(type="bind", source="srv"), "mounts[0].source"),
        (mount(type="bind"), "mounts[0].source"),
        (mount(type="bind", source="/etc/localtime"), "mounts[0].source"),
        (mount(type="bind", source="/etc/localtime", options=["ro", "Z"]), "mounts[0].source"),
        (mount(type="bind", source="/etc/localtime", options=["z", "ro"]), "mounts[0].source"),
        (mount(type="bind", source="/etc/localtime", options=["ro", "rw"]), "mounts[0].source"),
        (mount(type="bind", source="/srv/ci/data", destination="x"), "mounts[0].destination"),
        (mount(type="bind", source="/srv/ci/data", options=["rshared"]), "mounts[0].options"),
        (mount(type="bind", source="/srv/ci/data", options=["ro,rshared"]), "mounts[0].options"),
        (mount(type="bind", source="/srv/ci/data", options=["U"]), "mounts[0].options"),
        (mount(type="bind", source="/srv/ci/data", options=["idmap"]), "mounts[0].options"),
        (mount(source="/etc", options=["rbind"]), "mounts[0].type"),
        (mount(type="BIND", source="/srv/ci/data"), "mounts[0].type"),
        (mount(type="overlay", source="overlay", options=["lowerdir=/etc:/srv"]), "mounts[0].type"),
        (mount(type="proc", source="proc"), "mounts[0].type"),
        (mount(type="devpts"), "mounts[0].type"),
        (mount(type="glob", source="/srv/ci/*"), "mounts[0].type"),
        (mount(type="tmpfs", source="/etc", options=["size=1m"]), "mounts[0].source"),
        (mount(type="tmpfs", options=["rbind"]), "mounts[0]"),
        (mount(type="tmpfs", options=["dev"]), "mounts[0]"),
        (mount(type="tmpfs", destination="/x/.."), "mounts[0]"),
        (mount(type="bind", source="/srv/ci/data", uidMappings=[{"hostID": 0}]), "mounts[0].uidMappings"),
    ],
)
def test_no_other_mount_is_made(mounts: Json, where: str) -> None:
    (fault,) = faults(SRV, mounts=mounts)
    assert fault.startswith(f"{where} ")


def test_a_volume_is_mounted_by_a_name_that_is_granted_or_none() -> None:
    granted = {"volumes": ("ci_*",)}
    volumes: Json = [
        {"Name": "ci_data", "Dest": "/v", "Options": ["ro", "copy"], "SubPath": "a/b"},
        {"Name": "", "Dest": "/w"},
    ]
    assert faults(granted, volumes=volumes) == []
    (fault,) = faults(volumes=volumes)
    assert fault == 'volumes[0].Name is "ci_data", a volume that no rule allows'


@pytest.mark.parametrize(
    ("volume", "where"),
    [
        ({"Name": "/etc", "Dest": "/v"}, "volumes[0].Name"),
        ({"Name": "ci_data:O", "Dest": "/v"}, "volumes[0].Name"),
        ({"Name": "disguise", "Dest": "/v"}, "volumes[0].Name"),
        ({"Name": "ci_data", "Dest": "v"}, "volumes[0].Dest"),
        ({"Name": "ci_data", "Dest": "/v", "Options": ["O", "upperdir=/etc"]}, "volumes[0].Options"),
        ({"Name": "ci_data", "Dest": "/v", "Options": ["dev"]}, "volumes[0].Options"),
        ({"Name": "ci_data", "Dest": "/v", "SubPath": "../../etc"}, "volumes[0].SubPath"),
        ({"Name": "ci_data", "Dest": "/v", "SubPath": "/etc"}, "volumes[0].SubPath"),
        ({"Name": "ci_data", "Dest": "/v", "SubPath": "x,src=/etc"}, "volumes[0].SubPath"),
        ({"Name": "ci_data", "Dest": "/v", "IsAnonymous": True}, "volumes[0].IsAnonymous"),
    ],
)
def test_a_volume_is_no_directory_of_the_host(volume: Json, where: str) -> None:
    found = faults({"volumes": ("ci_*", "disguise", "**")}, volumes=[volume])
    assert {fault.split(" ")[0] for fault in found} == {where}


@pytest.mark.parametrize(
    ("named", "goes_on"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("ci/app:1", "docker.io/library/busybox:latest"),
        ("docker.io/library/busybox", "docker.io/library/busybox"),
        (BUSYBOX[:8], "docker.io/library/busybox:latest"),
    ],
)
def test_an_image_goes_on_under_a_name_that_is_granted(named: str, goes_on: str) -> None:
    inspected = look("ContainerCreateLibpod", content={"image": named, "raw_image_name": named}, bounds=IMAGES)
    assert content(inspected)["image"] == content(inspected)["raw_image_name"] == goes_on


def test_a_granted_name_goes_on_as_it_was_judged_though_podman_would_find_another_image_by_it() -> None:
    assert content(create({"images": ("docker.io/ci/*:*",)}, image="ci/app:1"))["image"] == "docker.io/ci/app:1"


def test_an_image_may_be_granted_by_its_id() -> None:
    assert content(create({"images": (BUSYBOX,)}))["image"] == BUSYBOX


def test_a_short_name_of_an_image_that_is_not_there_goes_on_whole() -> None:
    inspected = look(
        "ContainerCreateLibpod", content={"image": "library/absent"}, bounds={"images": ("docker.io/library/*",)}
    )
    assert content(inspected)["image"] == "docker.io/library/absent:latest"


@pytest.mark.parametrize("field", ["image", "raw_image_name"])
@pytest.mark.parametrize("named", ["ci/app:1", "localhost/ci/app:1", "quay.io/x", "oci:/etc", "containers-storage:x/y"])
def test_an_image_is_none_but_one_that_is_granted(field: str, named: str) -> None:
    (fault,) = faults({"images": ("docker.io/library/nginx",)}, **{"image": "docker.io/library/nginx", field: named})
    assert fault.startswith(f"{field} ")


def test_any_image_will_do_where_the_grant_does_not_say() -> None:
    assert content(create())["image"] == "busybox"


def test_the_files_of_an_image_are_shown_as_those_of_a_granted_one() -> None:
    volumes: Json = [{"Source": "ci/app:1", "Destination": "/i", "ReadWrite": False}]
    shown = content(create(IMAGES, image_volumes=volumes))["image_volumes"]
    assert shown[0]["Source"] == "docker.io/library/busybox:latest"
    (fault,) = faults(IMAGES, image_volumes=[{"Source": "docker.io/library/nginx", "Destination": "/i"}])
    assert fault.startswith("image_volumes[0].Source ")


@pytest.mark.parametrize("subpath", ["..", "../../etc", "/etc", "a/../..", "a//b"])
def test_of_an_image_only_what_is_in_it_is_shown(subpath: str) -> None:
    volume: dict[str, Json] = {"Source": "busybox", "Destination": "/i"}
    assert faults(image_volumes=[{**volume, "subPath": "etc/x"}]) == []
    (fault,) = faults(image_volumes=[{**volume, "subPath": subpath}])
    assert fault.startswith("image_volumes[0].subPath ")


@pytest.mark.parametrize("repo", ["localhost/ci/app", "ci/app"])
def test_a_name_without_a_registry_is_one_of_localhost(repo: str) -> None:
    asked = f"?repo={repo}&tag=1"
    assert look("ImageTagLibpod", asked, bounds={"tags": ("localhost/ci/*",)}).faults == ()
    (fault,) = look("ImageTagLibpod", asked, bounds={"tags": ("ci/*",)}).faults
    assert str(fault) == '?repo is "localhost/ci/app:1", an image name that no rule allows'
    assert fault.value == ("localhost/ci/app:1",)


def test_an_image_that_is_tagged_gets_some_name() -> None:
    assert [str(fault) for fault in look("ImageTagLibpod", "").faults] == ["?repo is missing"]


def test_an_image_is_sent_under_its_own_name_only() -> None:
    target, granted = "/v5.4.2/libpod/images/docker.io/ci/app:1/push", {"images": ("docker.io/ci/app:1",)}
    sent = look("ImagePushLibpod", target=f"{target}?destination=evil.example/loot", bounds=granted)
    assert [fault.path for fault in sent.faults] == ["?destination"]
    assert look("ImagePushLibpod", target=f"{target}?destination=", bounds=granted).faults == ()
    for name, needed in (("docker.io/ci/app", ("docker.io/ci/app:latest",)), ("ci/app", ""), ("4f5e", "")):
        (fault,) = look("ImagePushLibpod", target=f"/v5.4.2/libpod/images/{name}/push").faults
        assert (fault.path, fault.word, fault.value) == ("the image", "images", needed)


@pytest.mark.parametrize(
    "mapping",
    [
        {"host_port": 8000},
        {"host_port": 8000, "range": 1, "host_ip": "127.0.0.1"},
        {"host_port": 8000, "range": 3},
    ],
)
def test_ports_are_opened_that_are_granted(mapping: dict[str, Json]) -> None:
    assert faults({"publish": publish("8000-8002")}, portmappings=[{"container_port": 80, **mapping}]) == []


@pytest.mark.parametrize(
    ("mapping", "where"),
    [
        ({"host_port": 80}, "host_port"),
        ({"host_port": 8000, "range": 4}, "host_port"),
        ({"host_port": 8002, "range": -3}, "host_port"),
        ({"host_port": 65535, "range": 3}, "host_port"),
        ({}, "host_port"),
        ({"range": 3}, "host_port"),
        ({"host_port": 8000, "host_ip": "10.0.0.1"}, "host_ip"),
        ({"host_port": 8000}, "host_ip"),
    ],
)
def test_no_other_port_is_opened(mapping: dict[str, Json], where: str) -> None:
    bounds = {"publish": publish("8000-8002", addresses=("127.0.0.1",))}
    binding = {"host_ip": "127.0.0.1", **mapping} if where == "host_port" else mapping
    (fault, *_) = faults(bounds, portmappings=[binding])
    assert fault.startswith(f"portmappings[0].{where} ")


@pytest.mark.parametrize(
    ("word", "bound", "limits"),
    [
        ("memory", "64MiB", {"memory": {"limit": 2**26}}),
        ("cpus", "1.5", {"cpu": {"quota": 150_000, "period": 100_000}}),
        ("pids", "50", {"pids": {"limit": 50}}),
    ],
)
def test_what_has_no_bound_gets_the_granted_one(word: str, bound: Value, limits: Json) -> None:
    assert content(create({word: bound}))["resource_limits"] == limits
    assert "resource_limits" not in content(create())


@pytest.mark.parametrize(
    ("bounds", "limits"),
    [
        ({"memory": "64MiB"}, {"memory": {"limit": 2**26}}),
        ({"memory": "64MiB"}, {"memory": {"limit": 2**26, "swap": 2**27}}),
        ({"cpus": "1.5"}, {"cpu": {"quota": 150_000}}),
        ({"cpus": "1.5"}, {"cpu": {"quota": 15_000, "period": 10_000}}),
        ({"pids": "50"}, {"pids": {"limit": 50}}),
    ],
)
def test_what_keeps_to_a_bound_passes(bounds: dict[str, Value], limits: Json) -> None:
    assert faults(bounds, resource_limits=limits) == []


@pytest.mark.parametrize(
    ("bounds", "limits", "where"),
    [
        ({"memory": "64MiB"}, {"memory": {"limit": 2**26 + 1}}, "memory.limit"),
        ({"memory": "64MiB"}, {"memory": {"limit": -1}}, "memory.limit"),
        ({"memory": "64MiB"}, {"memory": {"limit": 2**26, "swap": 0}}, "memory.swap"),
        ({"memory": "64MiB"}, {"memory": {"limit": 2**26, "swap": -1}}, "memory.swap"),
        ({"memory": "64MiB"}, {"memory": {"limit": 2**26, "swap": 2**27 + 1}}, "memory.swap"),
        ({"cpus": "1.5"}, {"cpu": {"quota": 150_001}}, "cpu.quota"),
        ({"cpus": "1.5"}, {"cpu": {"quota": -1}}, "cpu.quota"),
        ({"cpus": "1.5"}, {"cpu": {"quota": 15_000, "period": 9_999}}, "cpu.quota"),
        ({"cpus": "1.5"}, {"cpu": {"period": 1_000}}, "cpu.quota"),
        ({"pids": "50"}, {"pids": {"limit": -1}}, "pids.limit"),
        ({"pids": "50"}, {"pids": {"limit": 51}}, "pids.limit"),
    ],
)
def test_what_does_not_keep_to_a_bound_is_refused(bounds: dict[str, Value], limits: Json, where: str) -> None:
    (fault,) = faults(bounds, resource_limits=limits)
    assert fault.startswith(f"resource_limits.{where} ")


WITHIN: dict[str, Json] = {
    "memory": {"limit": 2**26},
    "cpu": {"shares": 512, "quota": 15_000, "period": 10_000},
    "pids": {"limit": 50},
}


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        ({"memory": {"swap": -1}}, "memory.limit"),
        ({"cpu": {"period": 1_000}}, "cpu.quota"),
        ({"cpu": {"quota": 400_000, "period": 100_000}}, "cpu.quota"),
        ({"cpu": {"quota": 100}}, "cpu.quota"),
        ({"cpu": {"quota": -1}}, "cpu.quota"),
        ({"pids": {"limit": -1}}, "pids.limit"),
    ],
)
def test_a_container_is_not_changed_to_more_than_a_bound(limits: Json, where: str) -> None:
    bounds: dict[str, Value] = {"memory": "64MiB", "cpus": "1.5", "pids": "50"}
    assert isinstance(limits, dict)
    assert look("ContainerUpdateLibpod", content=WITHIN, bounds=bounds).faults == ()
    (fault, *_) = look("ContainerUpdateLibpod", content=WITHIN | limits, bounds=bounds).faults
    assert fault.path == where


@pytest.mark.parametrize(("word", "where"), [("memory", "memory.limit"), ("cpu", "cpu.quota"), ("pids", "pids.limit")])
@pytest.mark.parametrize("rest", [{}, {"health_cmd": "true"}])
def test_a_change_leaves_out_no_limit_that_is_bounded(word: str, where: str, rest: dict[str, Json]) -> None:
    bounds: dict[str, Value] = {"memory": "64MiB", "cpus": "1.5", "pids": "50"}
    content: dict[str, Json] = {name: limit for name, limit in WITHIN.items() if name != word} | rest
    (fault,) = look("ContainerUpdateLibpod", content=content, bounds=bounds).faults
    assert fault.path == where
    assert look("ContainerUpdateLibpod", content=rest).faults == ()


def test_secrets_are_shown_that_are_granted_by_name() -> None:
    bounds = {"secrets": ("ci-*", "**")}
    assert faults(bounds, secrets=[{"Source": "ci-key", "Mode": 292}], secret_env={"KEY": "ci-key"}) == []
    found = faults(secrets=[{"Source": "ci-key"}], secret_env={"KEY": "x"})
    assert {fault.partition(" ")[0] for fault in found} == {'secret_env["KEY"]', "secrets[0].Source"}


@pytest.mark.parametrize("secret", [{"Source": "4e0b9"}, {"Source": ""}, {}])
def test_a_secret_is_not_named_by_the_beginning_of_its_id(secret: Json) -> None:
    bounds = {"secrets": ("**",)}
    (fault,) = faults(bounds, secrets=[secret])
    assert fault.startswith("secrets[0].Source ")


@pytest.mark.parametrize("labels", [{}, {"Label": {"a": "b"}}, {"Labels": {"a": "b"}}, {"Label": {"owner": "ci"}}])
def test_a_volume_gets_the_labels_of_the_grant(labels: dict[str, Json]) -> None:
    made = content(look("VolumeCreateLibpod", content={"Name": "v", **labels}, bounds=LABELS))
    assert made["Labels"]["owner"] == "ci"
    assert made.get("Label") == labels.get("Label")


@pytest.mark.parametrize("field", ["Label", "Labels"])
def test_neither_of_its_labels_contradicts_them(field: str) -> None:
    (fault,) = look("VolumeCreateLibpod", content={"Name": "v", field: {"owner": "root"}}, bounds=LABELS).faults
    assert (fault.path, fault.says) == (field, 'has "owner" as "root", but the rule sets "ci"')


def test_a_new_network_has_addresses_that_are_granted() -> None:
    subnets = {"subnets": ("10.55.0.0/16",)}
    config: Json = {
        "subnet": "10.55.1.0/24",
        "gateway": "10.55.1.1",
        "lease_range": {"start_ip": "10.55.1.9", "end_ip": "10.55.1.99"},
    }
    assert look("NetworkCreateLibpod", content={"name": "n", "subnets": [config]}, bounds=subnets).faults == ()
    (fault,) = look("NetworkCreateLibpod", content={"name": "n", "subnets": [config]}).faults
    assert (fault.path, fault.word, fault.value) == ("subnets[0].subnet", "subnets", ("10.55.1.0/24",))


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({"subnet": "10.55.1.0"}, "subnet"),
        ({"subnet": "10.55.1.0/24", "gateway": "10.56.0.1"}, "gateway"),
        ({"subnet": "10.55.1.0/24", "lease_range": {"start_ip": "10.56.0.1"}}, "lease_range.start_ip"),
        ({"subnet": "10.55.1.0/24", "lease_range": {"end_ip": "10.56.0.1"}}, "lease_range.end_ip"),
    ],
)
def test_all_its_addresses_are_within_its_subnet(config: Json, where: str) -> None:
    made = look(
        "NetworkCreateLibpod", content={"name": "n", "subnets": [config]}, bounds={"subnets": ("10.55.0.0/16",)}
    )
    assert [fault.path for fault in made.faults] == [f"subnets[0].{where}"]


@pytest.mark.parametrize(
    ("options", "harmless"),
    [
        ({"mtu": "1400", "isolate": "true"}, True),
        ({"isolate": "false"}, False),
        ({"vlan": "5"}, False),
        ({"host_interface_name": "eth0"}, False),
        ({"mtu": "x"}, False),
    ],
)
def test_options_of_a_network_are_known_to_be_harmless(options: Json, *, harmless: bool) -> None:
    made = look("NetworkCreateLibpod", content={"name": "n", "options": options})
    assert (made.faults == ()) is harmless


@pytest.mark.parametrize("fields", [{}, {"systemd": "true"}, {"systemd": ""}, {"systemd": "false"}])
def test_the_systemd_mode_is_turned_off(fields: dict[str, Json]) -> None:
    assert content(create(**fields))["systemd"] == "false"


def test_the_systemd_mode_is_not_asked_for() -> None:
    assert faults(systemd="always") == ['systemd is "always", not allowed: it makes its control group writable']


@pytest.mark.parametrize(
    ("zone", "known"),
    [
        ("Europe/Paris", True),
        ("local", True),
        ("", True),
        ("Etc/GMT+1", True),
        ("../../etc/passwd", False),
        ("/x", False),
    ],
)
def test_a_time_zone_is_a_name(zone: str, *, known: bool) -> None:
    assert (faults(timezone=zone) == []) is known
