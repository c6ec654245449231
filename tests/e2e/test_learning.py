"""A policy that was learned from real clients: it allows the same again, without a refusal, and nothing else."""

import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from uuid import uuid4

import docker
import pytest
import yaml
from e2e.archives import STEP, remove_image
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy, running_proxy
from e2e.scenarios import add_copies
from waiting import PATIENCE

pytestmark = pytest.mark.engine

Use = Callable[[Client], None]


def look_after(client: Client) -> None:
    """What somebody does who looks after containers: names, ids, prefixes of ids, logs, files, commands."""
    container = client.start_container("sleep", "600", options=("--name", f"web-{client.label}", "--stop-timeout=0"))
    client.run("ps", "--all")
    client.run("inspect", container[:12])
    client.run("logs", container)
    client.run("exec", container[:5], "true")
    client.run("cp", f"{container}:/bin/busybox", "-")
    client.run("rename", container, f"db-{client.label}")
    client.run("kill", "--signal", "HUP", f"db-{client.label}")
    client.run("image", "inspect", "busybox")
    client.run("network", "inspect", "none")
    client.run("volume", "create", f"data-{client.label}")
    client.run("volume", "rm", f"data-{client.label}")
    client.run("rm", "--force", f"db-{client.label}")


PROJECT = """
services:
  web:
    image: busybox
    command: sleep 600
    stop_grace_period: 0s
    volumes: ["kept:/kept", "/etc/hostname:/etc/name:ro"]
    networks: [inner]
    ports: ["127.0.0.1::80"]
    cap_add: [NET_ADMIN]
    user: "1000:1000"
    mem_limit: 64m
volumes: {kept: {}}
networks: {inner: {}}
"""


def run_a_project(client: Client, folder: Path) -> None:
    """What somebody does who has a compose project: it comes up, runs a command, and goes down."""
    file = folder / "compose.yaml"
    file.write_text(PROJECT)
    project = ("compose", "--project-name", f"case{client.label}", "--file", str(file))
    client.run(*project, "up", "--detach")
    client.run(*project, "exec", "-T", "web", "test", "-e", "/etc/name")
    client.run(*project, "down", "--volumes", "--timeout=0")


def run_a_container(client: Client) -> None:
    """What somebody does at the command line: a container with a volume and a port runs a command."""
    web, data = f"web-{client.label}", f"data-{client.label}"
    options = ("-v", "/etc/hostname:/etc/name:ro", "-v", f"{data}:/data", "-p", "127.0.0.1::80")
    client.run("volume", "create", data)
    client.run("run", "-d", "--name", web, *options, "--cap-add=NET_RAW", "busybox", "sleep", "600")
    client.run("exec", web, "true")
    client.run("rm", "--force", "--time=0", web)
    client.run("volume", "rm", data)


def use_a_library(client: Client) -> None:
    """What a program does that gives no names: it creates, looks at all that is there, and removes its own."""
    with closing(docker.DockerClient(base_url=f"unix://{client.socket}", timeout=PATIENCE)) as library:
        network = library.networks.create(str(uuid4()))
        ends_when_asked = ["sh", "-c", "trap exit TERM; sleep 600 & wait"]  # Podman waits 10 s for what does not.
        create = partial(library.containers.create, "busybox", ends_when_asked, network_mode="none")
        made = [create(labels={"case": client.label}) for _ in range(2)]
        made[-1].start()
        assert made[-1].exec_run(["test", "!", "-e", f"/tmp/{uuid4()}.py"]).exit_code == 0
        assert {each.id for each in made} <= {each.id for each in library.containers.list(all=True)}
        for container in made:
            container.remove(force=True)
        network.remove()


def send_archives(client: Client, folder: Path) -> None:
    """What somebody does who builds an image, keeps it, gets it back, and copies files into a container."""
    name, files = f"learned/{client.label}:1", folder / "files"
    files.mkdir(exist_ok=True)
    (files / "Dockerfile").write_bytes(STEP + b"COPY Dockerfile /copied\nENV A=b\n")
    client.run("build", "--tag", name, "--network", "none", str(files))
    client.run("build", "--compress", "--tag", name, "--network", "none", str(files))
    client.run("load", data=client.run("save", name))
    container = client.start_container("sleep", "600", options=("--name", f"web-{client.label}", "--stop-timeout=0"))
    client.run("cp", str(files), f"{container}:/tmp")
    client.run("rm", "--force", container)


