"""What a hostile review of `own` tried on Podman: none of it shows or takes what another has."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import import_image
from e2e.proxies import running_file
from e2e.starting import start_container
from e2e.talk import ask
from e2e.test_own import Socket

pytestmark = pytest.mark.engine

NAMING = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow:
      - own
      - ContainerCreate: {images: ["NAME-LABEL:*"], networks: [default, podman], labels: {case: LABEL}}
"""


@pytest.fixture
def naming(podman: Engine, label: str) -> Iterator[tuple[Socket, Socket]]:
    """Two sockets before Podman, whose clients see images by different names."""
    text = "".join(NAMING.replace("NAME", name).replace("LABEL", label) for name in ("proxy", "other"))
    with running_file(podman.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")
    remove_containers(podman, label)


def test_no_image_outside_the_names_of_a_client_is_told(
    naming: tuple[Socket, Socket], podman: Engine, label: str, busybox: bytes
) -> None:
    """By a filter, also one that an exclamation mark turns round, or behind the name of a storage."""
    mine, other = naming
    import_image(podman.socket, f"docker.io/library/proxy-{label}:1", busybox)
    assert mine.ask("GET", f"/v1.41/images/proxy-{label}:1/json").status == 200
    for name in (f"proxy-{label}:1", f"docker.io/library/proxy-{label}:1"):
        missing = name.replace("proxy-", "nowhr-")
        filters = [{key: [name]} for key in ("reference", "reference!", "since!", "before!", "ancestor")]
        targets = [
            f"{where}/json?filters={quote(json.dumps(each))}" for where in ("images", "containers") for each in filters
        ]
        targets += [f"images/containers-storage:{name}/{what}" for what in ("json", "exists", "history")]
        for target in (f"{prefix}/{each}" for prefix in ("/v1.41", "/v5.0.0/libpod") for each in targets):
            there, nowhere = (other.ask("GET", each) for each in (target, target.replace("proxy-", "nowhr-")))
            assert (there.status, there.told.replace(name.encode(), b"")) == (
                nowhere.status,
                nowhere.told.replace(missing.encode(), b""),
            ), target
    ask(podman.socket, "DELETE", f"/images/docker.io/library/proxy-{label}:1")


def test_no_image_of_the_machine_is_run_by_a_name_like_an_id(podman: Engine, label: str, busybox: bytes) -> None:
    text = NAMING.replace('ContainerCreate: {images: ["NAME-LABEL:*"],', "ContainerCreate: {")
    text = text.replace("NAME", "proxy").replace("LABEL", label)
    with running_file(podman.socket, f"sockets:{text}") as (folder, _):
        mine = Socket(folder / "proxy.sock")
        import_image(podman.socket, f"localhost/{label[:8]}:latest", busybox)
        for socket, status in ((Socket(podman.socket), 201), (mine, 404)):
            made = socket.ask("POST", "/v1.41/containers/create", Image=label[:8], Labels={"case": label})
            assert made.status == status, made
    remove_containers(podman, label)
    ask(podman.socket, "DELETE", f"/images/localhost/{label[:8]}")


def test_who_uses_an_image_is_not_told_by_a_filter(naming: tuple[Socket, Socket]) -> None:
    for name in ("containers", "containers!"):
        for value in ("true", "false"):
            filters = quote(json.dumps({name: [value]}))
            assert naming[0].ask("GET", f"/v5.0.0/libpod/images/json?filters={filters}").status == 403


NETWORKS = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow: [own, NetworkCreate, ContainerCreate: {labels: {case: LABEL}}]
"""


@pytest.mark.parametrize("field", ["alias", "hostname"])
def test_no_name_in_an_own_network_is_about_another_s_container(podman: Engine, label: str, field: str) -> None:
    """What aardvark-dns reads of one network has, of any address, in which networks names are looked up for it."""
    line = f"x\nabc 10.89.0.2  {label}"
    body: dict[str, object] = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": f"n-{label}"}}
    if field == "alias":
        body["NetworkingConfig"] = {"EndpointsConfig": {f"n-{label}": {"Aliases": [line]}}}
    else:
        body["Hostname"] = line
    text = NETWORKS.replace("NAME", "proxy").replace("LABEL", label)
    read = podman.seen(f"/run/containers/networks/aardvark-dns/n-{label}")
    with running_file(podman.socket, f"sockets:{text}") as (folder, _):
        mine = Socket(folder / "proxy.sock")
        assert mine.ask("POST", "/v1.41/networks/create", Name=f"n-{label}").status == 201
        refused = mine.ask("POST", "/v1.41/containers/create", **body)
        assert (refused.status, "Podman reads on" in refused.json()["message"]) == (403, True)
        whole = {**body, "Labels": {"case": label}, "Cmd": ["sleep", "60"]}
        made = Socket(podman.socket).ask("POST", "/v1.41/containers/create", **whole).json()["Id"]
        start_container(podman.socket, made)
        assert f"abc 10.89.0.2  {label}" in read.read_text()
    remove_containers(podman, label)
    ask(podman.socket, "DELETE", f"/networks/n-{label}")


def test_no_network_takes_the_place_of_what_all_networks_need(podman: Engine, label: str) -> None:
    text = NETWORKS.replace("NAME", "proxy").replace("LABEL", label)
    with running_file(podman.socket, f"sockets:{text}") as (folder, _):
        refused = Socket(folder / "proxy.sock").ask("POST", "/v1.41/networks/create", Name="aardvark.pid")
    assert (refused.status, "another use for that name" in refused.json()["message"]) == (403, True)


OWN_API = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow: [own, ContainerCreate, "libpod/containers:write": unrestricted, "libpod/volumes:write": unrestricted,
      "libpod/networks:write": unrestricted]
"""


def test_what_podmans_own_api_makes_is_nobodys(podman: Engine, label: str) -> None:
    """An unrestricted grant opens it, and no client sees or uses by `own` what it made."""
    text = "".join(OWN_API.replace("NAME", name).replace("LABEL", label) for name in ("proxy", "other"))
    with running_file(podman.socket, f"sockets:{text}") as (folder, _):
        maker, name = Socket(folder / "proxy.sock"), f"x-{label}"
        bodies: dict[str, dict[str, object]] = {
            "containers": {"name": name, "image": "busybox", "labels": {"case": label}, "command": ["true"]},
            "volumes": {"Name": name},
            "networks": {"name": name},
        }
        for kind, body in bodies.items():
            assert maker.ask("POST", f"/v5.0.0/libpod/{kind}/create", **body).status in {200, 201}, kind
        for socket in (maker, Socket(folder / "other.sock")):
            for kind in bodies:
                assert name.encode() not in socket.ask("GET", f"/v5.0.0/libpod/{kind}/json?all=true").body
                for path in (f"/v1.41/{kind}/{name}", f"/v5.0.0/libpod/{kind}/{name}"):
                    inspect = f"{path}/json" if "libpod" in path or kind == "containers" else path
                    assert socket.ask("GET", inspect).status == 404, inspect
            assert socket.ask("DELETE", f"/v1.41/containers/{name}?force=1").status in {403, 404}
            for mode in ({"NetworkMode": name}, {"NetworkMode": f"container:{name}"}, {"Binds": [f"{name}:/x"]}):
                answer = socket.ask("POST", "/v1.41/containers/create", Image="busybox", HostConfig=mode)
                assert answer.status in {403, 404}, mode
    remove_containers(podman, label)
    for kind in ("volumes", "networks"):
        assert ask(podman.socket, "DELETE", f"/v5.0.0/libpod/{kind}/{name}").status in {200, 204}
