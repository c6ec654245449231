"""Each field of a new container that a contained grant refuses has the effect that is feared, and is refused."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.feared import FEARED, Feared, Shown
from e2e.proxies import Proxy, running_policy
from e2e.starting import run_container
from e2e.talk import Answer, ask

from dockerproxy.api.bodies.tables import BODIES

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
NEVER_REFUSED = {"any", "part", "aside", "check_dropped!", "check_environment!", "check_exposed!"}

Contain = Callable[[str], Proxy]


@pytest.fixture(scope="module")
def contain(dockerd: Engine) -> Iterator[Contain]:
    """Give the proxy whose grant to create containers says this; there is one for each such grant."""
    proxies: dict[str, Proxy] = {}
    with contextlib.ExitStack() as stack:

        def start(grant: str) -> Proxy:
            if grant not in proxies:
                running = running_policy(dockerd.socket, f"[{{ContainerCreate: {grant}}}]")
                proxies[grant] = stack.enter_context(running)
            return proxies[grant]

        yield start


@pytest.fixture(scope="module")
def things(dockerd: Engine) -> Iterator[str]:
    """Make what belongs to somebody else: a container that mounts the host, and a network; return their label."""
    label = uuid4().hex[:12]
    host = {"NetworkMode": "none", "Binds": ["/etc:/m"], "IpcMode": "shareable"}
    send(dockerd, f"keeper-{label}", label, {"HostConfig": host})
    ask(dockerd.socket, "POST", "/networks/create", json.dumps({"Name": f"theirs-{label}"}).encode(), JSON)
    yield label
    remove_containers(dockerd, label)
    ask(dockerd.socket, "DELETE", f"/networks/theirs-{label}")


@pytest.fixture(autouse=True)
def without_volumes(dockerd: Engine, things: str) -> Iterator[None]:
    """Remove the volumes that a test made."""
    yield
    for name in ("mine", "theirs"):
        ask(dockerd.socket, "DELETE", f"/volumes/{name}-{things}?force=1")


def send(target: Engine | Proxy, name: str, label: str, body: dict[str, Any]) -> Answer:
    """Ask for a container that prints to a terminal, unless the body says otherwise."""
    labels = {"case": label, **body.get("Labels", {})}
    whole = {"Image": "busybox", "Tty": True, "HostConfig": {"NetworkMode": "none"}, **body, "Labels": labels}
    content = json.dumps(whole).replace("{label}", label).encode()
    return ask(target.socket, "POST", f"/v1.45/containers/create?name={name}", content, JSON)


def look_up(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def assert_shown(engine: Engine, label: str, answer: Answer, shown: Shown) -> None:
    """Check that the effect is there."""
    if shown.fails:
        assert answer.status >= 400, answer
        assert shown.fails in answer.json()["message"]
        return
    assert answer.status == 201, answer
    identity = answer.json()["Id"]
    if shown.prints:
        printed = run_container(engine.socket, identity)
        assert re.search(shown.prints, printed, re.MULTILINE), printed
    else:
        value = look_up(ask(engine.socket, "GET", f"/containers/{identity}/json").json(), shown.path)
        assert re.search(shown.value.replace("{label}", label), json.dumps(value)), value


def pattern_of(field: str) -> str:
    """Write how a refusal names a field: with the number of an item, or with a key."""
    parts = (re.escape(part) for part in re.split(r"(\[\]|\.\*)", field) if part not in {"[]", ".*"})
    return r"(?:\[[^]]*\])*".join(parts)


def test_every_field_that_may_be_refused_is_feared() -> None:
    fields = {field.path for field in BODIES["ContainerCreate"].fields if field.rule not in NEVER_REFUSED}
    assert {field for field, _ in FEARED} == fields


@pytest.mark.parametrize(("field", "feared"), FEARED, ids=[field for field, _ in FEARED])
def test_a_field_has_the_effect_that_is_feared_and_is_refused(
    dockerd: Engine, contain: Contain, things: str, field: str, feared: Feared
) -> None:
    name = feared.called.replace("{label}", things)
    if not feared.shown.not_here:
        try:
            assert_shown(dockerd, things, send(dockerd, name, things, feared.body), feared.shown)
        finally:  # Else each case after one that fails would fail, too: the name is the same.
            ask(dockerd.socket, "DELETE", f"/containers/{name}?force=1")
    proxy = contain(feared.grant)
    refused = send(proxy, name, things, feared.body)
    assert refused.status == 403, refused
    message = refused.json()["message"]
    assert re.match(f"ContainerCreate denied: {pattern_of(field)}", message), message
    assert ask(dockerd.socket, "GET", f"/containers/{name}/json").status == 404
