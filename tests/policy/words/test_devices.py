"""A container gets the devices of the host that are granted, and no other file of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.words.looking import faults
from rows import for_each

from dockerproxy.policy.globs import fits
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.wire.document import Json

CONSTRAINT = CONSTRAINTS["devices"]
SAMPLES = ("/dev/dri", "/dev/dri/card0", "/dev/dri/renderD128", "/dev/fuse", "/dev/nvidia0", "/dev/nvidiactl")
VALUES = (("/dev/dri/*",), ("/dev/dri/card?",), ("/dev/dri",), ("/dev/nvidia*", "/dev/fuse"), ("/dev/nvidia?",))


def device(on_host: str, inside: str = "/dev/x", may: str = "rwm") -> Json:
    return {"PathOnHost": on_host, "PathInContainer": inside, "CgroupPermissions": may}


def wrong(*devices: Json, granted: tuple[str, ...] = ("/dev/dri/*", "/dev/fuse")) -> list[str]:
    return faults("ContainerCreate", "", {"Image": "a", "HostConfig": {"Devices": list(devices)}}, devices=granted)


@pytest.mark.parametrize("path", ["/dev/fuse", "/dev/dri/renderD128"])
def test_a_granted_device_may_be_used(path: str) -> None:
    for may in ("", "r", "rw", "rwm"):
        assert not [each for each in wrong(device(path, may=may)) if "Devices" in each]


def test_without_the_word_no_device_may_be_used() -> None:
    body: Json = {"Image": "a", "HostConfig": {"Devices": [device("/dev/null")]}}
    (said,) = faults("ContainerCreate", "", body, images=("**",))
    assert faults("ContainerCreate", "", {"Image": "a", "HostConfig": {"Devices": []}}, images=("**",)) == []
    assert said == 'HostConfig.Devices[0].PathOnHost is "/dev/null", a host device that no rule allows'


@for_each(
    "path",
    [
        *("/dev/dri/../sda", "/dev//fuse", "/dev/dri/.", "/dev/fuse/", "/dev/./fuse", "dev/fuse", "", "/", "/dev"),
        *("/etc/shadow", "/devices", "/DEV/fuse", "nvidia.com/gpu=all", "/dev/fuse\0", "/dev/fuse\n"),
    ],
)
def test_only_clean_paths_below_dev_are_devices(path: str) -> None:
    (said,) = [each for each in wrong(device(path), granted=("/dev/*a", "/dev/fuse")) if "Devices" in each]
    assert "not the clean path of a device below /dev" in said


@pytest.mark.parametrize("path", ["/dev/shm/x", "/dev/shm", "/dev/mqueue/x", "/dev/fd/3", "/dev/stdin", "/dev/pts/0"])
def test_no_item_reaches_where_users_make_links(path: str) -> None:
    assert CONSTRAINT.fault(path)
    for glob in ("/dev/s*", path, f"{path}*"):
        assert [each for each in wrong(device(path), granted=(glob,)) if "not the clean path" in each]


def test_a_directory_is_granted_only_by_its_own_name() -> None:
    assert [each for each in wrong(device("/dev/dri")) if "that no rule allows" in each]
    assert not [each for each in wrong(device("/dev/dri"), granted=("/dev/dri",)) if "Devices" in each]
    assert [each for each in wrong(device("/dev/dri/card0"), granted=("/dev/dri",)) if "that no rule allows" in each]


@for_each(
    ("inside", "may"),
    [
        *(("/dev/x:rwm", "rw"), ("", "rw"), ("x", "rw"), ("/a/../b", "rw"), ("/dev/x/", "rw"), ("/dev/x\n", "r")),
        *(("/dev/x", "rx"), ("/dev/x", "RW"), ("/dev/x", "rwmr"), ("/dev/x", "r w"), ("/dev/x", "rw:/dev/sda")),
    ],
)
def test_no_part_of_a_device_is_read_as_another(inside: str, may: str) -> None:
    (said,) = [each for each in wrong(device("/dev/fuse", inside, may)) if "Devices" in each]
    assert said.startswith(("HostConfig.Devices[0].PathInContainer", "HostConfig.Devices[0].CgroupPermissions"))
    assert [each for each in wrong(device("/dev/fuse:/dev/sda"), granted=("/dev/fuse*",)) if "not the clean" in each]


@for_each(
    "item",
    [
        *("/dev", "/dev/", "/dev/*", "/dev/?*", "/dev/**", "/dev/dri/**", "/dev/*/card0", "/dev/d*/card0", "/etc/x"),
        *(
            "fuse",
            "",
            "/dev/../sda",
            "/dev/dri/",
            "/dev//fuse",
            "/dev/d**",
            "/dev/shm/x",
            "/dev/dri/**/x",
            "/dev/dri/***",
        ),
    ],
)
def test_an_item_is_a_path_below_dev_with_globs_in_its_last_name(item: str) -> None:
    assert CONSTRAINT.fault(item)


@pytest.mark.parametrize("item", ["/dev/dri/card0:rw", "/dev/fuse:/dev/fuse", "/dev/dri/*:ro"])
def test_an_item_that_no_device_can_match_is_a_mistake(item: str) -> None:
    """As Docker's command line spells a device, or `binds` a path to read."""
    assert CONSTRAINT.fault(item)


@for_each("item", [*SAMPLES, "/dev/dri/*", "/dev/nvidia*", "/dev/bus/usb/001/*", "/dev/video?"])
def test_an_item_may_be_a_name_or_a_glob_of_names(item: str) -> None:
    assert CONSTRAINT.fault(item) == ""


PARTS = st.lists(st.sampled_from(("dev", "dri", "card0", "shm", "sda", "..", ".", "", "*", "**", "a:b")), max_size=5)


@given(PARTS.map("/".join), PARTS.map("/".join))
def test_what_passes_is_a_clean_path_that_an_item_fits(path: str, item: str) -> None:
    if CONSTRAINT.fault(f"/dev/{item}"):
        return
    if not [each for each in wrong(device(f"/dev/{path}"), granted=(f"/dev/{item}",)) if "Devices" in each]:
        assert fits(f"/dev/{item}", f"/dev/{path}")
        assert not {"", ".", ".."} & {*f"dev/{path}".split("/")}
        assert not f"{path}/".startswith("shm/")
        assert f"/dev/{path}".count("/") == f"/dev/{item}".count("/")


def test_an_update_adds_no_device() -> None:
    assert [each for each in faults("ContainerUpdate", "", {"Devices": [device("/dev/fuse")]}) if "Devices" in each]
