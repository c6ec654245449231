"""Few starts are pending at a time, whoever asked for them and whether they are still there."""

import asyncio
from dataclasses import dataclass, field

from proxy.harness import Wire, in_loop, request, world
from proxy.lookups import answer
from proxy.owned import MINE, identify
from proxy.podman import add_socket, ask, standing_in, status_of
from proxy.stage import turn, until
from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy

START = request("POST", "/containers/web/start")
RESTART = request("POST", "/containers/web/restart")


def exec_of(number: int) -> bytes:
    fields = ("Connection: Upgrade", "Upgrade: tcp", "Content-Type: application/json", "Content-Length: 2")
    return request("POST", f"/exec/{identify(number)}/start", *fields, body=b"{}")


def policy(most: int, own_as: str = "ci") -> CompiledPolicy:
    allow = "own, ContainerExec"
    text = f"sockets: {{ci: {{path: /ci.sock, own_as: {own_as}, quota: {{starts: {most}}}, allow: [{allow}]}}}}"
    return read_policy(text, "policy.yaml").sockets[0].policy


@dataclass
class Docker:
    """An engine that begins nothing before it is told.

    Attributes:
        goes_on: Set to have it begin the starts of containers.
        begun: Execs of which it shows a process.
        heard: The starts, in order.
        open: The connections of execs.
        gone: Execs whose container was removed.
        inspected: How often it was asked for an exec.
    """

    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    begun: dict[str, dict[str, object]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    open: list[Wire] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    inspected: int = 0

    async def serve(self, wire: Wire) -> None:
        while True:
            try:
                method, target, _ = (await wire.head()).decode().split(" ", 2)
            except (asyncio.IncompleteReadError, ConnectionError):
                wire.writer.close()
                return
            if method == "GET":
                wire.writer.write(self._describe(target))
                continue
            self.heard.append(target)
            if "/exec/" in target:
                self.open.append(wire)
                wire.writer.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
                await wire.rest()
                return
            await self.goes_on.wait()
            wire.writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    def _describe(self, target: str) -> bytes:
        if "/exec/" in target:
            self.inspected += 1
            number = target.split("/")[2]
            if number in self.gone:
                return answer({"message": "no such exec"}, "404 Not Found", ends=False)
            process = {"entrypoint": "true", "arguments": [], "privileged": False, "user": ""}
            said = {"ID": number, "ContainerID": identify(7), "ProcessConfig": process, "Running": True}
            return answer({**said, "Pid": 0, "ExitCode": None, **self.begun.get(number, {})}, ends=False)
        if target.startswith("/images/"):
            return answer({"Id": "x", "Config": {"Labels": {}}}, ends=False)
        said = {"Id": identify(7), "Name": "/web", "Image": identify(1), "State": {"Status": "exited"}}
        return answer({**said, "Config": {"Labels": MINE}, "Mounts": [], "HostConfig": {"Binds": None}}, ends=False)

    async def hears(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count, f"{count} starts")

    async def shows(self) -> None:
        """Wait until it was asked for an exec twice more."""
        before = self.inspected
        await until(lambda: self.inspected >= before + 2, "two inspections")


def hang_up(wire: Wire) -> None:
    wire.writer.transport.abort()


def is_cut(wire: Wire) -> bool:
    wire.writer.write(b".")
    return wire.writer.transport.is_closing()


@for_each("data", [START, RESTART])
@for_each("leaves", [False, True])
@in_loop
async def test_no_more_starts_are_pending_than_an_owner_may_have(data: bytes, leaves: bool) -> None:  # noqa: FBT001
    async with world(policy=policy(2)) as here, standing_in(here, engine := Docker()):
        same = await add_socket(here, policy(2))
        first, _ = await ask(here, data), await ask(here, data, same)
        await engine.hears(2)
        if leaves:
            hang_up(first)
        late, other = await ask(here, data, same), await add_socket(here, policy(2, "other"), "third")
        assert await status_of(await ask(here, data, other)) == b"404"
        await turn(100)
        assert len(engine.heard) == 2
        engine.goes_on.set()
        assert await status_of(late) == b"204"


@for_each("data", [START, exec_of(2)])
@in_loop
async def test_a_start_that_gets_no_place_is_to_be_tried_again(data: bytes) -> None:
    async with world(policy=policy(1)) as here, standing_in(here, engine := Docker()):
        await ask(here, START)
        await engine.hears(1)
        for socket in here.server._list_sockets():
            socket.patience = 1
        head = (await (await ask(here, data)).head()).lower()
        assert head.startswith(b"http/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in head
        assert len(engine.heard) == 1


@for_each("shown", [{"Pid": 5}, {"ExitCode": 0}, {"ExitCode": 126}])
@for_each("leaves", [False, True])
@in_loop
async def test_an_exec_is_pending_until_the_engine_shows_that_it_began(
    shown: dict[str, object],
    leaves: bool,  # noqa: FBT001 (a row)
) -> None:
    async with world(policy=policy(1)) as here, standing_in(here, engine := Docker()):
        first = await ask(here, exec_of(1))
        assert await status_of(first) == b"101"
        if leaves:
            hang_up(first)
        late = await ask(here, exec_of(2))
        await engine.shows()
        assert len(engine.heard) == 1
        engine.begun[identify(1)] = shown
        assert await status_of(late) == b"101"
        if leaves:
            await until(lambda: is_cut(engine.open[0]), "the connection of the exec is cut")
            assert sum(here.server._list_sockets()[0].usage.count_open().values()) == 1
        else:
            await engine.open[0].send(b"ready")
            assert await first.exactly(5) == b"ready"


@in_loop
async def test_a_removal_does_not_end_that_an_exec_is_pending() -> None:
    """Docker's thread waits on, and another container would have it take the next one."""
    async with world(policy=policy(1)) as here, standing_in(here, engine := Docker()):
        first = await ask(here, exec_of(1))
        assert await status_of(first) == b"101"
        hang_up(first)
        engine.gone.add(identify(1))
        late = await ask(here, exec_of(2))
        await engine.shows()
        assert len(engine.heard) == 1
        await engine.open[0].close()
        assert await status_of(late) == b"101"
