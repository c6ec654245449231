"""The Ansible role gives no host a policy that one of them does not prove or fit, unless just that one is approved."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cli.programs import CODE, Running
from e2e.engines import Engine
from e2e.programs import Client

pytestmark = pytest.mark.engine

PLAYBOOK = Path(__file__).parents[2] / "examples" / "ansible" / "rollout.yaml"
POLICY = "sockets: {client: {path: FOLDER/ci/docker.sock, allow: [preset:ping, WORDS]}}\n"
PRESENT = "ContainerList, ContainerInspect"
NARROWER = "ContainerList"
WIDER = "ContainerList, ContainerRestart"
UNFIT = "ContainerInspect: {containers: [nobody]}"


class Host:
    """A host of the inventory: an engine, a proxy in front of it, and what they say in it."""

    def __init__(self, engine: Engine, place: Path) -> None:
        self.name, self._place = engine.name, place
        self.policy = place / "policy.yaml"
        (place / "ci").mkdir()
        self.policy.write_text(self.write(PRESENT))
        self._environment = {"DOCKER_SOCKET_PATH": str(engine.socket), **CODE}
        self.proxy = Running("serve", "--policy", str(self.policy), **self._environment)
        self.reload = ["kill", "-HUP", str(self.proxy.process.pid)]

    def write(self, words: str) -> str:
        return POLICY.replace("FOLDER", str(self._place)).replace("WORDS", words)

    def offer(self, words: str) -> dict[str, object]:
        """Have a new policy ready on the machine of the operator; return what the inventory says."""
        source = self._place / "source.yaml"
        source.write_text(self.write(words))
        return {
            "dockerproxy_source": str(source),
            "dockerproxy_policy": str(self.policy),
            "dockerproxy_command": [sys.executable, "-m", "dockerproxy"],
            "dockerproxy_environment": self._environment,
            "dockerproxy_reload": self.reload,
        }


@pytest.fixture
def hosts(dockerd: Engine, podman: Engine) -> Iterator[tuple[Host, Host]]:
    """A host with Docker and one with Podman."""
    with ExitStack() as stack:

        def start(engine: Engine) -> Host:
            host = Host(engine, Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/srv"))))
            stack.enter_context(host.proxy).wait_for("listening on")
            return host

        yield start(dockerd), start(podman)


def roll_out(home: Path, *offered: tuple[Host, str], approved: str) -> str:
    """Run the playbook; return its exit status and what it printed."""
    said = {host.name: host.offer(words) for host, words in offered}
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    inventory = {"dockerproxy": {"hosts": said, "vars": {**local, "dockerproxy_approved": approved}}}
    (home / "inventory.json").write_text(json.dumps(inventory))
    ansible = Client(
        program=("ansible-playbook", f"--inventory={home}/inventory.json"),
        socket=home / "none",
        home=home,
        label="",
        extra={"LC_ALL": "C.UTF-8", "ANSIBLE_PIPELINING": "1"},
    )
    done = ansible.attempt(str(PLAYBOOK))
    return f"{done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"


def find_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_no_host_gets_a_policy_that_allows_more_or_fits_no_engine(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    docker, podman = hosts
    of_another = find_digest(podman.write(f"{WIDER}, ContainerKill"))
    printed = roll_out(tmp_path, (docker, UNFIT), (podman, WIDER), approved=of_another)
    assert printed.startswith("2\n"), printed
    assert "not proven  ContainerRestart" in printed
    assert f"dockerproxy_approved={find_digest(podman.write(WIDER))}" in printed
    assert 'there is no container \\"nobody\\"' in printed
    assert [host.policy.read_text() for host in hosts] == [host.write(PRESENT) for host in hosts]


def test_what_is_approved_or_proven_is_used_and_put_back_where_the_proxy_cannot_read_it(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    docker, podman = hosts
    podman.reload = ["false"]
    approved = find_digest(docker.write(WIDER))
    printed = roll_out(tmp_path, (docker, WIDER), (podman, NARROWER), approved=approved)
    assert printed.startswith("2\n"), printed
    assert docker.policy.read_text() == docker.write(WIDER)
    docker.proxy.wait_for("configuration reloaded")
    assert "Put the former policy back" in printed
    assert podman.policy.read_text() == podman.write(PRESENT)
