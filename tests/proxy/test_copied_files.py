"""Files are copied while no process can put something else in their place: before a container's first start."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from policy.policies import policy_of
from proxy.harness import Wire, World, in_loop, request, world
from proxy.lookups import answer
from proxy.owned import MINE, identify
from proxy.podman import add_socket, ask, claims, standing_in, status_of
from proxy.stage import turn, until
from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy

COPIED = "PutContainerArchive, ContainerArchive, ContainerExport"
ARCHIVE = "/containers/web/archive?path=/tmp"
HALF = bytes(512)  # Of an archive without entries.
BEGUN = request("PUT", ARCHIVE, "Content-Type: application/x-tar", f"Content-Length: {2 * len(HALF)}", body=HALF)
WHOLE = BEGUN + HALF
START = request("POST", "/containers/web/start")
DOWNLOAD, EXPORT = request("GET", ARCHIVE), request("GET", "/containers/web/export")
STARTS = tuple(request("POST", f"/containers/{name}") for name in ("web/start", f"{identify(7)}/start", "web/restart"))


def policy(allow: str) -> CompiledPolicy:
    text = f"sockets: {{ci: {{path: /ci.sock, own_as: ci, allow: [{allow}]}}}}"
    return read_policy(text, "policy.yaml").sockets[0].policy


OWN, RUNNING = policy("own"), policy("PutContainerArchive: {own: true, running: true}, ContainerStart: {own: true}")
UNREAD = policy("PutContainerArchive: {own: true, unrestricted: true}, ContainerStart: {own: true}")
OPEN = policy("ContainerList: {own: true}, ContainerStart: unrestricted, ContainerRestart")


@dataclass
class Docker:
    """An engine with one container, which copies its files, as slowly as a test says.

    Attributes:
        state: Of the container.
        number: Of the container; others have its name, too.
        goes_on: Cleared to have it stand still at the end of each copy and start.
        done: What it did, in that order.
    """

    state: str = "created"
    number: int = 7
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.goes_on.set()

    async def serve(self, wire: Wire) -> None:
        """Answer one request after the other; go on with what was begun when the client has gone."""
        while True:
            try:
                head = (await wire.head()).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                wire.writer.close()
                return
            method, target, _ = head.split(" ", 2)
            if method == "GET" and target.endswith("/json"):
                wire.writer.write(self._describe(target))
                continue
            what = f"{method} {target.partition('?')[0].rpartition('/')[2]}"
            self.heard.append(what)
            is_whole = method != "PUT"
            if method == "PUT":
                with suppress(asyncio.IncompleteReadError):
                    await wire.exactly(2 * len(HALF))
                    is_whole = True
            await self.goes_on.wait()
            self.done.append(what)
            self.state = "running" if method == "POST" else self.state
            if not is_whole:
                wire.writer.close()
                return
            wire.writer.write(answer({}, ends=False))

    def _describe(self, target: str) -> bytes:
        if target.startswith("/images/"):
            return answer({"Id": "x", "Config": {"Labels": {}}}, ends=False)
        said = {"Id": identify(self.number), "Name": "/web", "Image": identify(1), "State": {"Status": self.state}}
        host = {"Binds": None, "PidMode": f"container:{identify(7)}" if "joins" in target else ""}
        return answer({**said, "Config": {"Labels": MINE}, "Mounts": [], "HostConfig": host}, ends=False)

    async def hears(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count, f"{count} requests")


@for_each("data", [WHOLE, DOWNLOAD, EXPORT])
@for_each("state", ["running", "paused", "restarting", "exited", "dead", "initialized", "removing", ""])
@in_loop
async def test_files_are_copied_only_before_the_first_start(data: bytes, state: str) -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker(state)):
        status, body = await (await ask(here, data)).answer()
        assert (status, b"copy before its first start" in body, b"running: true" in body) == (403, True, True), body
        engine.state = "created"
        assert await status_of(await ask(here, data)) == b"200"
        await until(lambda: not claims(here), "the copy is over")
        assert len(engine.done) == 1


@for_each("data", [WHOLE, DOWNLOAD, EXPORT])
@for_each("line", [": {containers: [w*]}", ": {labelled: {io.dockerproxy.owner: ci}}", ""])
@in_loop
async def test_an_own_container_is_not_copied_from_by_its_name(data: bytes, line: str) -> None:
    """Clients call theirs as they like, and label them so; what others have is copied as it was."""
    names = ("PutContainerArchive", "ContainerArchive", "ContainerExport")
    for own, status in (("own, ", b"403"), ("", b"200")):
        lines = own + ", ".join(f"{name}{line}" for name in names)
        async with world(policy=policy(lines)) as here, standing_in(here, Docker("running")):
            assert await status_of(await ask(here, data)) == status
    allowed = policy("own, " + ", ".join(f"{name}: {{containers: [w*], running: true}}" for name in names))
    async with world(policy=allowed) as here, standing_in(here, Docker("running")):
        assert await status_of(await ask(here, data)) == b"200"


@for_each("data", [WHOLE, DOWNLOAD, EXPORT])
@for_each(
    ("policy", "status"),
    [
        (policy(f"{COPIED}, ContainerCreate"), b"403"),
        (policy(f"{COPIED}, ContainerExec: {{containers: [web]}}"), b"403"),
        (policy(f"{COPIED}, ServiceCreate"), b"403"),
        (policy_of(CONTAINED="1", ALLOW=",".join((*COPIED.split(", "), "ContainerCreate"))), b"403"),
        (policy(COPIED), b"200"),
        (policy(f"{COPIED}, ContainerCreate: unrestricted, ContainerExec"), b"200"),
    ],
)
@in_loop
async def test_who_runs_programs_copies_only_before_the_first_start(
    policy: CompiledPolicy, status: bytes, data: bytes
) -> None:
    """Whosever the container is; who is root anyway, or runs nothing, copies as before."""
    async with world(policy=policy) as here, standing_in(here, engine := Docker("running")):
        assert await status_of(await ask(here, data)) == status
        engine.state = "created"
        assert await status_of(await ask(here, data)) == b"200"


@pytest.mark.parametrize("policy", [RUNNING, UNREAD], ids=["running", "unrestricted"])
@in_loop
async def test_with_a_word_of_its_own_files_are_copied_while_the_container_runs(policy: CompiledPolicy) -> None:
    async with world(policy=policy) as here, standing_in(here, engine := Docker("running")):
        engine.goes_on.clear()
        copies = [await ask(here, WHOLE), await ask(here, WHOLE)]
        start = await ask(here, START)
        await engine.hears(3)
        engine.goes_on.set()
        assert [await status_of(each) for each in (*copies, start)] == [b"200"] * 3


async def copy_half(here: World, engine: Docker) -> Wire:
    """Begin an upload, of which the second half has yet to come."""
    wire = await ask(here, BEGUN)
    await engine.hears(1)
    return wire


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("starter", [OWN, OPEN])
@in_loop
async def test_a_start_waits_until_the_engine_has_copied_files(start: bytes, starter: CompiledPolicy) -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        other = await add_socket(here, starter)
        upload = await copy_half(here, engine)
        started = await ask(here, start, other)
        await until(lambda: claims(here) == 2, "the start waits")
        await turn()
        assert engine.heard == ["PUT archive"]
        await upload.send(HALF)
        assert await status_of(upload) == await status_of(started) == b"200"
        assert engine.done == ["PUT archive", f"POST {start.split()[1].decode().rpartition('/')[2]}"]


@in_loop
async def test_a_start_waits_until_the_engine_has_copied_files_of_the_container_that_it_joins() -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        upload = await copy_half(here, engine)
        engine.number = 8
        started = await ask(here, request("POST", "/containers/joins/start"))
        await until(lambda: claims(here) == 3, "the start waits")
        await turn()
        assert engine.heard == ["PUT archive"]
        await upload.send(HALF)
        assert await status_of(upload) == await status_of(started) == b"200"


@pytest.mark.parametrize("data", [WHOLE, DOWNLOAD, EXPORT])
@in_loop
async def test_files_are_not_copied_once_a_start_is_under_way(data: bytes) -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        other = await add_socket(here, OPEN)
        engine.goes_on.clear()
        start = await ask(here, START, other)
        await engine.hears(1)
        copy = await ask(here, data)
        await until(lambda: claims(here) == 2, "the copy waits")
        engine.goes_on.set()
        assert await status_of(start) == b"200"
        assert (await copy.answer())[0] == 403
        assert engine.done == ["POST start"]


def hang_up(wire: Wire) -> None:
    wire.writer.transport.abort()


def end_sending(wire: Wire) -> None:
    wire.end()


@pytest.mark.parametrize("leave", [hang_up, end_sending])
@pytest.mark.parametrize("data", [BEGUN, DOWNLOAD, EXPORT])
@in_loop
async def test_a_start_waits_for_a_copy_whose_client_has_gone(data: bytes, leave: Callable[[Wire], None]) -> None:
    """The engine still unpacks what came, or packs what nobody reads."""
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        engine.goes_on.clear()
        copy = await ask(here, data)
        await engine.hears(1)
        leave(copy)
        start = await ask(here, START)
        await until(lambda: claims(here) == 2, "the start waits")
        await turn()
        assert len(engine.heard) == 1
        engine.goes_on.set()
        assert await status_of(start) == b"200"
        assert engine.done[1:] == ["POST start"]
        await until(lambda: not claims(here), "all is over")


@in_loop
async def test_two_copies_of_one_container_wait_for_each_other() -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        upload = await copy_half(here, engine)
        others = [await ask(here, data) for data in (WHOLE, DOWNLOAD, EXPORT)]
        await until(lambda: claims(here) == 4, "the others wait")
        await turn()
        assert engine.heard == ["PUT archive"]
        await upload.send(HALF)
        assert [await status_of(each) for each in (upload, *others)] == [b"200"] * 4
        assert sorted(engine.done) == ["GET archive", "GET export", "PUT archive", "PUT archive"]


@in_loop
async def test_copies_on_one_connection_follow_each_other() -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        wire = await ask(here, WHOLE + DOWNLOAD + EXPORT + START + DOWNLOAD)
        assert [(await wire.answer())[0] for _ in range(5)] == [200, 200, 200, 200, 403]
        assert engine.done == ["PUT archive", "GET archive", "GET export", "POST start"]


@in_loop
async def test_a_container_that_changes_its_name_meanwhile_is_not_copied_from() -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        upload = await copy_half(here, engine)
        download, start = await ask(here, DOWNLOAD), await ask(here, START)
        await until(lambda: claims(here) == 3, "both wait")
        engine.number = 8
        await upload.send(HALF)
        assert await status_of(upload) == b"200"
        for wire in (download, start):
            status, body = await wire.answer()
            assert (status, b"the name now means another object" in body) == (503, True), body
        assert engine.done == ["PUT archive"]


@in_loop
async def test_a_copy_to_an_engine_that_has_gone_keeps_no_start_waiting() -> None:
    async with world(policy=OWN) as here, standing_in(here, engine := Docker()):
        upload = await copy_half(here, engine)
        await until(lambda: claims(here) == 1, "it is claimed")
        for wire in here.wires:
            if wire is not upload:
                wire.writer.transport.abort()
        assert await status_of(upload) == b"502"
        await until(lambda: not claims(here), "nothing is claimed")
        assert await status_of(await ask(here, START)) == b"200"
