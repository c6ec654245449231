"""Before a request that names an object is decided, the engine is asked what the name means."""

import asyncio
import json

import pytest
from decisions import read_message
from policy.policies import ID, grant_on, policy_with
from proxy.harness import OK, Wire, get, in_loop, request, world
from proxy.lookups import OTHER, OTHER_ID, POLICY, START, WEB, answer, asked, serve, tell, the_client
from rows import for_each

from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import NeedsLookup
from dockerproxy.proxy.running import settle
from dockerproxy.proxy.sockets import LOOKUPS

# What is asked, and what goes on


@in_loop
async def test_a_request_goes_on_under_the_id_of_what_was_judged() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/v1.45/containers/w/start?detachKeys=w"))
        await tell(here, target="/v1.45/containers/w/json")
        await serve(here, f"POST /v1.45/containers/{ID}/start?detachKeys=w")
        assert await client.answer() == (200, b"OK")
        [record] = await here.records(1)
        assert record["target"] == "/v1.45/containers/w/start?detachKeys=w"
        assert (record["operation"], record["object"], record["decision"]) == ("ContainerStart", "web", "allowed")
        assert record["source"] == "ContainerStart (policy.yaml:1)"


@in_loop
async def test_a_name_is_asked_for_anew_each_time_even_for_the_same_bytes_on_the_same_connection() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        await tell(here, WEB)
        engine = await serve(here, f"POST /containers/{ID}/start")
        assert await client.answer() == (200, b"OK")
        await client.send(START)
        await tell(here, OTHER)
        assert (await client.answer())[0] == 403
        await client.send(START)
        await tell(here, {"Id": "a" * 64, "Name": "/web"})
        assert (await engine.head()).startswith(f"POST /containers/{'a' * 64}/start ".encode())
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert here.arrivals.empty()


@in_loop
async def test_a_request_for_another_object_never_reaches_the_engine_and_the_connection_goes_on() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/w/exec", "Content-Length: 2", body=b"{}") + get("/_ping"))
        await tell(here, OTHER)
        status, body = await client.answer()
        assert status == 403
        assert b"ContainerExec denied: only allowed if the container is web; hint for ContainerExec" in body
        await serve(here, "GET /_ping")
        assert await client.answer() == (200, b"OK")
        denied, _ = await here.records(2)
        assert (denied["decision"], denied["object"], denied["status"]) == ("denied", "other", 403)


@pytest.mark.parametrize(("name", "status"), [("web", 404), ("w", 403)])
@in_loop
async def test_what_does_not_exist_is_answered_here(name: str, status: int) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", f"/containers/{name}/start"))
        await tell(here, {"message": "no"}, f"/containers/{name}/json", "404 Not Found")
        found, body = await client.answer()
        assert found == status
        assert (json.loads(body)["message"] == "No such container: web") is (status == 404)
        assert here.arrivals.empty()


@in_loop
async def test_an_exec_is_known_by_its_container() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        for container, passes in ((WEB, True), (OTHER, False)):
            await client.send(request("POST", "/exec/e1/start", "Content-Length: 2", body=b"{}"))
            await tell(here, {"ID": "e1", "ContainerID": container["Id"]}, "/exec/e1/json")
            await tell(here, container, f"/containers/{container['Id']}/json")
            if passes:
                engine = await serve(here, "POST /exec/e1/start")
                assert await engine.exactly(2) == b"{}"
            assert (await client.answer())[0] == (200 if passes else 403)
        assert here.arrivals.empty()


# What the engine may answer


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(WEB).encode(),
        b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(WEB).encode(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(json.dumps(WEB)), json.dumps(WEB).encode()),
        answer({**WEB, "Config": {"Env": ["x" * 1_000_000]}}),
    ],
)
@in_loop
async def test_an_answer_may_be_framed_as_it_likes_and_come_in_pieces(told: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        for start in (0, 1, 20, 60):
            stop = {0: 1, 1: 20, 20: 60, 60: len(told)}[start]
            await wire.send(told[start:stop])
            await asyncio.sleep(0)
        wire.end()
        await serve(here, f"POST /containers/{ID}/start")
        assert await client.answer() == (200, b"OK")


BAD = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-x\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<>",
    "no id": answer({"Name": "/web"}),
    "an id that is a path": answer({"Id": f"{ID}/start?x=", "Name": "/web"}),
    "an id that is a head": answer({"Id": f"{ID} HTTP/1.1\r\nx: y", "Name": "/web"}),
    "cut short": answer(WEB)[:-1],
    "too much": answer(WEB) + b"x",
    "a second answer": answer(WEB) + answer(OTHER),
    "a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "not now": answer({"message": "oh"}, "503 Service Unavailable"),
    "a redirect": b"HTTP/1.1 301 Moved\r\nLocation: /containers/web/json\r\nContent-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    "too many labels": answer({**WEB, "Labels": dict.fromkeys(map(str, range(40_000)), "")}),
    "deep": b"HTTP/1.1 200 OK\r\n\r\n" + b'{"x":' * 100_000,
    "a 404 that is cut short": answer({"message": "no"}, "404 Not Found")[:-1],
}


