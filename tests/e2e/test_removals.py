"""A removal on a real engine removes what is named and may go, whatever becomes of the client that asked for it."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import Proxy, running_policy
from e2e.talk import ask, connect

pytestmark = pytest.mark.engine

ROUNDS = 20
ATTACKERS = 6


def remove_badly(proxy: Proxy, name: str, way: int) -> None:
    """Ask for a removal, and end it in one of the ways in which a connection can be ended."""
    fields = ("", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n")[way % 3]
    with connect(proxy.socket) as wire:
        wire.sendall(f"DELETE /v1.41/volumes/{name} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
        if way % 3 == 1:
            wire.sendall(b"zz\r\n")
        if way % 2:
            wire.shutdown(socket.SHUT_WR)
        if way < ATTACKERS - 1:  # The last one hangs up at once.
            wire.recv(1000)


def test_a_volume_whose_name_only_begins_so_is_never_removed(engine: Engine, label: str) -> None:
    name, other = f"db-{label}", f"db-{label}-secret"
    make = {"Name": name}, {"Name": other}
    json_type = {"Content-Type": "application/json"}
    with (
        running_policy(engine.socket, f"[{{VolumeDelete: {{volumes: [{name}]}}}}]") as proxy,
        ThreadPoolExecutor(ATTACKERS) as attackers,
    ):
        for _ in range(ROUNDS):
            for body in make:
                ask(engine.socket, "POST", "/volumes/create", json.dumps(body).encode(), json_type)
            list(attackers.map(lambda way: remove_badly(proxy, name, way), range(ATTACKERS)))
            assert ask(engine.socket, "GET", f"/volumes/{other}").status == 200
        assert ask(proxy.socket, "DELETE", f"/v1.41/volumes/{name}").status in {204, 404}
    assert ask(engine.socket, "DELETE", f"/volumes/{other}").status == 204


def test_a_prune_removes_what_it_must_and_says_so(engine: Engine, label: str) -> None:
    name, json_type = f"old-{label}", {"Content-Type": "application/json"}
    filters = quote(json.dumps({"label": [label]}))
    with running_policy(engine.socket, "[VolumePrune]") as proxy:
        for body in (b"", b"{}"):
            made = json.dumps({"Name": name, "Labels": {label: "1"}}).encode()
            ask(engine.socket, "POST", "/volumes/create", made, json_type)
            answer = ask(proxy.socket, "POST", f"/v1.41/volumes/prune?filters={filters}", body, json_type)
            assert (answer.status, json.loads(answer.body)["VolumesDeleted"]) == (200, [name])


@pytest.mark.parametrize("owns", [False, True])
def test_podman_removes_no_network_that_a_container_is_on(podman: Engine, label: str, *, owns: bool) -> None:
    """Not even that of a client, where the container is none of its own."""
    network, json_type = f"used-{label}", {"Content-Type": "application/json"}
    words = f"{{networks: [{network}]}}"
    conditions = f"[{{NetworkDelete: {words}, NetworkDeleteLibpod: {words}}}]"
    with running_policy(podman.socket, "[own, NetworkCreate]" if owns else conditions) as proxy:
        made, target = json.dumps({"Name": network}).encode(), proxy.socket if owns else podman.socket
        assert ask(target, "POST", "/networks/create", made, json_type).status == 201
        body = {"Image": "busybox", "Labels": {"case": label}, "HostConfig": {"NetworkMode": network}}
        assert ask(podman.socket, "POST", "/containers/create", json.dumps(body).encode(), json_type).status == 201
        if owns:
            assert ask(proxy.socket, "POST", "/v1.41/networks/prune").json() == {"NetworksDeleted": []}
        for api in ("/v1.41", "/v5.0.0/libpod"):
            answer = ask(proxy.socket, "DELETE", f"{api}/networks/{network}")
            assert (answer.status, b"has associated containers" in answer.body) == (500, True)
        remove_containers(podman, label)
        assert ask(proxy.socket, "DELETE", f"/v1.41/networks/{network}").status == 204
