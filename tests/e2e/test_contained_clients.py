"""Clients that create containers work with contained grants, and are denied what reaches further.

Some repeat the body in the query. The proxy drops that, since no engine reads it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, denied, running_policy
from e2e.scenarios import SCENARIOS, Scenario
from e2e.talk import ask

pytestmark = pytest.mark.engine


@contextmanager
def enforcing(engine: Engine, make_client: partial[Client], allow: str) -> Iterator[tuple[Proxy, Client]]:
    """Run a proxy that enforces a policy, and a client on it; `denied` needs a ping besides."""
    with running_policy(engine.socket, json.dumps(["SystemPing", *yaml.safe_load(allow)])) as proxy:
        yield proxy, make_client(socket=proxy.socket)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_client_works_with_contained_grants_and_is_denied_what_reaches_further(
    scenario: Scenario, dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    allow = scenario.allow.replace("CASE", f"case-{label}").replace("/srv", str(tmp_path))
    with enforcing(dockerd, make_client, allow) as (proxy, client):
        assert scenario.run(client, tmp_path) == scenario.result
        assert denied(proxy) == []
        assert scenario.overreach(client, tmp_path) == scenario.denials


REPEATED = {
    "/containers/create": {
        "Image": "none",
        "Cmd": "false",
        "Env": "A=b",
        "User": "5",
        "HostConfig": '{"Privileged":true}',
    },
    "/networks/create": {"Name": "other", "Internal": "true", "Driver": "macvlan", "Labels": '{"a":"b"}'},
    "/volumes/create": {"Name": "other", "Driver": "other", "DriverOpts": '{"type":"tmpfs"}', "Labels": '{"a":"b"}'},
    "/commit": {"User": "5", "Env": "A=b", "Cmd": "false", "OnBuild": "RUN false", "Labels": '{"a":"b"}'},
}


def create(engine: Engine, path: str, body: dict[str, object], *queries: dict[str, str]) -> str:
    """Create something past every proxy; return the id that the engine gave it, or the name."""
    query = "&".join(map(urlencode, queries))
    content = {"Content-Type": "application/json"}
    answer = ask(engine.socket, "POST", f"{path}?{query}", json.dumps(body).encode(), content)
    assert answer.status == 201, answer.body
    made = answer.json()
    return str(made.get("Id") or made["Name"])


def test_no_engine_looks_in_the_query_for_what_belongs_in_the_body(engine: Engine, label: str) -> None:
    container = create(
        engine, "/containers/create", {"Image": "busybox", "Labels": {"case": label}}, REPEATED["/containers/create"]
    )
    shown = ask(engine.socket, "GET", f"/containers/{container}/json").json()
    assert (shown["Config"]["Cmd"], shown["Config"]["User"]) == (["sh"], "")
    assert "A=b" not in (shown["Config"]["Env"] or [])
    assert not shown["HostConfig"]["Privileged"]
    network = create(engine, "/networks/create", {"Name": f"case-{label}"}, REPEATED["/networks/create"])
    shown = ask(engine.socket, "GET", f"/networks/{network}").json()
    assert (shown["Name"], shown["Internal"], shown["Driver"]) == (f"case-{label}", False, "bridge")
    volume = create(engine, "/volumes/create", {"Name": f"case-{label}"}, REPEATED["/volumes/create"])
    shown = ask(engine.socket, "GET", f"/volumes/{volume}").json()
    assert (shown["Name"], shown["Driver"], shown["Options"] or {}) == (f"case-{label}", "local", {})
    image = create(engine, "/commit", {}, REPEATED["/commit"], {"container": container, "repo": f"case-{label}"})
    shown = ask(engine.socket, "GET", f"/images/{image}/json").json()["Config"]
    assert (shown["User"], shown["Cmd"], shown.get("OnBuild") or []) == ("", ["sh"], [])
    for path in (f"/images/{image}", f"/containers/{container}", f"/networks/{network}", f"/volumes/{volume}"):
        ask(engine.socket, "DELETE", f"{path}?force=1")
