"""Counts of all that an engine has, and its disk usage, for clients that see only some of it."""

from base64 import b64encode
from collections.abc import Iterator

import pytest
from e2e.engines import Engine
from e2e.proxies import Proxy, running_file
from e2e.talk import ask
from e2e.test_own import Socket, make_container, two

pytestmark = pytest.mark.engine
__all__ = ["two"]

COUNTS = ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images")


def test_disk_usage_is_denied_to_clients_that_see_only_their_own(two: tuple[Socket, Socket, Proxy]) -> None:
    for target in ("/v1.41/system/df", "/system/df?type=volume"):
        assert two[0].ask("GET", target).status == 403


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
        for path in (f"/v1.41/secrets/{name}", f"{libpod}/{name}/json"):
            assert (mine.ask("GET", path).status, other.ask("GET", path).status) == (200, 404)
            assert b"M4RK" not in mine.ask("GET", f"{path}?showsecret=true").body
        assert (
            mine.ask("GET", f"{libpod}/{name}/exists").status,
            other.ask("GET", f"{libpod}/{name}/exists").status,
        ) == (204, 404)
        for path in (f"/v1.41/secrets/{name}", f"{libpod}/{name}"):
            assert other.ask("DELETE", path).status == 404
    assert other.ask("POST", "/v1.41/secrets/create", Name=f"k-{label}", Data=data).status == 409
    assert mine.ask("DELETE", f"/v1.41/secrets/k-{label}").status == 204
    assert mine.list("secrets") == []
