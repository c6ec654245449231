"""A list of which some is hidden, and volumes that are made before a create goes on."""

import gc
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from policy.policies import ID, grant_on, policy_with
from proxy.bodies import OUTSIDE
from proxy.harness import Wire, World, get, in_loop, request, world
from proxy.lookups import answer, serve, the_client
from proxy.podman import claims
from proxy.stage import busy, until
from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.list_filters import write_filters
from dockerproxy.policy.steps import Whole
from dockerproxy.proxy.scheduling import Line, Worker
from dockerproxy.proxy.sockets import LOOKUPS

_Result = TypeVar("_Result")

LINES = """
sockets:
  ci:
    path: /ci.sock
    allow: [preset:ping, own, VolumeCreate, ContainerCreate: {images: [busybox]}]
"""
POLICY = read_policy(LINES, "policy.yaml").sockets[0].policy

QUERY = "?filters=%7B%22label%22:%5B%22io.dockerproxy.owner%3Dci%22%5D%7D"
"""What the engine is asked for besides."""

MINE = {OWNER: "ci", NONCE: "n1"}
MANY = dict.fromkeys(map(str, range(40_000)), "")
IMAGE = f"sha256:{ID}"
VOLUMES = {"Volumes": [{"Name": "mine", "Labels": MINE}, {"Name": "other"}], "Warnings": None}
CREATE = json.dumps({"Image": "busybox", "HostConfig": {"Binds": ["data:/data"]}}).encode()
FIELDS = ("Content-Type: application/json", f"Content-Length: {len(CREATE)}")


def container(name: str, **labels: str) -> dict[str, Any]:
    return {"Id": f"{name[:1]}f" * 32, "Names": [f"/{name}"], "ImageID": IMAGE, "Labels": labels}


async def posted(here: World, target: str) -> tuple[Wire, Any]:
    """A new connection over which the proxy posts something; return it, and what. The engine is in no swarm."""
    if target.endswith("/volumes/create"):
        (await serve(here, "GET /info", answer(OUTSIDE))).end()
    wire = await here.engine_side()
    head = await wire.head()
    assert head.startswith(f"POST {target} HTTP/1.1\r\n".encode())
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return wire, json.loads(await wire.exactly(length))


async def send_all(engine: Wire, data: bytes) -> None:
    """Send an answer to its end, or until nobody takes it."""
    with suppress(ConnectionError):
        await engine.send(data)
        engine.end()


@in_loop
async def test_a_list_has_what_is_its_own_and_the_connection_goes_on() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        for _ in range(2):
            await client.send(get("/v1.45/volumes"))
            engine = await serve(here, f"GET /v1.45/volumes{QUERY}", answer(VOLUMES))
            engine.end()
            status, body = await client.answer()
            assert (status, json.loads(body)) == (200, {"Volumes": [VOLUMES["Volumes"][0]], "Warnings": None})  # type: ignore[index]
        records = await here.records(2)
        assert [(each["operation"], each["decision"], each["status"]) for each in records] == [
            ("VolumeList", "allowed", 200)
        ] * 2


@pytest.mark.parametrize("size", [1, 2_000_000])
@in_loop
async def test_a_list_that_comes_again_shows_what_has_changed(size: int) -> None:
    first = {"Name": "first", "Labels": {**MINE, "a": "b" * size}}
    async with world(policy=POLICY) as here:
        client = await here.connect()
        for number in range(12):
            target = f"/v1.4{number % 6}/volumes"
            labels = MINE if number % 2 else {}
            await client.send(get(target))
            whole = [first, {"Name": "mine", "Labels": labels}, first]
            engine = await serve(here, f"GET {target}{QUERY}", b"")
            await send_all(engine, answer({"Volumes": whole, "Warnings": None}))
            _, body = await client.answer()
            assert json.loads(body)["Volumes"] == [each for each in whole if each["Labels"]]


@in_loop
async def test_of_stamped_containers_the_image_is_asked_for_once() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        listed = [
            container("a", **MINE),
            container("b", **{**MINE, NONCE: "n2"}),
            container("c"),
            container("d", **MINE),
        ]
        for number in range(2):
            await client.send(get("/containers/json"))
            (await serve(here, f"GET /containers/json{QUERY}", answer(listed))).end()
            if number == 0:
                described = {"Id": IMAGE, "Config": {"Labels": {NONCE: "n2"}}}
                (await serve(here, f"GET /images/{IMAGE}/json", answer(described))).end()
            _, body = await client.answer()
            assert [each["Names"] for each in json.loads(body)] == [["/a"], ["/d"]]
        assert here.arrivals.empty()


@in_loop
async def test_for_what_others_stamped_no_image_is_asked_for() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/containers/json"))
        (await serve(here, f"GET /containers/json{QUERY}", answer([container("a", **{**MINE, OWNER: "other"})]))).end()
        assert await client.answer() == (200, b"[]")
        assert here.arrivals.empty()


