"""Of groups and capabilities the proxy keeps what opens the engine's socket, and nothing besides."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.programs import Running, ask, engine_at
from folders import short_folder

pytestmark = pytest.mark.engine

NOBODY, ONE, OTHER = 65534, 4001, 4002


def prepared(*options: str) -> type[Running]:
    """Return the proxy with a user, groups and capabilities that were set for it."""

    class Chosen(Running):
        program = ("setpriv", *options, sys.executable, "-m", "dockerproxy")

    return Chosen


@contextmanager
def serving(kind: type[Running], *, owner: int, group: int, mode: int) -> Iterator[tuple[Path, Running]]:
    """Run a proxy of a kind before an engine whose socket belongs to somebody."""
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        folder.chmod(0o777)
        os.chown(folder / "engine.sock", owner, group)
        (folder / "engine.sock").chmod(mode)
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with kind("serve", **places) as proxy:
            proxy.wait_for("sandboxed: system calls")
            assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200
            yield folder, proxy


def read_status(proxy: Running) -> tuple[str, str]:
    """Return capabilities and groups of a process."""
    lines = Path(f"/proc/{proxy.process.pid}/status").read_text().splitlines()
    found = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return found["CapPrm"].lstrip("0"), found["Groups"]


def test_the_capability_that_opens_the_socket_is_the_one_that_is_kept() -> None:
    with serving(prepared("--clear-groups"), owner=NOBODY, group=NOBODY, mode=0o600) as (_, proxy):
        assert read_status(proxy) == ("2", "")
        assert " capabilities: only DAC_OVERRIDE, which opens the engine's socket\n" in proxy.printed


def test_a_group_that_opens_the_socket_is_kept_rather_than_the_capability() -> None:
    with serving(prepared(f"--groups={ONE},{OTHER}"), owner=NOBODY, group=ONE, mode=0o660) as (_, proxy):
        assert read_status(proxy) == ("", str(ONE))
        assert f" groups: only its own and {ONE}, which it needs\n" in proxy.printed


def test_groups_that_open_nothing_are_left() -> None:
    with serving(prepared(f"--groups={ONE},{OTHER}"), owner=0, group=0, mode=0o660) as (_, proxy):
        assert read_status(proxy) == ("", "")


def test_a_user_who_may_not_leave_a_group_hears_of_it() -> None:
    options = (f"--reuid={NOBODY}", f"--regid={NOBODY}", f"--groups={ONE},{OTHER}", "--inh-caps=-all")
    with serving(prepared(*options), owner=0, group=ONE, mode=0o660) as (folder, proxy):
        assert read_status(proxy) == ("", f"{ONE} {OTHER}")
        assert f"warning not sandboxed: groups: no permission to leave {OTHER}, which it does not need" in proxy.printed
        assert ask(f"{folder}/docker.sock", "GET", "/_dockerproxy/health")[1].endswith("; not sandboxed: groups")


def test_a_user_is_no_less_locked_in_than_root() -> None:
    options = (f"--reuid={NOBODY}", f"--regid={ONE}", "--clear-groups", "--inh-caps=-all")
    with serving(prepared(*options), owner=0, group=ONE, mode=0o660) as (_, proxy):
        assert read_status(proxy) == ("", "")
        assert "not sandboxed" not in proxy.printed


def test_an_engine_that_comes_later_is_reached_with_what_was_kept_for_it() -> None:
    with short_folder() as folder:
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with prepared("--clear-groups")("serve", **places) as proxy:
            proxy.wait_for("sandboxed: system calls")
            assert "DAC_OVERRIDE, which may be needed: the engine's socket does not exist yet" in proxy.printed
            with engine_at(folder / "engine.sock"):
                os.chown(folder / "engine.sock", NOBODY, NOBODY)
                (folder / "engine.sock").chmod(0o600)
                assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200
