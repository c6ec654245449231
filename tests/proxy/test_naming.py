"""Names of images are given behind the engine's back, before the client has the end of its answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest
from policy.image_store import Store, full, identify
from policy.policies import request_of
from proxy.harness import Wire, World, in_loop, request, world
from proxy.lookups import answer
from proxy.podman import Podman, add_socket, standing_in
from proxy.stage import until

from dockerproxy.api.request import RESERVED
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.decisions import read_id
from dockerproxy.policy.image_marks import ImageOwner
from dockerproxy.policy.naming import MOST_AT_ONCE, tag
from dockerproxy.policy.prunes import Ask
from dockerproxy.proxy.naming import _do
from dockerproxy.wire.chunked import LAST_CHUNK

ALLOW = 'allow: [preset:ping, own, ImagePush: {own: true}, ImageBuild: {tags: ["**"]}, ContainerCreate]'
SOCKETS = read_policy(
    f"sockets: {{a: {{path: /a.sock, {ALLOW}}}, b: {{path: /b.sock, {ALLOW}}}}}", "policy.yaml"
).sockets
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
BUILT = b"3\r\n{}\n\r\n"
TAR = ("Content-Type: application/x-tar", "Content-Length: 0")


@dataclass
class Docker(Podman):
    """An engine with images, in which each build makes the next one."""

    store: Store = field(default_factory=lambda: Store(base=1))
    made: int = 1
    is_whole: bool = False
    says: bytes = BUILT + LAST_CHUNK
    fails: bool = False

    def _do(self, method: str, target: str) -> bytes:
        path, _, query = target.removeprefix("/v1.41").partition("?")
        if path.startswith("/containers/"):
            return answer(
                {"Id": identify(7).removeprefix("sha256:"), "Name": "/c", "Config": {"Labels": {}}}, ends=False
            )
        if path.endswith(("/get", "/push")):
            return answer({"Id": ""}, ends=False)
        if path == "/_ping":
            return b"HTTP/1.1 200 OK\r\nServer: Docker/29.1.3 (linux)\r\nContent-Length: 2\r\n\r\nOK"
        if path != "/build":
            status, content = self.store.answer(Ask(method, target.removeprefix("/v1.41")))
            return answer(json.loads(content) if content else {}, f"{status} Said", ends=False)
        words = parse_qs(query)
        if self.fails:
            return answer({"message": f"no room for {words['t'][0]}"}, "500 Said", ends=False)
        self.made += 1
        self.store.names[words["t"][0]] = identify(self.made)
        return CHUNKED + self.says

    @property
    def given(self) -> dict[str, str]:
        return {name: image for name, image in self.store.names.items() if RESERVED not in name}


@asynccontextmanager
async def served() -> AsyncIterator[tuple[World, Docker]]:
    engine = Docker(set())
    async with world(policy=SOCKETS[0].policy) as here, standing_in(here, engine):
        yield here, engine


async def build(here: World, *names: str) -> Wire:
    client = await here.connect()
    await client.send(request("POST", f"/v1.41/build?{'&'.join(f't={name}' for name in names)}", *TAR))
    return client


async def read_chunks(client: Wire) -> bytes:
    await client.head()
    return bytes(await client.reader.readuntil(LAST_CHUNK))


@in_loop
async def test_the_end_of_the_answer_comes_when_the_names_are_given() -> None:
    async with served() as (here, engine):
        engine.goes_on_answering.clear()
        client = await build(here, "a", "b:1")
        await engine.hears(1)
        engine.goes_on_answering.set()
        assert await read_chunks(client) == BUILT + LAST_CHUNK
        assert {name for name, image in engine.given.items() if image == identify(2)} == {full("a"), full("b:1")}
        await client.send(request("GET", "/_ping"))
        assert (await client.head()).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("is_split", [True, False])
@in_loop
async def test_a_name_that_cannot_be_given_is_told_at_the_end(is_split: bool) -> None:  # noqa: FBT001 (of the table)
    async with served() as (here, engine):
        engine.store.names[full("a")] = identify(1)
        engine.says = BUILT + LAST_CHUNK if is_split else LAST_CHUNK
        said = await read_chunks(await build(here, "a"))
        assert b'"error": "the image name' in said
        assert engine.given[full("a")] == identify(1)


@in_loop
async def test_a_failure_tells_the_name_that_was_asked_for() -> None:
    async with served() as (here, engine):
        engine.fails = True
        client = await build(here, "a")
        assert await client.answer() == (500, json.dumps({"message": f"no room for {full('a')}"}).encode())
        assert engine.given == {full("base"): identify(1)}


@in_loop
async def test_names_are_given_though_the_client_goes() -> None:
    async with served() as (here, engine):
        client = await build(here, "a")
        await engine.hears(2)  # The first is the build.
        await client.close()
        await until(lambda: full("a") in engine.given, "the name is given")
        await until(lambda: not any("/new/" in name for name in engine.store.names), "the fresh mark is gone")


@pytest.mark.parametrize("is_removal", [False, True])
@in_loop
async def test_many_names_are_given_a_few_at_a_time(is_removal: bool) -> None:  # noqa: FBT001 (of the table)
    """And are taken away so. Nobody else waits for all of them."""
    async with served() as (here, engine):
        shared, other = here.server._shared, await add_socket(here, SOCKETS[1].policy)
        client = await build(here, *(f"a{number}" for number in range(2 * MOST_AT_ONCE)))
        if is_removal:
            await read_chunks(client)
            await client.send(request("DELETE", f"/v1.41/images/{identify(2)}"))
        await until(shared.naming.locked, "names are given, or taken away")
        wire = await other()
        await wire.send(request("POST", "/v1.41/images/base/tag?repo=b"))
        assert (await wire.answer())[0] == 201
        assert 0 < count_names(engine, 2) < 2 * MOST_AT_ONCE
        await client.head()
        await until(lambda: not shared.naming.locked(), "all is done")
        assert count_names(engine, 2) == (0 if is_removal else 2 * MOST_AT_ONCE)


@in_loop
async def test_an_image_that_stays_has_all_its_names_again() -> None:
    async with served() as (here, engine):
        client = await build(here, *(f"a{number}" for number in range(2 * MOST_AT_ONCE)))
        await read_chunks(client)
        before = dict(engine.store.names)
        engine.store.used.add(identify(2))
        await client.send(request("DELETE", f"/v1.41/images/{identify(2)}"))
        assert (await client.answer())[0] == 409
        assert engine.store.names == before


def count_names(engine: Docker, number: int) -> int:
    return list(engine.given.values()).count(identify(number))


@in_loop
async def test_whoever_waits_for_its_turn_has_all_of_its_time() -> None:
    async with served() as (here, engine):
        shared, [socket] = here.server._shared, here.server._list_sockets()
        async with shared.naming:
            steps = tag(request_of("POST", "/images/base/tag?repo=a"), ImageOwner("a"), identify(1))
            socket.patience = 0.5
            waiting = asyncio.create_task(_do(socket, steps))
            await asyncio.wait([waiting], timeout=0.6)
        assert (await waiting)[0] == 201
        assert full("a") in engine.given


CREATE = json.dumps({"Image": "a"}).encode()
CREATED_OF_OWN = request(
    "POST", "/v1.41/containers/create?name=cc", "Content-Type: application/json", f"Content-Length: {len(CREATE)}"
)


@in_loop
async def test_a_create_runs_no_image_that_gets_the_name_meanwhile() -> None:
    """It goes on by the name of an own image. So nobody takes that away until the engine is done."""
    async with served() as (here, engine):
        await read_chunks(await build(here, "a"))
        engine.goes_on.clear()
        client, again = await here.connect(), await here.connect()
        await client.send(CREATED_OF_OWN + CREATE)
        await until(lambda: any("/containers/create" in line for line in engine.heard), "the create")
        for named in ("a", identify(2)):
            await again.send(request("DELETE", f"/v1.41/images/{named}"))
            assert (await again.answer())[0] == 409
        engine.goes_on.set()
        assert (await client.answer())[0] == 200
        await again.send(request("DELETE", "/v1.41/images/a"))
        assert (await again.answer())[0] == 200


@pytest.mark.parametrize("goes", [True, False], ids=["its client goes", "it ends"])
@pytest.mark.parametrize(
    "line", ["GET /images/a/get", "GET /images/get?names=base2&names=a", "POST /images/a/push?tag=latest"]
)
@in_loop
async def test_a_name_that_is_saved_or_pushed_stays_its_client_s_until_that_is_over(line: str, goes: bool) -> None:  # noqa: FBT001 (of the table)
    async with served() as (here, engine):
        await read_chunks(await build(here, "a", "base2"))
        engine.goes_on.clear()
        client, again = await here.connect(), await here.connect()
        method, _, target = line.partition(" ")
        await client.send(request(method, f"/v1.41{target}"))
        await until(lambda: any("/get" in each or "/push" in each for each in engine.heard), "the engine has it")
        for named in ("a", identify(2)):
            await again.send(request("DELETE", f"/v1.41/images/{named}"))
            assert (await again.answer())[0] == 409
        if goes:
            await client.close()
            await until(lambda: not here.server._shared.runs, "the names are free")
            engine.goes_on.set()
        else:
            engine.goes_on.set()
            assert (await client.answer())[0] == 200
        await again.send(request("DELETE", "/v1.41/images/a"))
        assert (await again.answer())[0] == 200
        assert not here.server._shared.runs


@pytest.mark.parametrize(
    ("asked", "statuses", "acts"),
    [
        (CREATED_OF_OWN + CREATE, {200}, ["DELETE", "DELETE", "POST"]),
        (request("GET", "/v1.41/images/get?names=b&names=a"), {403, 503}, ["DELETE", "DELETE"]),
    ],
    ids=["create", "save"],
)
@in_loop
async def test_whoever_needs_a_name_waits_for_whoever_takes_it_away(
    asked: bytes, statuses: set[int], acts: list[str]
) -> None:
    async with served() as (here, engine):
        await read_chunks(await build(here, "a", "b"))
        engine.goes_on.clear()
        client, again, heard = await here.connect(), await here.connect(), len(engine.heard)
        await client.send(request("DELETE", "/v1.41/images/a"))
        await engine.hears(heard + 1)
        await again.send(asked)
        await until(lambda: bool(here.server._shared.runs), "it waits")
        engine.goes_on.set()
        assert (await client.answer())[0] == 200
        assert (await again.answer())[0] in statuses
        assert [line.split()[0] for line in engine.heard[heard:]] == acts
        assert not here.server._shared.runs


@in_loop
async def test_an_engine_that_stands_still_keeps_none_of_the_other_requests_waiting() -> None:
    async with served() as (here, engine):
        other = await add_socket(here, SOCKETS[1].policy)
        engine.goes_on.clear()
        client = await here.connect()
        await client.send(request("POST", "/v1.41/images/base/tag?repo=a"))
        await engine.hears(1)
        wire = await other()
        await wire.send(request("GET", "/v1.41/images/base/json"))
        assert (await wire.answer())[0] == 200
        engine.goes_on.set()
        assert (await client.answer())[0] == 201


@in_loop
async def test_a_name_is_given_to_one_of_two_that_ask_at_once() -> None:
    async with served() as (here, engine):
        other = await add_socket(here, SOCKETS[1].policy)
        clients = [await here.connect(), await other()]
        for client in clients:
            await client.send(request("POST", "/v1.41/images/base/tag?repo=a"))
        told = await asyncio.gather(*(client.answer() for client in clients))
        assert sorted(status for status, _ in told) == [201, 409]
        assert [bool(read_id(json.loads(said)["decision"])) for status, said in told if status != 201] == [True]
        assert full("a") in engine.given


@in_loop
async def test_a_body_that_nobody_reads_is_no_next_request() -> None:
    """dockerode sends one with each tag."""
    async with served() as (here, engine):
        client = await here.connect()
        for name in "ab":
            target = f"/v1.41/images/base/tag?repo={name}"
            await client.send(request("POST", target, "Content-Type: application/json", "Content-Length: 2"))
            await client.send(b"{}")
            assert (await client.answer())[0] == 201
            assert full(name) in engine.given


@in_loop
async def test_what_is_shown_in_part_is_recorded_as_allowed() -> None:
    async with served() as (here, _):
        client = await here.connect()
        await client.send(request("GET", "/v1.41/images/base/json"))
        assert (await client.answer())[0] == 200
        [record] = await here.records(1)
        assert (record["decision"], record["operation"]) == ("allowed", "ImageInspect")