@for_each("told", BAD.values())
@in_loop
async def test_where_the_engine_does_not_say_what_a_name_means_nothing_passes(told: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START + get("/_ping"))
        wire = await asked(here)
        await wire.send(told)
        wire.end()
        status, body = await client.answer()
        expected = 503 if len(told) > 100_000 else 502
        assert status == expected
        assert b"ContainerStart cannot be decided: " in body
        await serve(here, "GET /_ping")
        assert await client.answer() == (200, b"OK")
        record, _ = await here.records(2)
        assert (record["decision"], record["status"], record["level"]) == ("denied", expected, "warning")


AMBIGUOUS = {
    "Docker": answer({"message": "multiple IDs found with provided prefix: w"}, "400 Bad Request"),
    "Podman": answer({"message": "more than one result for container ID w"}, "500 Internal Server Error"),
}


@pytest.mark.parametrize("told", AMBIGUOUS.values(), ids=AMBIGUOUS)
@in_loop
async def test_a_client_does_not_learn_that_two_objects_of_others_have_ids_that_begin_so(told: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        answers = []
        for content in (told, answer({"message": "No such container: w"}, "404 Not Found")):
            await client.send(START)
            wire = await asked(here)
            await wire.send(content)
            wire.end()
            status, body = await client.answer()
            answers.append((status, read_message(body)))
        assert answers[0] == answers[1]
        assert answers[0][0] == 403
        record, _ = await here.records(2)
        assert record["reason"].startswith("ContainerStart cannot be decided: asked for the container w")


@pytest.mark.parametrize("told", AMBIGUOUS.values(), ids=AMBIGUOUS)
@in_loop
async def test_a_granted_name_of_which_the_engine_cannot_say_what_it_means_does_not_pass(told: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/web/start"))
        wire = await asked(here, "/containers/web/json")
        await wire.send(told)
        wire.end()
        status, body = await client.answer()
        assert status == 502
        assert b"asked for the container web, the engine answered" in body


@in_loop
async def test_the_container_of_an_exec_that_cannot_be_known_is_not_named() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/exec/e1/start"))
        await tell(here, {"ID": "e1", "ContainerID": OTHER_ID}, "/exec/e1/json")
        await tell(here, {}, f"/containers/{OTHER_ID}/json", "503 Service Unavailable")
        status, body = await client.answer()
        assert status == 502
        assert OTHER_ID.encode() not in body


async def flood(wire: Wire) -> None:
    for _ in range(1000):
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 1_000_000)


@in_loop
async def test_an_answer_without_end_is_not_read_for_ever() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        with pytest.raises(ConnectionError):
            await flood(wire)
        status, body = await client.answer()
        assert status == 502
        assert b"cut short or too long" in body


@in_loop
async def test_an_engine_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        first = await asked(here)
        waiting = the_client(here)
        judged = waiting.exchange.judged
        assert isinstance(judged, NeedsLookup)
        waiting.socket.patience = 0.5
        await settle(waiting.exchange, judged)
        status, body = await client.answer()
        assert status == 502
        assert b"the engine did not answer for 0.5 seconds" in body
        await first.close()
        await client.send(get("/_ping"))
        assert (await here.engine_side()) is not first


@in_loop
async def test_an_engine_that_is_not_there_is_explained() -> None:
    async with world(engine=False, policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        told = await client.rest()
        assert told.startswith(b"HTTP/1.1 503 ")
        assert b"engine.sock" in told


# Where nothing is refused


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
@in_loop
async def test_where_nothing_is_refused_all_goes_on_and_the_record_says_what_would_not(mode: Mode) -> None:
    async with world(policy=policy_with(grant_on("ContainerStart", "web"), mode=mode)) as here:
        client = await here.connect()
        expected = []
        tellings = ((WEB, "200 OK", ID, "allowed", "web"), (OTHER, "200 OK", "w", "reported", "other"))
        unknown = ({"message": "two"}, "400 Bad Request", "w", "reported", "")
        absent = ({"message": "no"}, "404 Not Found", "w", "reported", "w")
        engine = None
        for told, status, name, decision, called in (*tellings, unknown, absent):
            await client.send(START)
            await tell(here, told, status=status)
            engine = engine or await here.engine_side()
            assert (await engine.head()).startswith(f"POST /containers/{name}/start ".encode())
            await engine.send(OK)
            assert await client.answer() == (200, b"OK")
            expected.append((decision, called))
        records = await here.records(4)
        assert [(record["decision"], record["object"]) for record in records] == expected
        level = "warning" if mode is Mode.REPORT else "info"
        assert {record["level"] for record in records if record["decision"] == "reported"} == {level}
        assert ("cannot be decided" in records[2]["reason"]) is (mode is Mode.REPORT)


@in_loop
async def test_the_engine_is_asked_only_so_much_at_one_time() -> None:
    async with world(policy=POLICY) as here:
        clients = [await here.connect() for _ in range(LOOKUPS + 1)]
        for client in clients:
            await client.send(START)
        asked_now = [await here.engine_side() for _ in range(LOOKUPS)]
        stranger = await here.connect()
        await stranger.send(get("/_ping"))
        await serve(here, "GET /_ping")  # What comes next is no lookup, though a client waits for one.
        await asked_now[0].head()
        await asked_now[0].send(answer(OTHER))
        asked_now[0].end()
        await tell(here, OTHER)
