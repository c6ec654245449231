"""A container that mounts the engine's socket gets that of its client, and directories by the client's names."""

import os

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import running_file

pytestmark = pytest.mark.engine

SOCKETS = """
sockets:
  proxy:
    path: FOLDER/proxy.sock
    own_as: proxy-LABEL
    own_socket: FOLDER/proxy.sock
    paths: {/programs/usr: /usr, /programs/lib: /lib, /programs/lib64: /lib64}
    allow:
      - preset:ping
      - own
      - ContainerCreate:
          images: [busybox]
          binds: ["/programs/usr:ro", "/programs/lib:ro", "/programs/lib64:ro"]
          labels: {case: LABEL}
      - ImageInspect: {images: [busybox]}
  other:
    path: FOLDER/other.sock
    own_as: other-LABEL
    allow:
      - preset:ping
      - own
      - ContainerCreate: {images: [busybox], labels: {case: LABEL}}
      - ImageInspect: {images: [busybox]}
"""


def test_a_program_in_a_container_reaches_what_its_client_reaches(dockerd: Engine, label: str) -> None:
    """Docker's command line, by the engine's usual path, from within a container that was given the host's programs."""
    mounts = [f"--volume=/programs{path}:{path}:ro" for path in ("/usr", "/lib", "/lib64") if os.path.exists(path)]
    with running_file(dockerd.socket, SOCKETS.replace("LABEL", label)) as (folder, _):
        sockets = (folder / f"{name}.sock" for name in ("proxy", "other"))
        mine, other = (Client(program=("docker",), socket=each, home=folder, label=label) for each in sockets)
        hidden = other.text("run", "--detach", "--network=none", "busybox", "sleep", "600")
        inside = mine.text(
            *("run", "--network=none", f"--name=inside-{label}", "--volume=/var/run/docker.sock:/var/run/docker.sock"),
            *(*mounts, "busybox", "/usr/bin/docker", "ps", "--all", "--no-trunc", "--format={{.Names}}"),
        )
        assert inside.split() == [f"inside-{label}"]
        assert hidden
        told = mine.text("inspect", "--format={{json .HostConfig.Binds}} {{json .Mounts}}", f"inside-{label}")
        assert '"/programs/usr:/usr:ro"' in told
        assert '"Source":"/programs/usr"' in told
        assert "/programs/usr" in mine.text("ps", "--all", "--no-trunc", "--format={{.Mounts}}")
        denied = mine.refused("run", "--rm", "--volume=/usr:/usr:ro", "busybox", "true")
        assert '"/usr", a host path that no rule allows' in denied
        denied = other.refused("run", "--rm", "--volume=/var/run/docker.sock:/s", "busybox", "true")
        assert "`own_socket` mounts the client's own socket instead" in denied
    remove_containers(dockerd, label)
