"""What people run, on a socket of its own: it works with what it created, and two of them never meet.

Each policy is short: a preset or `own`, and the creates.
"""

import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import import_image
from e2e.programs import Client
from e2e.proxies import Proxy, denied, running_file, running_policy, running_proxy
from e2e.scenarios import COPIES, NODE, NODE_PROGRAM, SCENARIOS, devcontainer
from e2e.talk import ask
from e2e.test_presets import TESTCONTAINERS
from waiting import PATIENCE

pytestmark = pytest.mark.engine

NAMES = ("proxy", "other")
MOST_LINES = 15

PROGRAMS = {
    "dockerode": """
- own
- NetworkCreate
- VolumeCreate
- ContainerCreate: {images: [busybox], memory: 64MiB}
- ImageBuild: {tags: ["docker.io/library/case-LABEL:built"]}
- ImageTag: {tags: ["docker.io/library/case-LABEL:*"]}
- ImageDelete: {tags: ["docker.io/library/case-LABEL:*"]}
- ImageCreate: {images: ["registry.invalid/none:1"]}
"""
    + COPIES,
    "testcontainers": """
- preset:testcontainers
- ImageBuild: {tags: ["docker.io/library/case-LABEL:*", "docker.io/library/built-LABEL:*"]}
- ImageDelete: {tags: ["docker.io/library/case-LABEL:*", "docker.io/library/built-LABEL:*"]}
""",
    "devcontainers": """
- preset:devcontainers
- ContainerCreate: {images: [busybox], binds: [/srv]}
""",
    "llm-sandbox": """
- preset:ai-agent
- ImageBuild: {tags: ["docker.io/library/sandbox-python-case-LABEL:latest"]}
- ImageDelete: {tags: ["docker.io/library/sandbox-python-case-LABEL:latest"]}
"""
    + COPIES,
}


@contextmanager
def serving(engine: Engine, make_client: partial[Client], allow: str) -> Iterator[tuple[Proxy, Client, Client]]:
    """Run a proxy with two sockets, on each of which the same is allowed, and a client on each."""
    label = make_client(socket=engine.socket).label
    labels = dict(zip(NAMES, (label, f"{label}-o"), strict=True))
    sockets = {
        name: {
            "path": f"FOLDER/{name}.sock",
            "own_socket": f"FOLDER/{name}.sock",
            "own_as": f"{name}-{label}",
            "allow": ["preset:ping", *yaml.safe_load(allow.replace("LABEL", labels[name]))],
        }
        for name in NAMES
    }
    with running_file(engine.socket, json.dumps({"sockets": sockets})) as (folder, proxy):
        mine, other = (make_client(socket=folder / f"{name}.sock") for name in NAMES)
        yield proxy, mine, replace(other, label=labels["other"])
        for name in NAMES:
            words = (sys.executable, "-m", "dockerproxy", "sweep", "--policy", str(folder / "policy.yaml"), name)
            assert subprocess.run(words, check=False, capture_output=True, timeout=PATIENCE).returncode == 0


NETWORKS = ("network", "ls", '--format={{if ne .Name "bridge"}}{{.ID}}{{end}}')
LISTS = (("ps", "--all", "--quiet"), NETWORKS, ("volume", "ls", "--quiet"))


def list_all(client: Client) -> set[str]:
    """Return what a client sees: containers, volumes, and networks but the bridge, which Testcontainers needs."""
    return {name for words in LISTS for name in client.run(*words).decode().split()}


def denied_by_us(proxy: Proxy) -> list[str]:
    """Return what was denied that an engine would have done. Podman forgets an exec with its container, or fails."""
    return [reason for reason in denied(proxy) if not re.match("No such |.* the engine answered 500$", reason)]


@pytest.mark.parametrize(
    ("engine", "name"), [*(("dockerd", name) for name in PROGRAMS), ("podman", "devcontainers")], indirect=["engine"]
)
def test_a_program_works_with_what_it_created_and_meets_no_other(
    name: str, engine: Engine, make_client: partial[Client], tmp_path: Path
) -> None:
    """The others build an image, which Podman does for an unrestricted grant only."""
    scenario, allow = SCENARIOS[name], PROGRAMS[name].replace("/srv", str(tmp_path))
    assert len(allow.strip().splitlines()) <= MOST_LINES
    with serving(engine, make_client, allow) as (proxy, mine, other):
        other.run("volume", "create", f"first-{other.label}")
        before = list_all(other)
        with other.watch("events") as watching:
            assert scenario.run(mine, tmp_path) == scenario.result
            assert (list_all(mine), list_all(other)) == (set(), before)
            other.run("volume", "create", f"last-{other.label}")
            watching.wait_for(f"last-{other.label}")
        assert mine.label not in watching.printed.decode().replace(other.label, "")
        assert denied_by_us(proxy) == []


PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults: {group/community.docker.docker: {docker_host: "{{ lookup('env', 'DOCKER_HOST') }}"}}
  tasks:
    - community.docker.docker_network: {name: "net-{{ case }}"}
    - community.docker.docker_volume: {name: "vol-{{ case }}"}
    - community.docker.docker_container: &job
        name: "job-{{ case }}"
        image: busybox
        pull: never
        command: sleep 600
        networks: [{name: "net-{{ case }}"}]
        volumes: ["vol-{{ case }}:/kept"]
        stop_timeout: 0
    - community.docker.docker_container: {<<: *job, command: sleep 601}
    - community.docker.docker_container_info: {name: "job-{{ case }}"}
      register: job
    - ansible.builtin.assert: {that: job.container.State.Running}
    - community.docker.docker_host_info: {containers: true, images: true, networks: true, volumes: true}
    - community.docker.docker_container: {name: "job-{{ case }}", state: absent}
    - community.docker.docker_network: {name: "net-{{ case }}", state: absent}
    - community.docker.docker_volume: {name: "vol-{{ case }}", state: absent}
"""


def play_book(client: Client, folder: Path) -> bool:
    file = folder / "playbook.yaml"
    file.write_text(PLAYBOOK)
    ansible = replace(client, program=("ansible-playbook", "--connection=local"), extra={"LC_ALL": "C.UTF-8"})
    variables = {"case": client.label, "ansible_python_interpreter": sys.executable}
    return bool(ansible.run("--inventory=localhost,", "--extra-vars", json.dumps(variables), str(file)))


def test_ansible_works_with_what_is_its_own(podman: Engine, make_client: partial[Client], tmp_path: Path) -> None:
    """On dockerd, it does below, with what was learned of it."""
    with serving(podman, make_client, "[preset:ci]") as (proxy, mine, other):
        assert play_book(mine, tmp_path)
        assert denied_by_us(proxy) == []
        assert list_all(other) == set()


REAPER = """#!/bin/sh
# Speaks Ryuk's protocol: a line is a filter of labels, and what has them is removed when the client has gone.
if [ "$1" != session ]; then
    nc -ll -p 8080 -e /bin/ryuk session &
    until grep -qs :1F90 /proc/net/tcp /proc/net/tcp6; do :; done
    echo "$(date) Started!"
    wait
fi
trap "" PIPE # A client that is gone takes no ACK.
while read -r line; do
    filters="$filters $(echo "$line" | tr -d '\\r' | sed 's/%3D/=/g; s/&/ --filter=/g; s/^/--filter=/')"
    echo ACK
done
docker ps --all --quiet $filters | grep -v "$(hostname)" | xargs -r docker rm --force
for kind in network volume; do docker $kind ls --quiet $filters | xargs -r docker $kind rm; done
docker rm --force "$(hostname)"
"""

RYUK = ('CMD ["/bin/ryuk"]', "EXPOSE 8080", "STOPSIGNAL KILL")  # Podman gives what it removes ten seconds.


def reaper_root(busybox: bytes) -> bytes:
    """Make the root file system of a stand-in for Ryuk: a script, and Docker's command line with its libraries."""
    printed = subprocess.run(("ldd", "/usr/bin/docker"), check=True, capture_output=True, text=True).stdout
    buffer = io.BytesIO(busybox)
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        for path in ("/usr/bin/docker", *re.findall(r"(/\S+) \(", printed)):
            tar.add(Path(path).resolve(), arcname=path)
        member = tarfile.TarInfo("bin/ryuk")
        member.size, member.mode = len(REAPER), 0o755
        tar.addfile(member, io.BytesIO(REAPER.encode()))
    return buffer.getvalue()


LEFT = """
import os
from testcontainers.core.container import DockerContainer
DockerContainer.waiting_for = lambda self, strategy: strategy.wait_until_ready(self)
DockerContainer("busybox").with_command("sh -c 'trap exit TERM; sleep 600 & wait'").start()
input("started")
os._exit(0)
"""
"""Ends at a line, without a word, as a program does that is killed. At a good end the library removes Ryuk itself.

Its `waiting_for` only notes what to wait for, and Ryuk runs already by then. It would connect at once, and Docker's
userland proxy accepts and drops what comes before Ryuk listens.
"""

LEAVING = ((sys.executable, "-c", LEFT), (*NODE_PROGRAM, str(NODE / "testcontainers.js"), "leave"))