@in_loop
async def test_a_container_whose_image_is_gone_is_not_shown() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/containers/json"))
        (await serve(here, f"GET /containers/json{QUERY}", answer([container("a", **MINE)]))).end()
        (await serve(here, f"GET /images/{IMAGE}/json", answer({"message": "no"}, "404 Not Found"))).end()
        assert await client.answer() == (200, b"[]")


@for_each("image", [{"Labels": {NONCE: "n1", **MANY}, "Env": [*MANY]}, ["no object"], {"Env": ["x" * 9_000_000]}])
@in_loop
async def test_an_image_that_cannot_be_read_at_once_spoils_no_list_and_hides_no_stamp(image: object) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/containers/json"))
        listed = {**container("a"), "Labels": {**MINE, **MANY}}
        await send_all(await serve(here, f"GET /containers/json{QUERY}", b""), answer([listed]))
        await send_all(await serve(here, f"GET /images/{IMAGE}/json", b""), answer({"Config": image}))
        assert await client.answer() == (200, b"[]")


HIDING = compile_policy(policy_with(grant_on("ContainerInspect")).policy._replace(hides=frozenset({"labels"})))


@in_loop
async def test_answers_of_the_engine_are_counted_until_they_are_written() -> None:
    async with world(policy=HIDING) as here:
        clients = [await here.connect() for _ in range(2 * LOOKUPS)]
        described = answer({"Id": ID, "Config": {"Labels": {"x": "y" * 100_000}}})
        async with busy(here):
            for client in clients:
                await client.send(get("/containers/web/json"))
            for _ in range(LOOKUPS):
                await send_all(await serve(here, "GET /containers/web/json", b""), described)
            other = await here.connect()
            for _ in range(50):  # Until all of them are read.
                await other.send(get("/images/json"))
                assert (await other.answer())[0] == 403
            assert here.arrivals.empty()
        for _ in range(LOOKUPS):
            await send_all(await serve(here, "GET /containers/web/json", b""), described)
        for client in clients:
            status, body = await client.answer()
            assert (status, b"yyy" in body) == (200, False)


def is_kept() -> bool:
    """Whether the answer is in memory. Other tests may have left theirs to the collector."""
    return any(isinstance(each, Whole) and b"freed" in each.content for each in gc.get_objects())


@in_loop
async def test_an_answer_whose_client_has_gone_is_freed_without_the_collector() -> None:
    async with world(policy=HIDING) as here, busy(here):
        client = await here.connect()
        await client.send(get("/containers/web/json"))
        gc.disable()
        try:
            engine = await serve(here, "GET /containers/web/json", b"")
            await send_all(engine, answer({"Id": ID, "Config": {"Labels": {"x": "freed" * 20_000}}}))
            await until(is_kept, "the answer is read")
            await client.close()
            await here.records(1)
            await until(lambda: not is_kept(), "it is freed")
        finally:
            gc.enable()


class CountingWorker(Worker):
    """Counts its jobs."""

    jobs = 0

    async def run(self, line: Line, work: Callable[[], _Result]) -> _Result:
        self.jobs += 1
        return await super().run(line, work)


@in_loop
async def test_a_long_list_is_read_and_judged_beside_the_loop() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        the_client(here).shared.worker = worker = CountingWorker(time.monotonic)
        for count, jobs in ((2, 0), (2000, 2)):
            listed = [{"Id": "1f", "Name": "x" * 20, "Labels": MINE}] * count
            await client.send(get("/networks"))
            engine = await here.engine_side()
            await engine.head()
            await send_all(engine, answer(listed))
            status, body = await client.answer()
            assert (status, json.loads(body), worker.jobs) == (200, listed, jobs)


@in_loop
async def test_an_error_of_the_engine_is_passed_on() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/networks?filters={%22x%22:[%22y%22]}"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(answer({"message": "invalid filter"}, "400 Bad Request"))
        engine.end()
        assert (await client.answer())[0] == 400


@in_loop
async def test_no_list_of_tasks_tells_whether_a_name_is_taken() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        for told, status in (([], "200 OK"), ({"message": "service a-b not found"}, "404 Not Found")):
            await client.send(get("/tasks?filters={%22service%22:[%22a-b%22]}"))
            engine = await here.engine_side()
            assert b"a-b" in await engine.head()
            await engine.send(answer(told, status))
            engine.end()
            if told == []:
                (await serve(here, f"GET /services?filters={write_filters('ci')}", answer([]))).end()
            assert await client.answer() == (200, b"[]")


@pytest.mark.parametrize("told", [{}, [{"Name": "n"}], [1], "text"])
@in_loop
async def test_what_is_no_list_is_not_passed_on(told: object) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/networks"))
        (await serve(here, f"GET /networks{QUERY}", answer(told))).end()
        status, body = await client.answer()
        assert status == 502
        assert b"NetworkList cannot be answered" in body


