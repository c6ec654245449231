"""A proxy removes what is own when nobody is connected, or when it ends, and what others have stays."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import Proxy, running_file
from e2e.starting import start_container
from e2e.talk import connect
from e2e.test_own import NAMES, NO_NETWORK, SOCKET, Socket, make_container
from e2e.test_own_prunes import list_all, make_some
from folders import short_folder
from waiting import PATIENCE, wait_until

from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.log import Log
from dockerproxy.process_settings import LogFormat, Settings
from dockerproxy.server import Server
from dockerproxy.settings import Level, Sweep

pytestmark = pytest.mark.engine


def remove_others(engine: Engine, label: str, made: tuple[str, str, str]) -> None:
    """Remove what was made for a client that is not swept."""
    remove_containers(engine, label)
    for target in (f"networks/{made[1]}", f"volumes/{made[2]}"):
        Socket(engine.socket).ask("DELETE", f"/v1.41/{target}")


@contextmanager
def sweeping(engine: Engine, label: str, when: str) -> Iterator[tuple[Socket, Socket, Proxy]]:
    """Two sockets, of which the first is swept."""
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in NAMES)
    text = text.replace("own_as: proxy", f"sweep: {when}\n    own_as: proxy")
    with running_file(engine.socket, f"sockets:{text}") as (folder, proxy):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock"), proxy


@contextmanager
def idling(engine: Engine, label: str) -> Iterator[tuple[Socket, Socket]]:
    """Two sockets, of which the first is swept as soon as nobody is connected."""
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in NAMES)
    with short_folder() as folder, (folder / "log").open("wb") as sink:
        sockets = read_policy("sockets:" + text.replace("FOLDER", str(folder)), "policy.yaml").sockets
        swept = sockets[0]._replace(sweep=Sweep.IDLE, idle_after=0.01)
        settings = Settings(
            engines=(str(engine.socket),),
            sockets=(swept, sockets[1]),
            shutdown_grace=1,
            log_level=Level.INFO,
            log_format=LogFormat.JSON,
        )
        log = Log(Level.INFO, LogFormat.JSON, sink.fileno())
        loop, server = uvloop.new_event_loop(), Server(settings, log)
        thread = threading.Thread(target=loop.run_until_complete, args=(server.run(),))
        thread.start()
        try:
            wait_until((folder / "other.sock").exists, "it listens")
            yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")
        finally:
            loop.call_soon_threadsafe(server.stop)
            thread.join()
            loop.close()
            log.close(PATIENCE)


def test_what_is_own_goes_when_nobody_is_connected(engine: Engine, label: str) -> None:
    raw = Socket(engine.socket)
    with idling(engine, label) as (mine, other):
        with connect(mine.socket):
            made = make_some(mine, label, "m")
            start_container(mine.socket, made[0])
            theirs = make_some(other, label, "o")
            assert set(made) <= set(list_all(raw))
        wait_until(lambda: not set(made) & set(list_all(raw)), "it is swept")
        assert set(theirs) <= set(list_all(raw))
    remove_others(engine, label, theirs)


def test_nothing_that_its_client_does_keeps_a_container(engine: Engine, label: str) -> None:
    """One that another one joins; and one that does not end by itself, for which Podman waits as long as that says."""
    with sweeping(engine, label, "at-exit") as (mine, _, proxy):
        stays = ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"]
        made = [make_container(mine, f"a-{label}", Cmd=stays, StopTimeout=3600, HostConfig=NO_NETWORK)]
        joined = {"NetworkMode": f"container:{made[0]}"}
        made += [make_container(mine, f"{each}-{label}", HostConfig=joined) for each in "bc"]
        for container in made:
            start_container(mine.socket, container)
        proxy.stop()
    assert not set(made) & set(list_all(Socket(engine.socket)))


def test_what_goes_when_it_stops_goes_with_its_volumes(engine: Engine, label: str) -> None:
    """As those of `docker run --rm`, which an engine removes by itself when a sweep stops them."""
    with sweeping(engine, label, "at-exit") as (mine, _, proxy):
        for name in "ab":
            host = {**NO_NETWORK, "AutoRemove": True, "Binds": [f"v{name}-{label}:/data"]}
            made = make_container(mine, f"{name}-{label}", HostConfig=host)
            start_container(mine.socket, made)
        proxy.stop()
        messages = [record["text"] for record in proxy.records() if "text" in record]
    assert [each for each in list_all(Socket(engine.socket)) if label in each] == []
    for removed in (*(f"container {name}-{label}" for name in "ab"), *(f"volume v{name}-{label}" for name in "ab")):
        assert f"socket proxy: removed {removed}" in messages


def test_what_is_own_goes_at_the_end_of_the_proxy(engine: Engine, label: str) -> None:
    raw = Socket(engine.socket)
    with sweeping(engine, label, "at-exit") as (mine, other, proxy):
        container, _, _ = make_some(mine, label, "m")
        start_container(mine.socket, container)
        theirs = make_some(other, label, "o")
        proxy.stop()
        messages = [record["text"] for record in proxy.records() if "text" in record]
    found = list_all(raw)
    assert [each for each in found if label in each or each == theirs[0]] == [theirs[0], *theirs[1:]]
    for removed in (f"container mc-{label}", f"network mn-{label}", f"volume mv-{label}"):
        assert f"socket proxy: removed {removed}" in messages
    remove_others(engine, label, theirs)
