"""Secrets of Podman that two clients make by Podman's own API: each sees, reads and removes its own."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from e2e.engines import Engine
from e2e.proxies import running_file
from e2e.talk import Answer, ask
from e2e.test_own import Socket

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.objects import KINDS, Kind

pytestmark = pytest.mark.engine

SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow: [preset:ping, own, SecretCreateLibpod, SecretCreate]
"""
Two = tuple[Socket, Socket]


@pytest.fixture
def two(podman: Engine, label: str) -> Iterator[Two]:
    """Two sockets that make secrets."""
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in ("proxy", "other"))
    with running_file(podman.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")
    for each in ask(podman.socket, "GET", "/v5.0.0/libpod/secrets/json").json():
        if label in each["Spec"]["Name"]:
            ask(podman.socket, "DELETE", f"/v5.0.0/libpod/secrets/{each['ID']}")


def create(socket: Socket, name: str, query: str = "") -> Answer:
    return ask(socket.socket, "POST", f"/v5.0.0/libpod/secrets/create?name={name}{query}", b"value")


def test_each_has_its_own_secrets(two: Two, label: str) -> None:
    mine, other = two
    made = create(mine, f"s-{label}", f"&labels={quote(json.dumps({'a': 'b'}))}")
    assert made.status == 200, made
    secret = str(made.json()["ID"])
    for target, names in (("v1.41/secrets", mine), ("v5.0.0/libpod/secrets/json", mine)):
        [found] = ask(names.socket, "GET", f"/{target}").json()
        assert (found["ID"], found["Spec"]["Labels"]["a"]) == (secret, "b")
        assert ask(other.socket, "GET", f"/{target}").json() == []
    shown = mine.ask("GET", f"/v5.0.0/libpod/secrets/{secret}/json?showsecret=true")
    assert (shown.status, shown.json()["SecretData"]) == (200, "value")
    for operation in (OPERATIONS[name] for name, kind in KINDS.items() if kind is Kind.SECRET):
        version = "v5.0.0" if operation.section.startswith("libpod") else "v1.41"
        for identity in (secret, f"s-{label}", secret[:9]):
            path = re.sub(r"\{[a-z]+\}", identity, operation.path)
            assert other.ask(operation.method, f"/{version}{path}").status in {403, 404}, operation.name
    for query in ("", "&replace=true", "&ignore=true", "&Replace=true"):
        answer = create(other, f"s-{label}", query)
        assert (answer.status >= 400, secret.encode() in answer.body) == (True, False), (query, answer)
    assert mine.ask("DELETE", f"/v5.0.0/libpod/secrets/s-{label}").status == 204
    assert mine.list("secrets") == []


def test_no_label_in_a_query_forges_a_stamp(two: Two, podman: Engine, label: str) -> None:
    mine, other = two
    forged = quote(json.dumps({"io.dockerproxy.owner": f"other-{label}", "io.dockerproxy.nonce": "x"}))
    for query in (
        f"&labels={forged}",
        f"&Labels={forged}",
        f"&labels=%7B%7D&labels={forged}",
        f"&labels={forged}&LABELS=",
    ):
        answer = create(mine, f"f-{label}", query)
        assert answer.status in {400, 403}, (query, answer)
    assert create(mine, f"s-{label}", "&labels=%7B%7D").status == 200
    assert other.list("secrets") == []
    [secret] = [
        each for each in ask(podman.socket, "GET", "/v1.41/secrets").json() if each["Spec"]["Name"] == f"s-{label}"
    ]
    assert secret["Spec"]["Labels"]["io.dockerproxy.owner"] == f"proxy-{label}"