@in_loop
async def test_an_engine_that_says_nothing_is_not_waited_for_without_end() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/networks"))
        engine = await here.engine_side()
        await engine.head()
        engine.end()
        assert (await client.answer())[0] == 502
        await here.records(1)


@in_loop
async def test_an_interim_answer_is_not_taken_for_the_answer() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/networks"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        assert (await client.answer())[0] == 502
        assert await engine.rest() == b""


@in_loop
async def test_an_engine_that_does_nothing_is_not_waited_for_without_end() -> None:
    async with world(policy=POLICY, ENGINE_TIMEOUT="0.2") as here:
        client = await here.connect()
        fields = ("Content-Type: application/json", "Content-Length: 12")
        await client.send(request("POST", "/volumes/create", *fields, body=b'{"Name":"v"}'))
        (await serve(here, "GET /volumes/v", answer({"message": "no"}, "404 Not Found"))).end()
        engine, _ = await posted(here, "/volumes/create")
        assert (await client.answer())[0] == 504
        assert claims(here) == 1  # It may still be made.
        engine.end()
        await until(lambda: not claims(here), "the engine is done")


@in_loop
async def test_a_client_that_goes_leaves_nothing() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/networks"))
        engine = await here.engine_side()
        await engine.head()
        lookups = the_client(here).socket.lookups
        await client.close()
        assert await engine.rest() == b""
        [record] = await here.records(1)
        assert record["reason"] == "the client went away"
        assert lookups._value == 8


@in_loop
async def test_a_volume_is_made_under_the_stamp_before_the_create_goes_on() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/v1.45/containers/create", *FIELDS, body=CREATE))
        (await serve(here, "GET /v1.45/volumes/data", answer({"message": "no"}, "404 Not Found"))).end()
        wire, made = await posted(here, "/v1.45/volumes/create")
        assert (made["Name"], made["Labels"][OWNER]) == ("data", "ci")
        await wire.send(answer({"Name": "data", "Labels": made["Labels"]}, "201 Created"))
        wire.end()
        wire, create = await posted(here, "/v1.45/containers/create")
        assert create["Labels"] == made["Labels"]
        await wire.send(answer({"Id": ID}, "201 Created"))
        assert (await client.answer())[0] == 201


@pytest.mark.parametrize(
    ("status", "labels", "times"),
    [("201 Created", {}, 2), ("201 Created", MINE, 2), ("500 Internal Server Error", MINE, 1)],
)
@in_loop
async def test_a_volume_that_somebody_else_made_meanwhile_is_not_mounted(
    status: str, labels: dict[str, str], times: int
) -> None:
    """If it is there, what it is is asked once more."""
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/create", *FIELDS, body=CREATE))
        for _ in range(times):
            (await serve(here, "GET /volumes/data", answer({"message": "no"}, "404 Not Found"))).end()
            wire, _ = await posted(here, "/volumes/create")
            await wire.send(answer({"Name": "data", "Labels": labels}, status))
            wire.end()
        found, body = await client.answer()
        assert found == 503
        assert b"could not be made, or another client made it" in body
        assert here.arrivals.empty()


@in_loop
async def test_a_volume_that_another_made_meanwhile_is_not_shown() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        content = json.dumps({"Name": "data"}).encode()
        fields = ("Content-Type: application/json", f"Content-Length: {len(content)}")
        await client.send(request("POST", "/v1.45/volumes/create", *fields) + content)
        (await serve(here, "GET /volumes/data", answer({"message": "no"}, "404 Not Found"))).end()
        engine, _ = await posted(here, "/v1.45/volumes/create")
        await engine.send(answer({"Name": "data", "Labels": {OWNER: "theirs", NONCE: "n2"}}, "201 Created"))
        engine.end()
        status, body = await client.answer()
        assert (status, b"n2" in body) == (409, False)


@in_loop
async def test_a_body_of_what_has_none_comes_before_a_request_that_goes_alone() -> None:
    """As dockerode sends it with each POST; what is hidden is cut out of the answer."""
    text = "sockets: {ci: {path: /ci.sock, hide: [labels], allow: [ContainerStop: {containers: [web]}]}}"
    async with world(policy=read_policy(text, "p").sockets[0].policy) as here:
        client = await here.connect()
        await client.send(
            request("POST", "/containers/web/stop", "Content-Type: application/json", "Content-Length: 2")
        )
        (await serve(here, "GET /containers/web/json", answer({"Id": ID, "Name": "/web"}))).end()
        await client.send(b"{}")
        engine = await here.engine_side()
        assert (await engine.head()).startswith(f"POST /containers/{ID}/stop".encode())
        assert await engine.exactly(2) == b"{}"
        await engine.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert (await client.head()).startswith(b"HTTP/1.1 204 ")
