"""No image brings its containers a label upon which Podman acts, however a client makes it."""

import hashlib
import json
import re
import sys
from urllib.parse import quote

import pytest
from e2e.engines import Engine
from e2e.programs import Running
from e2e.proxies import running_policy
from e2e.talk import Answer, ask
from wire.tars import archive_of, item, read_archive

pytestmark = pytest.mark.engine

UNIT = "PODMAN_SYSTEMD_UNIT"
SAYS = re.compile("an engine, its runtime or this proxy acts|whose name may come from a variable")
CHANGE = quote(f"LABEL {UNIT}=ssh.service")
TAR = {"Content-Type": "application/x-tar"}
JSON = {"Content-Type": "application/json"}
GRANT = json.dumps([{name: {"tags": ["**", "localhost/**"]}} for name in ("ImageCreate", "ImageBuild", "ImageLoad")])


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def labels_of_container(podman: Engine, image: str) -> dict[str, str]:
    """Return the labels of a container that is made of an image; both are gone then."""
    content = json.dumps({"Image": image, "Cmd": ["true"]}).encode()
    made = ask(podman.socket, "POST", "/v1.41/containers/create", content, JSON).json()["Id"]
    found: dict[str, str] = ask(podman.socket, "GET", f"/containers/{made}/json").json()["Config"]["Labels"]
    ask(podman.socket, "DELETE", f"/containers/{made}?force=1")
    ask(podman.socket, "DELETE", f"/images/{image}?force=1")
    return found


def sent(podman: Engine, target: str, content: bytes = b"", kind: dict[str, str] | None = None) -> Answer:
    """Look whether a request is refused, and send it past the proxy."""
    with running_policy(podman.socket, GRANT) as proxy:
        refused = ask(proxy.socket, "POST", target, content, kind or TAR)
    assert (refused.status, SAYS.search(refused.json()["message"]) is not None) == (403, True), refused.body
    return ask(podman.socket, "POST", target, content, kind or TAR)


def test_an_import_brings_none(podman: Engine) -> None:
    target = f"/v1.41/images/create?fromSrc=-&repo=docker.io/ci/it&tag=1&changes={CHANGE}"
    assert sent(podman, target, archive_of(item("file", b"x"))).status == 200
    assert UNIT in labels_of_container(podman, "docker.io/ci/it:1")


@pytest.mark.parametrize(
    "step",
    [f"LABEL {UNIT}=x", 'LABEL a=b "PODMAN"_\\\n # c\nSYSTEMD_UNIT=x', "ENV N=PODMAN_SYSTEMD\nLABEL ${N}_UNIT=x"],
)
def test_a_build_brings_none(podman: Engine, step: str) -> None:
    content = archive_of(item("Dockerfile", f"FROM busybox\n{step}\n".encode()))
    assert b"Successfully built" in sent(podman, "/v1.41/build?t=docker.io/ci/it:1", content).body
    assert UNIT in labels_of_container(podman, "docker.io/ci/it:1")


def test_a_parameter_of_a_build_brings_none(podman: Engine) -> None:
    content = archive_of(item("Dockerfile", b"FROM busybox\nENV a=b\n"))
    target = f"/v1.41/build?t=docker.io/ci/it:1&labels={quote(json.dumps({UNIT: 'x'}))}"
    assert b"Successfully built" in sent(podman, target, content).body
    assert UNIT in labels_of_container(podman, "docker.io/ci/it:1")


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_an_archive_of_images_brings_none(podman: Engine, form: str) -> None:
    target = f"/v1.41/images/create?fromSrc=-&repo=docker.io/ci/it&tag=1&changes={CHANGE}"
    ask(podman.socket, "POST", target, archive_of(item("file", b"x")), TAR)
    saved = ask(podman.socket, "GET", f"/v5.4.2/libpod/images/docker.io/ci/it:1/get?format={form}").body
    ask(podman.socket, "DELETE", "/images/docker.io/ci/it:1?force=1")
    assert len(read_archive([saved]).entries) > 2
    assert sent(podman, "/v1.41/images/load", saved).status == 200
    assert UNIT in labels_of_container(podman, "docker.io/ci/it:1")


def test_an_archive_of_images_brings_no_variable_of_the_engine(podman: Engine) -> None:
    layer = archive_of(item("file", b"x"))
    config = {"os": "linux", "config": {"Env": ["A=b", "*"]}, "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}
    names = [{"Config": "config", "RepoTags": ["docker.io/ci/it:1"], "Layers": ["layer"]}]
    written = {"config": json.dumps(config).encode(), "layer": layer, "manifest.json": json.dumps(names).encode()}
    content = archive_of(*(item(name, each) for name, each in written.items()))
    with running_policy(podman.socket, GRANT) as proxy:
        assert b"a variable without a value" in ask(proxy.socket, "POST", "/v1.41/images/load", content, TAR).body
    assert ask(podman.socket, "POST", "/v1.41/images/load", content, TAR).status == 200
    body = json.dumps({"Image": "docker.io/ci/it:1", "Cmd": ["x"]}).encode()
    made = ask(podman.socket, "POST", "/v1.41/containers/create", body, JSON).json()["Id"]
    found = ask(podman.socket, "GET", f"/containers/{made}/json").json()["Config"]["Env"]
    assert any(each.startswith("CONTAINERS_CONF=") for each in found)
    ask(podman.socket, "DELETE", f"/containers/{made}?force=1")
    ask(podman.socket, "DELETE", "/images/docker.io/ci/it:1?force=1")


SITE = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, flush=True)
        self.send_error(404)
server = http.server.HTTPServer(("127.0.0.1", 8098), Handler)
print("serving", flush=True)
server.serve_forever()
"""
"""Something of the host's that only the host reaches."""


def test_an_archive_of_images_has_the_engine_ask_nobody_for_a_layer(podman: Engine) -> None:
    config = json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(b"x")]}}).encode()
    kind = "application/vnd.oci.image"
    layer = {"mediaType": f"{kind}.layer.v1.tar", "digest": digest(b"x"), "size": 1}
    layer["urls"] = ["http://127.0.0.1:8098/of-the-host"]
    described = {"mediaType": f"{kind}.config.v1+json", "digest": digest(config), "size": len(config)}
    manifest = json.dumps({"schemaVersion": 2, "config": described, "layers": [layer]}).encode()
    listed = {"mediaType": f"{kind}.manifest.v1+json", "digest": digest(manifest), "size": len(manifest)}
    written = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [listed]}).encode(),
        **{f"blobs/sha256/{digest(each).partition(':')[2]}": each for each in (config, manifest, b"x")},
    }
    content = archive_of(*(item(name, each) for name, each in written.items()))
    with Running(podman.inside(sys.executable, "-c", SITE), {}) as site:
        site.wait_for("serving")
        with running_policy(podman.socket, GRANT) as proxy:
            assert b'has the key \\"urls\\"' in ask(proxy.socket, "POST", "/v1.41/images/load", content, TAR).body
        assert b"of-the-host" not in site.printed
        ask(podman.socket, "POST", "/v1.41/images/load", content, TAR)
        site.wait_for("/of-the-host")
