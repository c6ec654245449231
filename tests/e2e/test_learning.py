"""A policy that was learned from real clients: it allows the same again, without a refusal, and nothing else."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy, running_proxy

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


def learn(engine: Engine, make_client: partial[Client], label: str, use: Use, folder: Path) -> str:
    """Have a client use a socket that learns; return what is allowed by what was learned, as YAML."""
    with running_proxy(engine.socket, {}, words=("--learn", str(folder))) as proxy:
        use(make_client(socket=proxy.socket))
    document = yaml.safe_load((folder / "docker.learned.yaml").read_text())
    remove_containers(engine, label)
    return json.dumps(document["sockets"]["docker"]["allow"])


def list_refused(proxy: Proxy) -> list[str]:
    return [str(record) for record in proxy.records() if record.get("decision") in {"denied", "refused"}]


def test_what_was_learned_of_docker_allows_the_same_again_and_nothing_else(
    dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    allow = learn(dockerd, make_client, label, look_after, tmp_path)
    other = make_client(socket=dockerd.socket).start_container("sleep", "600", options=("--name", f"other-{label}"))
    with running_policy(dockerd.socket, allow) as proxy:
        client = make_client(socket=proxy.socket)
        look_after(client)
        assert [line for line in list_refused(proxy) if '"status": 404' not in line] == []
        for words in (("kill", "--signal", "HUP", other), ("inspect", other), ("info",)):
            assert "not allowed here" in client.refused(*words)
    remove_containers(dockerd, label)
