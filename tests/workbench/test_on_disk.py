"""What is wrong with the host's files that a policy speaks of is found, and nothing else."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from folders import short_folder

from dockerproxy.config.policy_file import read_policy
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.findings import Finding, Severity
from dockerproxy.workbench.on_disk import find_binds, find_engine_mount, find_mounted, find_sockets


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as found:
        yield found.resolve()


def sockets_of(*names: str, binds: tuple[str, ...] = (), **more: object) -> tuple[SocketSettings, ...]:
    """Return sockets at these paths, with these binds."""
    create = {"ContainerCreate": {"binds": list(binds)}} if binds else "ContainerList"
    fields = {f"s{number}": {"path": path, "allow": [create], **more} for number, path in enumerate(names)}
    return read_policy(json.dumps({"sockets": fields}), "p.yaml").sockets


def said(findings: Iterator[Finding], folder: Path) -> list[str]:
    return [f"{each.level}: {each.says}".replace(str(folder), "FOLDER") for each in findings]


def binds(folder: Path, *paths: str, **more: object) -> list[str]:
    (served,) = sockets_of("/run/a.sock", binds=tuple(path.replace("FOLDER", str(folder)) for path in paths), **more)
    return said(find_binds(served, "p.yaml"), folder)


def test_a_bind_that_is_a_link(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    (folder / "real" / "below").mkdir()
    says = "warning: FOLDER/{} is a link to FOLDER/{}, which is mounted instead"
    assert binds(folder, "FOLDER/link:ro", "FOLDER/link/below:ro", "FOLDER/real:ro", "FOLDER/real/**:ro") == [
        says.format("link", "real"),
        says.format("link/below", "real/below"),
    ]
    assert binds(folder, "FOLDER/link/**:ro", "FOLDER/link/b**:ro") == [says.format("link", "real")]


def test_a_bind_that_is_missing_or_a_socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/a.sock")
        found = binds(folder, "FOLDER/missing", "FOLDER/a.sock")
    assert [each.partition(":")[2].split(":")[0] for each in found] == [
        " FOLDER/missing is missing",
        " FOLDER/a.sock is a socket",
    ]


def test_a_bind_is_looked_for_where_the_host_has_it(folder: Path) -> None:
    (folder / "job").mkdir()
    assert binds(folder, "/workspace", paths={"/workspace": f"{folder}/job"}) == []
    missing = "warning: FOLDER/gone is missing: some clients let the engine create it, owned by root"
    assert set(binds(folder, "/workspace", paths={"/workspace": f"{folder}/gone"})) == {missing}


def test_a_folder_that_others_may_write_to(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    found = said(find_sockets(sockets_of(f"{folder}/open/a.sock"), "p.yaml"), folder)
    assert "error: every user can replace the socket in FOLDER/open" in found
    (folder / "open").chmod(0o1777)
    assert "error" not in str(said(find_sockets(sockets_of(f"{folder}/open/a.sock"), "p.yaml"), folder))


def test_a_folder_of_two_sockets_and_one_that_is_missing(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "b").symlink_to("a")
    sockets = sockets_of(f"{folder}/a/a.sock", f"{folder}/b/b.sock", f"{folder}/c/c.sock")
    found = said(find_sockets(sockets, "p.yaml"), folder)
    assert "warning: FOLDER/b is also the directory of socket s0: clients that mount it get both" in found
    assert "error: FOLDER/c: No such file or directory" in found


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("/tmp", "warning: /tmp is cleaned by the system, and empty after a restart"),
        ("/dev/shm", "note: /dev/shm is in memory, and gone when the host restarts"),
    ],
)
def test_what_a_restart_of_the_host_takes_away(place: str, says: str) -> None:
    assert said(find_sockets(sockets_of(f"{place}/dockerproxy-none.sock"), "p.yaml"), Path("/nonexistent")) == [says]


def test_a_file_that_is_not_as_configured(folder: Path) -> None:
    path = f"{folder}/a.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o660)
        of_folder = said(find_sockets(sockets_of(path), "p.yaml"), folder)
        assert "as configured" not in str(of_folder)
        found = said(find_sockets(sockets_of(path, permissions="0666", group="4321"), "p.yaml"), folder)
    assert [each for each in found if each not in of_folder and "permission denied" not in each] == [
        "warning: every user on this host can connect to FOLDER/a.sock",
        f"warning: FOLDER/a.sock is 0660, uid {os.geteuid()}, gid {os.getegid()}, unlike the configuration",
    ]
    os.unlink(path)
    Path(path).touch()
    assert "error: FOLDER/a.sock is not a socket" in said(find_sockets(sockets_of(path), "p.yaml"), folder)


def test_a_socket_that_a_container_mounts_as_a_file() -> None:
    (served,) = sockets_of("/run/a/docker.sock")
    containers = [
        {"Names": ["/web"], "Mounts": [{"Source": "/run/a/docker.sock"}, {"Source": "/run/a"}, "x"]},
        {"Names": ["/proxy"], "Mounts": [{"Source": "/run/engine.sock"}]},
        {"Names": [], "Mounts": None},
        "x",
    ]
    found = list(find_mounted(containers, (served,), "/run/engine.sock", "p.yaml"))
    assert [(each.level, each.name) for each in found] == [
        (Severity.WARNING, "socket s0"),
        (Severity.NOTE, "engine"),
    ]
    assert found[0].says == "container web mounts the file /run/a/docker.sock: the mount breaks if the proxy restarts"
    assert list(find_mounted({"message": "no"}, (served,), "/run/engine.sock", "p.yaml")) == []


def test_an_engine_in_its_folder_is_no_mount(folder: Path) -> None:
    assert list(find_engine_mount(f"{folder}/engine.sock", "p.yaml")) == []
    (found,) = find_engine_mount("/dev/shm", "p.yaml")
    assert (found.level, found.says, found.hint) == (
        Severity.NOTE,
        "/dev/shm is mounted as a file: the mount breaks when the engine restarts, unless systemd holds it",
        "otherwise mount a directory with only the socket",
    )
