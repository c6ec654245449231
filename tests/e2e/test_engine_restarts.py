"""An engine that is not there yet, goes away and comes back, under one and the same proxy."""

from collections.abc import Iterator
from functools import partial

import pytest
from e2e.conftest import StartProxy
from e2e.engines import Engine, docker_engine
from e2e.images import BUSYBOX, import_image
from e2e.programs import Client
from e2e.proxies import EVERYTHING
from e2e.talk import ask

pytestmark = pytest.mark.engine


@pytest.fixture
def own_dockerd() -> Iterator[Engine]:
    """A dockerd for this test alone, not yet started."""
    with docker_engine() as engine:
        yield engine


def test_a_proxy_outlives_its_engine(
    own_dockerd: Engine, start_proxy: StartProxy, make_client: partial[Client], busybox: bytes
) -> None:
    proxy = start_proxy(own_dockerd, **EVERYTHING)
    docker = make_client(socket=proxy.socket)

    before_it_is_there = ask(proxy.socket, "GET", "/containers/json")
    assert before_it_is_there.status == 503
    assert str(own_dockerd.socket) in before_it_is_there.json()["message"]

    own_dockerd.start()
    import_image(own_dockerd.socket, BUSYBOX, busybox)
    container = docker.start_container("sh", "-c", "echo printed; exec sleep 600", options=("--stop-timeout=1",))
    with docker.watch("logs", "--follow", container) as logs, docker.watch("events") as events:
        logs.wait_for("printed")
        own_dockerd.stop()
        logs.wait_end()
        events.wait_end()
    assert str(own_dockerd.socket) in docker.refused("ps")
    proxy.wait_for_record(level="err", operation="ContainerList", status=503)

    own_dockerd.start()
    docker.run("start", container)
    assert docker.text("exec", container, "echo", "back") == "back"
