"""The example for a swarm, on three real engines: every node has a proxy of its own, whatever happens to the others."""

import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.cluster import Node, running_swarm
from e2e.images import busybox_root, import_image
from e2e.talk import UnixConnection, ask
from waiting import wait_until

from dockerproxy.config.policy_file import read_policy_file
from dockerproxy.policy.differences import digest
from dockerproxy.version import VERSION

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

EXAMPLE = Path(__file__).parents[2] / "examples/swarm"
SERVICE = "proxied_dockerproxy"
CLIENT = 'ENTRYPOINT ["sh", "-c", "exec sleep 600"]'
# So that nobody waits for long; the second only for connections that have nothing to do.
QUICKER = """
services:
  dockerproxy:
    environment: {SHUTDOWN_GRACE: "5", LOG_LEVEL: notice}
    deploy: {update_config: {monitor: 1s}, rollback_config: {monitor: 1s}}
  dozzle: {stop_grace_period: 0s}
  traefik: {stop_grace_period: 0s}
"""
DEPLOY = """
export POLICY=$(sha256sum policy.yaml | cut -c1-12)
exec docker stack deploy --detach --resolve-image=never --compose-file=stack.yaml --compose-file=quicker.yaml proxied
"""
ROLLED_BACK = "rollback_completed"
JOINING = 240
"""Seconds until a task runs on a node. Each network that the node joins may take half a minute more: libnetwork waits
that long for the answer of another node (bulkSyncNode in networkdb), which is lost at times."""


@dataclass(frozen=True)
class Swarm:
    """The nodes, and the folder with the stack."""

    nodes: list[Node]
    folder: Path

    def deploy(self, **dozzle: list[str]) -> str:
        """Deploy a policy in which Dozzle may do something else; return the file."""
        content = yaml.safe_load((EXAMPLE / "policy.yaml").read_text())
        content["sockets"]["dozzle"] |= dozzle
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(content))
        shell = replace(self.nodes[0].docker, program=("sh", "-ec"))
        shell.run(f"cd {self.folder}; {DEPLOY}")
        return str(self.folder / "policy.yaml")

    def roll_out(self, nodes: list[Node], **dozzle: list[str]) -> str:
        """Deploy a policy, wait until these nodes have it, as their metrics say, and return its digest."""
        sockets = read_policy_file(self.deploy(**dozzle)).sockets
        (wanted,) = (digest(each.policy) for each in sockets if each.name == "dozzle")
        for node in nodes:
            wait_for_policy(node, wanted)
        return wanted

    def inspect(self, template: str) -> str:
        """Return what the manager says of the service."""
        return self.nodes[0].docker.text("service", "inspect", f"--format={template}", SERVICE)


def find_socket(node: Node) -> Path:
    """Return the socket of Dozzle on a node."""
    return node.find_volume("proxied_dozzle") / "docker.sock"


def wait_for_policy(node: Node, wanted: str) -> None:
    """Wait until the newest proxy of a node has a policy."""
    file = node.find_volume("proxied_metrics") / "dockerproxy.prom"
    line = f'dockerproxy_policy_info{{socket="dozzle",digest="{wanted}",mode="enforce"}} 1'

    def has_it() -> bool:
        with suppress(FileNotFoundError):
            return line in file.read_text()
        return False

    wait_until(has_it, f"{node.name} has the policy {wanted}", seconds=JOINING)


def find_newest(node: Node, service: str) -> str:
    """Return the newest container of a service on a node, when there is one: a node that came back has none yet."""
    words = ("ps", "--quiet", f"--filter=name={service}")
    return wait_until(lambda: node.docker.text(*words).split(), f"{service} runs")[0]


def wait_for_engine(node: Node) -> None:
    """Wait until the engine of a node answers on the node's own socket."""

    def answers() -> bool:
        with suppress(OSError):
            answer = ask(find_socket(node), "GET", "/info")
            return answer.status == 200 and answer.json()["Name"] == node.name
        return False

    wait_until(answers, f"{node.name} is served", seconds=JOINING)


def knows(node: Node, other: Node) -> bool:
    """Tell whether a node takes another one for alive in the network of the proxies.

    The others tell an engine that comes back before they miss it that its former self is alive. Then it takes itself
    for one that has left, and waits for answers in vain.
    """
    peers = node.docker.text("network", "inspect", "--format={{json .Peers}}", "proxied_nobody")
    return f'"{other.address}"' in peers


def keep_asking(socket: Path, over: threading.Event) -> tuple[int, list[str]]:
    """Ask a node, over new connections and one that is kept, until told to end; return how often, and what failed."""
    kept, failures, count = UnixConnection(socket), [], 0
    while not over.wait(0.02):
        count += 1
        try:
            assert ask(socket, "GET", "/containers/json").status == 200
            # As Go's client does: a kept connection that takes nothing more is replaced. What it took is answered.
            try:
                kept.request("GET", "/_ping")
            except BrokenPipeError:
                kept.close()
                kept.request("GET", "/_ping")
            assert kept.getresponse().read() == b"OK"
        except (OSError, AssertionError) as error:
            failures.append(repr(error))
    kept.close()
    return count, failures