def learn(engine: Engine, make_client: Callable[..., Client], label: str, use: Use, folder: Path) -> str:
    """Have a client use a socket that learns; return what is allowed by what was learned, as YAML."""
    with running_proxy(engine.socket, {}, words=("--learn", str(folder))) as proxy:
        use(make_client(socket=proxy.socket))
    document = yaml.safe_load((folder / "docker.learned.yaml").read_text())
    remove_containers(engine, label)
    return json.dumps(document["sockets"]["docker"]["allow"])


def list_refused(proxy: Proxy) -> list[str]:
    return [
        str(record)
        for record in proxy.records()
        if record.get("decision") in {"denied", "refused"} and record["status"] != 404
    ]


def test_what_was_learned_of_docker_allows_the_same_again_and_nothing_else(
    dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    allow = learn(dockerd, make_client, label, look_after, tmp_path)
    other = make_client(socket=dockerd.socket).start_container("sleep", "600", options=("--name", f"other-{label}"))
    with running_policy(dockerd.socket, add_copies(allow)) as proxy:
        client = make_client(socket=proxy.socket)
        look_after(client)
        assert list_refused(proxy) == []
        for words in (("kill", "--signal", "HUP", other), ("container", "inspect", other)):
            assert "No such " in client.refused(*words)
        assert " denied: " in client.refused("info")
    remove_containers(dockerd, label)


def test_a_project_that_was_learned_comes_up_again_and_one_that_asks_for_more_does_not(
    dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    allow = learn(dockerd, make_client, label, lambda client: run_a_project(client, tmp_path), tmp_path)
    assert "unrestricted" not in allow
    with running_policy(dockerd.socket, allow) as proxy:
        client = make_client(socket=proxy.socket)
        run_a_project(client, tmp_path)
        assert list_refused(proxy) == []
        web = ("run", "--name", f"case{label}-web-1", "--network", "none")
        make_client(socket=dockerd.socket).run("volume", "create", f"other-{label}")
        for words in (("-v", "/etc:/host:ro"), ("-v", f"other-{label}:/v"), ("-p", "0.0.0.0::80"), ("--privileged",)):
            assert "ContainerCreate denied: " in client.refused(*web, *words, "busybox")
        assert "an image that no rule allows" in client.refused(*web, "other")
        make_client(socket=dockerd.socket).run("volume", "rm", f"other-{label}")


def test_a_program_that_names_nothing_does_the_same_again_with_what_was_learned(
    engine: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    others = make_client(socket=engine.socket)
    for _ in range(3):
        others.start_container("sleep", "600")
    allow = learn(engine, make_client, label, use_a_library, tmp_path)
    text = (tmp_path / "docker.learned.yaml").read_text()
    assert "unrestricted" not in allow
    assert '"*' not in allow
    assert "own" in allow
    assert "# requests each of the containers that it listed" in text
    with running_policy(engine.socket, allow) as proxy:
        client = make_client(socket=proxy.socket)
        for _ in range(2):
            use_a_library(client)
        assert list_refused(proxy) == []


def test_a_build_and_files_for_a_container_that_were_learned_pass_again_and_others_do_not(
    engine: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    """A build of Podman is learned unrestricted: no other grant lets it pass."""

    def make(socket: Path) -> Client:
        return make_client(socket=socket, extra={"DOCKER_BUILDKIT": "0"})

    allow = learn(engine, make, label, lambda client: send_archives(client, tmp_path), tmp_path)
    is_podman = engine.name == "podman"
    assert ('"ImageBuild": "unrestricted"' in allow) is is_podman
    with running_policy(engine.socket, add_copies(allow)) as proxy:
        client = make(proxy.socket)
        send_archives(client, tmp_path)
        assert list_refused(proxy) == []
        name, files = f"learned/{label}:1", str(tmp_path / "files")
        others = client.attempt("build", "--tag", f"{name}2", "--network", "none", files)
        assert (b" denied: " in others.stdout + others.stderr) is not is_podman
    remove_containers(engine, label)
    remove_image(engine, name)


def test_what_was_learned_of_podmans_own_api_allows_the_same_again(
    podman: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    def make(socket: Path) -> Client:
        program = ("podman", "--remote", "--url", f"unix://{socket}")
        return make_client(program=program, socket=socket, extra={"XDG_RUNTIME_DIR": str(tmp_path)})

    allow = learn(podman, make, label, run_a_container, tmp_path)
    assert '{"ContainerCreateLibpod": "unrestricted"}' in allow
    with running_policy(podman.socket, allow) as proxy:
        run_a_container(make(proxy.socket))
        assert list_refused(proxy) == []
