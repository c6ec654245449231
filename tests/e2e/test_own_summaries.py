"""What an engine says of all that it has together, to clients that see only some of it."""

from base64 import b64encode
from collections.abc import Iterator
from functools import partial

import pytest
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_file
from e2e.talk import ask
from e2e.test_own import Socket, make_container, two

pytestmark = pytest.mark.engine
__all__ = ["two"]

COUNTS = ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images")


def test_the_disk_usage_of_what_another_has_is_not_shown(
    two: tuple[Socket, Socket, Proxy], engine: Engine, label: str
) -> None:
    mine, other, _ = two
    container = make_container(mine, f"c-{label}", HostConfig={"Binds": [f"v-{label}:/data"]})
    make_container(engine, f"raw-{label}", Labels={"case": label})
    assert mine.ask("POST", f"/v1.41/containers/{container}/start").status == 204
    for version in ("/v1.41", ""):
        whole, shown, nothing = (
            ask(socket, "GET", f"{version}/system/df").json() for socket in (engine.socket, mine.socket, other.socket)
        )
        assert [each["Id"] for each in shown["Containers"]] == [container]
        assert [each["Name"] for each in shown["Volumes"]] == [f"v-{label}"]
        for key in ("Containers", "Volumes"):
            assert all(each in whole[key] for each in shown[key])
            assert len(whole[key]) > len(nothing[key]) == 0
        assert shown.keys() == whole.keys()
        for told in (shown, nothing):
            assert (told["LayersSize"], told["Images"], told["BuildCache"]) == (0, [], [])


def test_dockers_command_line_shows_the_disk_usage_of_what_is_own(
    two: tuple[Socket, Socket, Proxy], make_client: partial[Client], label: str
) -> None:
    mine, other, _ = two
    make_container(mine, f"c-{label}", HostConfig={"Binds": [f"v-{label}:/data"]})
    told, nothing = (make_client(socket=each.socket).text("system", "df", "--verbose") for each in (mine, other))
    assert told.count(f"-{label}") == 2  # It takes the first letter of a container's name for a slash, before Podman.
    assert label not in nothing


@pytest.fixture
def counting(engine: Engine, label: str) -> Iterator[tuple[Socket, Socket]]:
    """A socket that shows some containers, and one that shows all."""
    allow = {"proxy": f"ContainerList: {{containers: [c-{label}]}}", "whole": "ContainerList"}
    text = "".join(
        f"\n  {name}: {{path: FOLDER/{name}.sock, allow: [SystemInfo, SystemInfoLibpod, {each}]}}"
        for name, each in allow.items()
    )
    with running_file(engine.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "whole.sock")


def test_nobody_counts_what_lists_do_not_show(counting: tuple[Socket, Socket], engine: Engine, label: str) -> None:
    some, whole = counting
    container = make_container(engine, f"c-{label}", Labels={"case": label})
    info = {name: each.ask("GET", "/v1.41/info").json() for name, each in (("some", some), ("whole", whole))}
    assert {info["some"][key] for key in COUNTS} == {0}
    assert info["whole"]["Containers"] > 0
    assert info["some"].keys() == info["whole"].keys()
    if engine.name == "podman":
        store = some.ask("GET", "/v5.0.0/libpod/info").json()["store"]
        assert {*store["containerStore"].values(), *store["imageStore"].values()} == {0}
        assert whole.ask("GET", "/v5.0.0/libpod/info").json()["store"]["containerStore"]["number"] > 0
    ask(engine.socket, "DELETE", f"/v1.41/containers/{container}?force=1")


@pytest.fixture
def keeping(podman: Engine, label: str) -> Iterator[tuple[Socket, Socket]]:
    """Two sockets before Podman whose clients may keep secrets."""
    text = "".join(
        f"\n  {name}: {{path: FOLDER/{name}.sock, own_as: {name}-{label}, allow: [own, SecretCreate]}}"
        for name in ("proxy", "other")
    )
    with running_file(podman.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")


def test_secrets_of_podman_are_those_of_who_made_them(keeping: tuple[Socket, Socket], label: str) -> None:
    mine, other = keeping
    data = b64encode(b"M4RK").decode()
    made = mine.ask("POST", "/v1.41/secrets/create", Name=f"k-{label}", Data=data)
    assert made.status == 200, made
    identity, libpod = made.json()["ID"], "/v5.0.0/libpod/secrets"
    assert [each["ID"] for each in mine.list("secrets")] == [identity]
    assert [each["ID"] for each in mine.ask("GET", f"{libpod}/json").json()] == [identity]
    assert (other.list("secrets"), other.ask("GET", f"{libpod}/json").json()) == ([], [])
    for name in (identity, identity[:8], f"k-{label}"):
        for path in (f"/v1.41/secrets/{name}?showsecret=true", f"{libpod}/{name}/json?showsecret=true"):
            assert b"M4RK" in mine.ask("GET", path).body
            assert other.ask("GET", path).status == 404
        assert (
            mine.ask("GET", f"{libpod}/{name}/exists").status,
            other.ask("GET", f"{libpod}/{name}/exists").status,
        ) == (204, 404)
        for path in (f"/v1.41/secrets/{name}", f"{libpod}/{name}"):
            assert other.ask("DELETE", path).status == 404
    assert other.ask("POST", "/v1.41/secrets/create", Name=f"k-{label}", Data=data).status == 409
    assert mine.ask("DELETE", f"/v1.41/secrets/k-{label}").status == 204
    assert mine.list("secrets") == []