def leave(engine: Engine, image: str, *pairs: tuple[Client, Client]) -> None:
    """Let each library leave a container of its client, and wait until Ryuk has removed it and itself.

    It ends once the container's events have come: a proxy hides events of an object that is gone by then.
    """
    ended = {"dockerd": "destroy", "podman": "remove"}[engine.name]
    with ExitStack() as stack:
        watched = [stack.enter_context(each.watch("events", "--format={{.Action}} {{.From}}")) for each, _ in pairs]
        leaving = [stack.enter_context(library.watch()) for _, library in pairs]
        for events, library in zip(watched, leaving, strict=True):
            library.wait_for("started")
            events.wait_for("start docker.io/library/busybox")
            library.write(b"\n")
            assert library.wait_end() == 0, library.printed
            events.wait_for(f"{ended} docker.io/library/{image}")


def test_what_testcontainers_leaves_is_removed_by_its_reaper_through_the_same_socket(
    engine: Engine, make_client: partial[Client], busybox: bytes, label: str, tmp_path: Path
) -> None:
    """The library mounts what it takes for the engine's socket, and Ryuk gets that of its client."""
    image = f"ryuk-{label}:1"
    import_image(engine.socket, image, reaper_root(busybox), *RYUK)
    with serving(engine, make_client, PROGRAMS["testcontainers"]) as (proxy, mine, other):
        other.run("create", "--label", "org.testcontainers=true", "--label", f"case={label}", "busybox")
        theirs = list_all(other)
        for program in LEAVING:
            library = replace(mine, program=engine.inside(*program), extra={"RYUK_CONTAINER_IMAGE": image})
            leave(engine, image, (mine, library))
            assert (list_all(mine), list_all(other)) == (set(), theirs)
        if engine.name == "dockerd":
            (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo built > /built\n")
            python = replace(library, program=engine.inside(sys.executable, "-c"))
            assert python.run(TESTCONTAINERS, str(tmp_path), f"built-{label}").splitlines()[0] == b"built"
        assert denied_by_us(proxy) == []
    ask(engine.socket, "DELETE", f"/images/{quote(image)}?force=1")
    remove_containers(engine, label)


def contained(client: Client, program: tuple[str, ...], engine: Engine, image: str) -> Client:
    """Return a program of this machine in a container, which has the client's socket where the engine's would be."""
    node = (NODE, (NODE / "node_modules").resolve(), Path(NODE_PROGRAM[0]).resolve().parents[1])
    folders = {"/usr", "/lib", "/lib64", sys.prefix, sys.base_prefix, *map(str, node)}
    mounts = [f"--volume={each}:{each}:ro" for each in sorted(folders) if Path(each).is_dir()]
    socket = f"--volume={client.socket}:/var/run/docker.sock"
    options = (f"--label=case={client.label}", f"--env=RYUK_CONTAINER_IMAGE={image}", socket, *mounts)
    return replace(client, socket=engine.socket, program=("docker", "run", "-i", "--rm", *options, "busybox", *program))


def test_testcontainers_in_containers_clean_up_through_the_sockets_that_these_have_two_at_once(
    dockerd: Engine, make_client: partial[Client], busybox: bytes, label: str
) -> None:
    """The library finds what its containers publish by the network bridge."""
    image = f"ryuk-{label}:1"
    import_image(dockerd.socket, image, reaper_root(busybox), *RYUK)
    with serving(dockerd, make_client, PROGRAMS["testcontainers"]) as (proxy, *clients):
        pairs = zip(clients, LEAVING, strict=True)
        leave(dockerd, image, *((each, contained(each, program, dockerd, image)) for each, program in pairs))
        assert [list_all(each) for each in clients] == [set(), set()]
        assert denied(proxy) == []
    ask(dockerd.socket, "DELETE", f"/images/{quote(image)}?force=1")


# It prints no output of an exec: docker-py loses what comes in one piece with the head of the answer.
JOB = """
import docker, sys
client, case = docker.from_env(), sys.argv[1]
api, names = client.api, [f"runner-{case}-build", f"runner-{case}-cache"]
labels = {"com.gitlab.gitlab-runner.job.id": "1"}
client.networks.create(names[0], labels=labels)
for name in names:
    client.volumes.create(name, labels=labels)

def run(image, script, **more):
    config = api.create_host_config(
        binds=[f"{names[0]}:/builds", f"{names[1]}:/cache"], log_config={"Type": "json-file"},
        restart_policy={"Name": "no"}, network_mode=names[0], extra_hosts={}, **more,
    )
    made = api.create_container(
        image, ["sh"], stdin_open=True, tty=False, labels=labels, host_config=config, name=f"{names[0]}-{len(script)}",
        networking_config=api.create_networking_config({names[0]: api.create_endpoint_config(aliases=["build"])}),
    )
    stream = api.attach_socket(made, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    api.start(made)
    stream._sock.sendall(script.encode())
    stream._sock.shutdown(1)
    code = api.wait(made)["StatusCode"]
    printed = api.logs(made).decode().strip()
    api.remove_container(made, force=True, v=True)
    return code, printed

print(run("busybox", "echo source > /builds/file"), run("busybox", "cat /builds/file; exit 3"))
ends_when_asked = "sh -c 'trap exit TERM; sleep 600 & wait'"  # Podman waits 10 s for what does not.
service = client.containers.run("busybox", ends_when_asked, detach=True, network=names[0], labels=labels)
print(service.exec_run(["sh", "-c", "exit 7"]).exit_code)
service.remove(force=True)
for name in names:
    client.volumes.get(name).remove()
client.networks.get(names[0]).remove()
"""


def run_jobs(client: Client, _: Path) -> object:
    return replace(client, program=(sys.executable, "-c")).run(JOB, client.label).decode().splitlines()


RAN_JOBS = ["(0, '') (3, 'source')", "7"]


def test_jobs_of_a_runner_use_its_volumes_and_meet_no_others(
    engine: Engine, make_client: partial[Client], tmp_path: Path
) -> None:
    with serving(engine, make_client, "[preset:gitlab-runner]") as (proxy, mine, other):
        other.run("volume", "create", f"first-{other.label}")
        before = list_all(other)
        assert run_jobs(mine, tmp_path) == RAN_JOBS
        assert (list_all(mine), list_all(other)) == (set(), before)
        assert denied(proxy) == []
        assert "ContainerCreate denied: HostConfig.Privileged" in mine.refused("run", "--privileged", "busybox", "true")


LEARNED: Mapping[str, tuple[Callable[[Client, Path], object], object]] = {
    **{name: (SCENARIOS[name].run, SCENARIOS[name].result) for name in PROGRAMS},
    "ansible": (play_book, True),
    "runner": (run_jobs, RAN_JOBS),
}


NARROW: Mapping[str, str] = {
    "ansible": "- preset:ansible",
    "llm-sandbox": PROGRAMS["llm-sandbox"].replace("ai-agent", "llm-sandbox"),
}
"""What is enough for some of these."""


@pytest.mark.parametrize("name", LEARNED)
def test_a_program_that_was_learned_works_again_under_other_names(
    name: str, dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    """In few grants: of dockerode, too, of which nearly each request is another one.

    Some learn in front of a proxy with a preset, which has to be enough.
    """
    run, result = LEARNED[name]
    narrow = json.dumps(yaml.safe_load(NARROW.get(name, "").replace("LABEL", label)))
    with (
        running_policy(dockerd.socket, narrow) if name in NARROW else nullcontext(dockerd) as behind,
        running_proxy(behind.socket, {}, words=("--learn", str(tmp_path))) as proxy,
    ):
        first = make_client(socket=proxy.socket)
        assert run(first, tmp_path) == result
        assert isinstance(behind, Engine) or denied(behind) == []
    allow = yaml.safe_load((tmp_path / "docker.learned.yaml").read_text())["sockets"]["docker"]["allow"]
    assert (allow[0], len(allow) < MOST_LINES) == ("own", True), allow
    assert "unrestricted" not in json.dumps(allow)
    allow += yaml.safe_load(COPIES)
    with running_policy(dockerd.socket, json.dumps(["preset:ping", *allow])) as proxy:
        assert run(replace(make_client(socket=proxy.socket), label=first.label[::-1]), tmp_path) == result
        assert denied_by_us(proxy) == []


def test_a_development_container_uses_the_socket_of_its_tool(
    dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path, busybox: bytes
) -> None:
    """Docker outside of Docker: its programs see the container that they are in, and nothing of others."""
    image = f"tools-{label}:1"
    import_image(dockerd.socket, image, reaper_root(busybox))
    allow = f"[preset:devcontainers, {{ContainerCreate: {{binds: [{tmp_path}]}}}}]"
    socket = "source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind"
    with serving(dockerd, make_client, allow) as (proxy, mine, other):
        other.run("create", "--label", f"case={label}", "busybox")
        came_up = devcontainer(mine, tmp_path, "up", image=image, mounts=[socket])
        assert '"outcome":"success"' in came_up, came_up
        seen = devcontainer(mine, tmp_path, "exec", "docker", "ps", "--all", "--format={{.Names}}")
        assert seen.split()[0] == f"case-{label}"
        assert denied(proxy) == []
    ask(dockerd.socket, "DELETE", f"/images/{quote(image)}?force=1")
    remove_containers(dockerd, label)
