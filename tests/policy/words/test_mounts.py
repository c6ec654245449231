"""What is mounted is what is granted, for Docker and for Podman, in every form that a mount has."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.words.transcripts import ENGINE, look_at

from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.values import Value, split_mode
from dockerproxy.policy.words.mounts import is_disguise
from dockerproxy.wire.document import Json

BOUNDS: dict[str, Value] = {"binds": ("/srv/ci/**", "/etc/localtime:ro"), "volumes": ("ci_*",)}
WORDS = (
    "/ .. . srv ci etc localtime ci_data ci_etc x : , ro rw z O = type=bind src= source=/etc shared /srv/ci // \\ *"
    ' /etc/localtime "'
)
PIECES = st.lists(st.sampled_from([*WORDS.split(), "\n"]), max_size=7).map("".join)


def mounts_of(host_config: Json) -> list[dict[str, Json]] | None:
    """Return the mounts as they would go on; None if they would not."""
    seen = look_at("ContainerCreate", {"HostConfig": host_config}, BOUNDS)
    if seen.faults:
        return None
    assert isinstance(seen.content, dict)
    sent = seen.content["HostConfig"]
    assert isinstance(sent, dict)
    mounts = sent.get("Mounts", sent.get("Binds"))
    assert isinstance(mounts, list)
    return [mount if isinstance(mount, dict) else {"Bind": mount} for mount in mounts]


def may_be_mounted(source: str, *, read_only: bool) -> bool:
    """Whether a path of the host is granted."""
    inside = source == "/srv/ci" or (source.startswith("/srv/ci/") and ".." not in source.split("/"))
    return inside or (source == "/etc/localtime" and read_only)


def is_granted_volume(name: str) -> bool:
    """Whether a volume is granted, and is one."""
    return name.startswith("ci_") and name not in {"ci_etc", "ci_plugin"} and "/" not in name


@given(PIECES)
def test_a_bind_that_goes_on_mounts_what_is_granted(bind: str) -> None:
    sent = mounts_of({"Binds": [bind]})
    if sent is None:
        return
    text = sent[0]["Bind"]
    assert isinstance(text, str)
    source, *rest = text.split(":")  # Docker and Podman split no more than that.
    assert len(rest) <= 2
    options = "".join(rest[1:]).split(",")
    if rest and source.startswith("/"):
        assert may_be_mounted(source, read_only="ro" in options and not {"z", "Z"} & set(options))
    elif rest:
        assert is_granted_volume(source)


def read_as_podman(mount: dict[str, Json]) -> dict[str, str]:
    """Write a mount as Podman does for its own command line, and read it as that does."""
    fields = [("type", mount.get("Type")), ("source", mount.get("Source")), ("target", mount.get("Target"))]
    fields += [("ro", "true")] if mount.get("ReadOnly") else []
    fields += [("consistency", mount.get("Consistency"))]
    options = mount.get("VolumeOptions")
    fields += (
        [("subpath", options.get("Subpath"))] if isinstance(options, dict) and mount.get("Type") == "volume" else []
    )
    line = ",".join(f"{name}={value}" for name, value in fields if value)
    (record,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    read = [text.partition("=")[::2] for text in record]
    assert len(dict(read)) == len(read)
    return dict(read)


MOUNTS = st.fixed_dictionaries(
    {"Type": st.sampled_from(["bind", "volume", "tmpfs", "image", "BIND", ""]), "Target": st.just("/x") | PIECES},
    optional={
        "Source": PIECES,
        "ReadOnly": st.booleans(),
        "Consistency": st.sampled_from(["", "cached", "default,src=/etc"]),
        "VolumeOptions": st.fixed_dictionaries({}, optional={"Subpath": PIECES}),
    },
)


@given(MOUNTS)
def test_a_mount_that_goes_on_mounts_what_is_granted_for_either_engine(mount: dict[str, Json]) -> None:
    sent = mounts_of({"Mounts": [mount]})
    if sent is None:
        return
    (one,) = sent
    source, read_only = str(one.get("Source") or ""), one.get("ReadOnly") is True
    if one["Type"] == "bind":
        assert may_be_mounted(source, read_only=read_only)
    elif one["Type"] == "volume" and source:
        assert is_granted_volume(source)
    read = read_as_podman(one)
    assert read.pop("type") == one["Type"]
    assert read.pop("source", "") == source
    assert read.pop("target") == one["Target"]
    assert read.pop("ro", "") == ("true" if read_only else "")
    assert set(read) <= {"consistency", "subpath"}


@given(PIECES)
def test_a_volume_without_a_name_is_only_a_path(path: str) -> None:
    seen = look_at("ContainerCreate", {"Volumes": {path: {}}})
    if not seen.faults:
        assert path.startswith("/")
        assert ":" not in path


@given(PIECES, PIECES)
def test_memory_is_only_memory(path: str, options: str) -> None:
    seen = look_at("ContainerCreate", {"HostConfig": {"Tmpfs": {path: options}}})
    if not seen.faults:
        assert ":" not in f"{path}{options}"
        assert set(options.split(",")) <= {"", "ro", "rw"}


def test_what_would_be_granted_is_said_of_a_mount() -> None:
    body: Json = {"HostConfig": {"Binds": ["/a/:/x", "/b:/x:ro", "data:/x", "/etc/localtime:/x"]}}
    needed = [(fault.word, fault.value) for fault in look_at("ContainerCreate", body, {"binds": ("/etc/*:ro",)}).faults]
    assert needed == [
        ("binds", ("/a",)),
        ("binds", ("/b:ro",)),
        ("volumes", ("data",)),
        ("binds", ("/etc/localtime",)),
    ]


@pytest.mark.parametrize(
    ("item", "split"),
    [("/a", ("/a", "rw")), ("/a:ro", ("/a", "ro")), ("/a:rw", ("/a", "rw")), ("/a:rox", ("/a:rox", "rw"))],
)
def test_an_item_says_whether_it_may_be_written(item: str, split: tuple[str, str]) -> None:
    assert split_mode(item) == split


def test_a_volume_is_a_directory_of_its_own_or_a_disguise() -> None:
    assert not is_disguise(ENGINE[Kind.VOLUME, "ci_data"])
    assert not is_disguise(ResolvedObject("gone", ("gone",)))
    assert not is_disguise(ResolvedObject("a", ("a",), document={"driver": "local", "options": {}}))
    assert is_disguise(ResolvedObject("a", ("a",), document={"driver": "local", "options": {"device": "tmpfs"}}))
    assert is_disguise(ResolvedObject("a", ("a",), document={"driver": "nfs"}))
    assert is_disguise(ResolvedObject("a", ("a",), document={"options": None, "name": "a"}))


def test_a_directory_takes_in_what_is_below() -> None:
    assert fits("/srv/ci/**", "/srv/ci")
    seen = look_at("ContainerCreate", {"HostConfig": {"Mounts": [{"Type": "image", "Source": "a", "Target": "/x"}]}})
    assert seen.faults == ()


VOLUME: Json = {"Type": "volume", "Source": "ci_data", "Target": "/v"}
MEMORY: Json = {"Type": "tmpfs", "Target": "/v/t"}


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ({"Binds": ["ci_data:/v"], "Tmpfs": {"/v/t": ""}}, "HostConfig.Tmpfs"),
        ({"Binds": ["/srv/ci:/v:ro"], "Tmpfs": {"/v/t/u": "tmpcopyup"}}, "HostConfig.Tmpfs"),
        ({"Binds": ["/v", "/v/a"], "Tmpfs": {"/v/t": ""}}, "HostConfig.Tmpfs"),
        ({"Mounts": [VOLUME], "Tmpfs": {"/v/t/": "size=1m"}}, "HostConfig.Tmpfs"),
        ({"Mounts": [MEMORY, VOLUME]}, "HostConfig.Mounts"),
        ({"Binds": ["ci_data:/var"], "ReadonlyRootfs": True}, "HostConfig.ReadonlyRootfs"),
    ],
)
def test_memory_is_not_filled_from_what_others_change(host: Json, where: str) -> None:
    (fault,) = look_at("ContainerCreate", {"HostConfig": host}, BOUNDS).faults
    assert (fault.path, "not allowed below another mount" in fault.says) == (where, True)


@pytest.mark.parametrize(
    "host",
    [
        {"Binds": ["ci_data:/v"], "Tmpfs": {"/v2": "", "/t": "", "/v/t": "notmpcopyup,rw"}},
        {"Binds": ["ci_data:/v/t/u"], "Tmpfs": {"/v/t": "", "/v": ""}},
        {"Binds": ["ci_data:/var/tmp"], "ReadonlyRootfs": True},
        {"Binds": ["ci_data:/var"], "ReadonlyRootfs": False},
    ],
)
def test_memory_may_be_put_anywhere_else(host: Json) -> None:
    assert look_at("ContainerCreate", {"HostConfig": host}, BOUNDS).faults == ()


HARMLESS = {"", "rw", "ro", "z", "Z", "private", "rprivate", "rbind", "nosuid", "nodev", "noexec", "nocopy"}
OPTIONS = [*HARMLESS, *"shared rshared slave rslave unbindable bind suid dev exec O U idmap upperdir=/etc RW".split()]  # noqa: SIM905 (words)


@given(st.sampled_from(["/srv/ci", "ci_data"]), st.lists(st.sampled_from(OPTIONS), max_size=4))
def test_no_option_of_a_bind_gives_more_than_the_mount(source: str, options: list[str]) -> None:
    sent = mounts_of({"Binds": [f"{source}:/x:{','.join(options)}"]})
    known = set(options) <= HARMLESS and not {"ro", "rw"} <= set(options)
    assert (sent is not None) is known


@pytest.mark.parametrize(
    "shown",
    [
        {"Binds": ["/srv/ci:/x:rw,rprivate,nosuid,nodev,rbind", "/etc/localtime:/y:ro,rprivate,rbind"]},
        {"Binds": ["ci_data:/x:ro,rprivate,nosuid,nodev,rbind"]},
        {"Binds": None, "Tmpfs": {"/t": "size=1m,mode=1777,rw,rprivate,nosuid,nodev,tmpcopyup"}},
    ],
)
def test_what_podman_shows_of_a_mount_passes(shown: Json) -> None:
    assert look_at("ContainerCreate", {"HostConfig": shown}, BOUNDS).faults == ()