@contextmanager
def nobody_fails(nodes: list[Node]) -> Iterator[None]:
    """Have clients on all these nodes, none of whose requests fails while the block runs."""
    over = threading.Event()
    with ThreadPoolExecutor() as clients:
        asking = [clients.submit(keep_asking, find_socket(node), over) for node in nodes]
        try:
            yield
        finally:
            over.set()
        for each in asking:
            count, failures = each.result()
            assert failures == []
            assert count > 10


@pytest.fixture(scope="module")
def swarm(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Three nodes with the example on them; the clients are stand-ins, since no registry is asked."""
    folder = tmp_path_factory.mktemp("swarm")
    shutil.copy(EXAMPLE / "stack.yaml", folder)
    (folder / "quicker.yaml").write_text(QUICKER)
    services: dict[str, Any] = yaml.safe_load((EXAMPLE / "stack.yaml").read_text())["services"]
    with running_swarm(3, folder) as nodes:
        for node in nodes:
            node.docker.run("load", "--input", str(archive))
            node.docker.run("tag", f"dockerproxy:{VERSION}", services["dockerproxy"]["image"])
            import_image(node.engine.socket, "stand-in:here", busybox_root(), CLIENT)
            for name in ("dozzle", "traefik"):
                node.docker.run("tag", "stand-in:here", services[name]["image"])
        swarm = Swarm(nodes, folder)
        swarm.roll_out(nodes)
        yield swarm


def test_each_client_sees_the_engine_of_its_own_node_and_the_proxy_has_no_way_out(swarm: Swarm) -> None:
    for node in swarm.nodes:
        wait_for_engine(node)
        client = find_newest(node, "proxied_dozzle")
        node.docker.run("exec", client, "test", "-S", "/proxied/docker.sock")
        proxy = find_newest(node, "proxied_dockerproxy")
        program = ("/usr/bin/python3.13", "-c", "print(open('/proc/net/route').read())")
        routes = node.docker.text("exec", proxy, *program), node.docker.text("exec", client, "cat", "/proc/net/route")
        leads_out = ["00000000" in [line.split()[1] for line in each.splitlines()] for each in routes]
        assert leads_out == [False, True]


def test_a_node_that_joins_later_gets_a_proxy(swarm: Swarm) -> None:
    manager, late = swarm.nodes[0], swarm.nodes[2]
    former = late.docker.text("info", "--format={{.Swarm.NodeID}}")
    late.docker.run("swarm", "leave")
    manager.docker.run("node", "rm", "--force", former)  # A roll-out waits for it for ever if it is just not Down yet.
    wait_until(lambda: not late.docker.text("ps", "--quiet"), "its containers are gone")
    late.join(manager)
    wait_for_engine(late)


def test_a_node_that_was_killed_gets_its_proxy_again(swarm: Swarm) -> None:
    manager, node, other = swarm.nodes
    node.engine.signal(signal.SIGKILL)  # With its containers.
    node.engine.stop()
    for each in (manager, other):
        wait_until(lambda each=each: not knows(each, node), "it is missed")  # type: ignore[misc] # it is as it is bound
    node.engine.start()
    wait_for_engine(node)


def test_a_change_of_the_policy_loses_no_request_and_the_log_says_which_node_has_which(swarm: Swarm) -> None:
    for node in swarm.nodes:
        wait_for_engine(node)
    with nobody_fails(swarm.nodes):
        policy = swarm.roll_out(swarm.nodes, deny=["ContainerStats"])
    for node in swarm.nodes:
        assert ask(find_socket(node), "GET", "/containers/x/stats").status == 403
        assert f"socket dozzle: policy {policy}" in node.docker.text("logs", find_newest(node, SERVICE))


def test_a_policy_with_a_mistake_reaches_no_client(swarm: Swarm) -> None:
    for node in swarm.nodes:
        wait_for_engine(node)
    with nobody_fails(swarm.nodes):
        swarm.deploy(allow=["preset:nothing"])
        wait_until(lambda: swarm.inspect("{{.UpdateStatus.State}}") == ROLLED_BACK, ROLLED_BACK)


def test_a_node_that_is_cut_off_serves_on_and_has_a_new_policy_when_it_is_back(swarm: Swarm) -> None:
    manager, node = swarm.nodes[0], swarm.nodes[1]
    wait_for_engine(node)
    with node.cut_off(manager):
        policy = swarm.roll_out([manager], deny=["SystemEvents"])
        wait_for_engine(node)
    wait_for_policy(node, policy)
