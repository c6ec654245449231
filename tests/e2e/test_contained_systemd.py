"""No contained container, and none that holds a pod, is in Podman's systemd mode by what its program is called."""

import json

import pytest
from e2e.engines import Engine
from e2e.proxies import running_policy
from e2e.talk import ask

pytestmark = pytest.mark.engine

API = "/v5.4.2/libpod"
KIND = {"Content-Type": "application/json"}
FEARED = ("control groups writable", "not allowed: Podman reads it as JSON")


def systemd_mode_of(podman: Engine, container: str) -> bool:
    found = ask(podman.socket, "GET", f"{API}/containers/{container}/json").json()
    return bool(found["Config"].get("SystemdMode", False))


@pytest.mark.parametrize(
    "words",
    [
        {"Cmd": ["/sbin/init"]},
        {"Cmd": ["systemd/"]},
        {"Cmd": ["/bin/sh", "-c", "/usr/sbin/init"]},
        {"Cmd": ["/bin/sh", "-c", "evil #/systemd/"]},
        {"Entrypoint": [""], "Cmd": ["/usr/local/sbin/init"]},
        {"Entrypoint": ["/bin/sh"], "Cmd": ["-c", "/x/systemd"]},
        {"Entrypoint": ['["/sbin/init"]']},
        {"Entrypoint": ['["/sbin/init", 1]']},
    ],
    ids=str,
)
def test_no_command_turns_the_systemd_mode_on_in_dockers_words(podman: Engine, words: dict[str, object]) -> None:
    content = json.dumps({"Image": "busybox", "HostConfig": {"NetworkMode": "none"}, **words}).encode()
    made = ask(podman.socket, "POST", "/v1.41/containers/create", content, KIND).json()["Id"]
    try:
        assert systemd_mode_of(podman, made)
    finally:
        ask(podman.socket, "DELETE", f"{API}/containers/{made}?force=true&timeout=0")
    with running_policy(podman.socket, "[{ContainerCreate: {}}]") as proxy:
        answer = ask(proxy.socket, "POST", "/v1.41/containers/create", content, KIND)
    assert (answer.status, any(says in answer.json()["message"] for says in FEARED)) == (403, True)
