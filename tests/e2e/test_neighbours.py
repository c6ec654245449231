"""Two clients on a network that neither owns: neither takes a name there, and what has other names works."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import running_file
from e2e.starting import start_container
from e2e.talk import Answer, ask
from e2e.test_own import Socket, make_container

pytestmark = pytest.mark.engine

SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow:
      - preset:own-compose
      - ContainerCreate: {images: [busybox], labels: {case: LABEL}, networks: [default, shared-LABEL]}
      - NetworkInspect: {networks: [shared-LABEL]}
      - NetworkList: {networks: [shared-LABEL]}
      - NetworkConnect: {networks: [shared-LABEL]}
"""
Two = tuple[Socket, Socket]


@pytest.fixture
def network(engine: Engine, label: str) -> Iterator[str]:
    name = f"shared-{label}"
    Socket(engine.socket).make("networks/create", Name=name)
    yield name
    remove_containers(engine, label)
    ask(engine.socket, "DELETE", f"/v1.41/networks/{name}")


@pytest.fixture
def sharing(engine: Engine, network: str, label: str) -> Iterator[Two]:
    assert network
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in ("mine", "theirs"))
    with running_file(engine.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "mine.sock"), Socket(folder / "theirs.sock")
    filters = quote(json.dumps({"label": [f"io.dockerproxy.owner=mine-{label}"]}))
    for each in ask(engine.socket, "GET", f"/v1.41/networks?filters={filters}").json():
        ask(engine.socket, "DELETE", f"/v1.41/networks/{each['Id']}")


def options(network: str, *aliases: str, **more: object) -> dict[str, object]:
    config = {"EndpointsConfig": {network: {"Aliases": list(aliases)}}}
    return {"HostConfig": {"NetworkMode": network}, "NetworkingConfig": config, **more}


def create(socket: Socket, name: str, **body: object) -> Answer:
    return socket.ask("POST", f"/v1.41/containers/create?name={name}", Image="busybox", Cmd=["sleep", "600"], **body)


@pytest.mark.parametrize("is_unowned", [False, True])
def test_no_name_of_another_is_taken_on_a_shared_network(
    sharing: Two, engine: Engine, network: str, label: str, *, is_unowned: bool
) -> None:
    mine, theirs = sharing
    maker = Socket(engine.socket) if is_unowned else theirs
    labelled = {"Labels": {"case": label}, "StopTimeout": 0}
    victim = make_container(maker, f"v-{label}", **options(network, "egress", Hostname="box"), **labelled)
    for is_running in (False, True):
        if is_running:
            start_container(engine.socket, victim)
        for alias in ("egress", "EGRESS", "box", f"v-{label}", victim[:12], "api.github.com", "egress."):
            denied = create(mine, f"m-{label}", **options(network, "app", alias))
            assert denied.status == 403, (alias, denied)
        assert create(mine, f"m-{label}", **options(network, Hostname="egress")).status == 403
        assert create(mine, "egress", **options(network)).status == 403
    own = mine.make("networks/create", Name=f"own-{label}")
    there = make_container(mine, f"o-{label}", **options(own, "egress"))  # Its own network has any names.
    endpoint = {"Container": there, "EndpointConfig": {"Aliases": ["egress"]}}
    assert mine.ask("POST", f"/v1.41/networks/{network}/connect", **endpoint).status == 403
    named = make_container(mine, "box", **options(own))
    assert mine.ask("POST", f"/v1.41/networks/{network}/connect", Container=named).status == 403
    ours = make_container(mine, f"m-{label}", **options(network, "app"))
    again = make_container(mine, f"n-{label}", **options(network, "app"))  # Like a recreated service.
    assert mine.ask("POST", f"/v1.41/containers/{ours}/rename?name=egress").status == 403
    assert mine.ask("POST", f"/v1.41/containers/{ours}/rename?name=free-{label}").status == 204
    assert again
    mine.ask("DELETE", f"/v1.41/containers/{named}")
    mine.ask("DELETE", f"/v1.41/containers/{there}")


FILE = """
services:
  app: {{image: busybox, command: [sleep, "600"], networks: [default, out]}}
  db: {{image: busybox, command: [sleep, "600"]}}
networks: {{out: {{external: true, name: {network}}}}}
"""


def test_compose_joins_an_external_network_again_and_again(
    sharing: Two, network: str, label: str, make_client: partial[Client], tmp_path: Path
) -> None:
    mine, theirs = sharing
    make_container(theirs, f"v-{label}", **options(network, "egress", "db"))
    file = tmp_path / "compose.yaml"
    file.write_text(FILE.format(network=network))
    client = make_client(socket=mine.socket)
    words = ("compose", "--project-name", f"p{label}", "--file", str(file))
    for more in ((), (), ("--force-recreate",)):
        client.run(*words, "up", "--detach", "--timeout=0", *more)
    assert sorted(client.text(*words, "ps", "--services").split()) == ["app", "db"]
    client.run(*words, "down", "--timeout=0")
