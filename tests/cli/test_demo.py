"""The demo shows six decisions, before an engine or a stand-in, and serves until Ctrl-C."""

import re
import signal

import pytest
from cli.programs import NOWHERE, Running, ask, engine_at
from folders import short_folder

END = "containers/json\n"


def decisions_in(printed: str) -> list[tuple[str, str, str]]:
    return re.findall(r"^  (allowed|denied|refused) +(\d{3})  (\S+ +\S+)$", printed, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_an_engine_a_stand_in_plays_it_and_is_called_one(number: signal.Signals) -> None:
    with Running("demo") as demo:
        demo.wait_for(END)
        path = re.search(r"docker -H unix://(\S+) ps", demo.printed)
        assert path is not None
        assert ask(path[1], "GET", "/containers/json")[0] == 200
        assert " denied 403 " not in demo.printed
        assert ask(path[1], "GET", "/secrets")[0] == 403
        demo.wait_for("GET /secrets SecretList denied 403 ")
        demo.signal(number)
        assert demo.wait_end() == 0
    assert demo.printed.startswith(f"No engine is available: the engine's socket is not there: {NOWHERE}")
    assert "A stand-in answers instead, with one made-up container" in demo.printed
    assert decisions_in(demo.printed) == [
        ("allowed", "200", "GET  /_ping"),
        ("allowed", "200", "GET  /containers/json"),
        ("denied", "403", "POST /containers/create"),
        ("denied", "403", "GET  /containers/web/attach/ws?stdin=1"),
        ("denied", "403", "GET  /debug/vars"),
        ("refused", "400", "GET  /containers/../secrets"),
    ]
    for reason in (
        "ContainerList, by CONTAINERS=1",
        "set ALLOW=ContainerCreate and CONTAINED=1",
        "ambiguous path: a dot segment",
    ):
        assert reason in demo.printed
    assert "Traceback" not in demo.printed
    assert demo.printed.count(" denied 403 ") == 1
    with pytest.raises(OSError, match=r"."):
        ask(path[1], "GET", "/_ping")


def test_an_engine_that_is_there_is_used() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        with Running("demo", DOCKER_SOCKET_PATH=f"{folder}/engine.sock") as demo:
            demo.wait_for(END)
            demo.signal(signal.SIGINT)
            assert demo.wait_end() == 0
        assert f"for the engine at {folder}/engine.sock" in demo.printed
        assert "stand-in" not in demo.printed


def test_the_switches_of_the_person_who_tries_it_are_taken() -> None:
    with Running("demo", IMAGES="1", PING="0") as demo:
        demo.wait_for(END)
    assert [decision for decision, _, _ in decisions_in(demo.printed)] == ["denied"] * 5 + ["refused"]
    assert "set ALLOW=ContainerList" in demo.printed


@pytest.mark.parametrize("name", ["SOCKET_PATH", "DOCKER_HOST"])
def test_an_engine_that_was_named_in_another_way_and_is_not_there_has_a_stand_in_too(name: str) -> None:
    value = "unix://" + NOWHERE if name == "DOCKER_HOST" else NOWHERE
    with Running("demo", **{"DOCKER_SOCKET_PATH": "", name: value}) as demo:
        demo.wait_for(END)
        demo.signal(signal.SIGINT)
        assert demo.wait_end() == 0


def test_our_socket_can_be_put_where_one_likes() -> None:
    with short_folder() as folder, Running("demo", PROXIED_SOCKET_PATH=f"{folder}/mine.sock") as demo:
        demo.wait_for(END)
        assert f"The proxy listens on {folder}/mine.sock" in demo.printed
        assert ask(f"{folder}/mine.sock", "GET", "/_ping")[0] == 200
        demo.signal(signal.SIGINT)
        assert demo.wait_end() == 0
        assert not (folder / "mine.sock").exists()


def test_a_socket_that_cannot_be_opened_is_something_to_mend() -> None:
    with Running("demo", PROXIED_SOCKET_PATH="/nonexistent/docker.sock") as demo:
        assert demo.wait_end() == 2
    assert demo.printed.endswith(
        '/nonexistent/docker.sock: directory "/nonexistent" does not exist\n    create it, or mount a volume there\n'
    )
