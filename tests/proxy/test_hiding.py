"""What a socket hides is in no answer: lists, objects, streams, errors and heads, on a connection that goes on."""

import json
from typing import Any

import pytest
from plans.test_showing import CREATE, FIELDS, QUERY, posted
from policy.policies import ID
from proxy.following import HEAD, MINE, TO_THE_END, chunk
from proxy.harness import get, in_loop, request, world
from proxy.lookups import answer, serve, the_client

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy

CONTAINER = {"Id": ID, "Created": 9007199254740993, "Path": "MARKER", "Config": {"Env": ["MARKER"], "User": "root"}}
LEFT = b'{"Id": "%b", "Created": 9007199254740993, "Config": {"User": "root"}}' % ID.encode()
EVENT = {"Type": "container", "Action": "exec_create: MARKER", "Actor": {"ID": ID, "Attributes": {"MARKER": "MARKER"}}}


def policy_of(*allow: str, mode: str = "enforce") -> CompiledPolicy:
    hides = "environment, arguments, mounts, addresses, labels, join_tokens, registry"
    lines = "".join(f"\n  - {line}" for line in allow)
    text = f"sockets:\n ci:\n  path: /ci.sock\n  mode: {mode}\n  hide: [{hides}]\n  allow:{lines}"
    return read_policy(text, "policy.yaml").sockets[0].policy


READING = policy_of("preset:ping", "containers:read", "events:read", "networks:read")


@in_loop
async def test_an_object_is_shown_without_what_is_hidden_and_the_connection_goes_on() -> None:
    async with world(policy=READING) as here:
        client = await here.connect()
        for _ in range(2):
            await client.send(get(f"/containers/{ID}/json"))
            (await serve(here, f"GET /containers/{ID}/json", answer(CONTAINER))).end()
            assert await client.answer() == (200, LEFT.replace(b", ", b",").replace(b',"Conf', b',"Conf'))
        await client.send(get("/_ping"))
        (await serve(here, "GET /_ping", answer("OK"))).end()
        assert (await client.answer())[0] == 200
        assert [each["decision"] for each in await here.records(3)] == ["allowed"] * 3


@pytest.mark.parametrize("mode", ["report", "learn"])
@in_loop
async def test_what_is_hidden_is_hidden_where_nothing_is_refused(mode: str) -> None:
    async with world(policy=policy_of("preset:ping", mode=mode)) as here:
        client = await here.connect()
        await client.send(get("/info"))
        (await serve(here, "GET /info", answer({"ID": "x", "Labels": ["MARKER"]}))).end()
        assert await client.answer() == (200, b'{"ID": "x"}')
        await client.send(get(f"/containers/{ID}/top"))
        assert (await client.answer())[0] == 403
        await client.send(get("/new/operation"))
        assert (await client.answer())[0] == 403
        assert here.arrivals.empty()


@in_loop
async def test_first_it_is_chosen_what_is_shown_and_then_hidden() -> None:
    async with world(policy=policy_of("own")) as here:
        client = await here.connect()
        await client.send(get("/v1.45/networks"))
        networks = [{"Id": "n1", "Name": "mine", "Labels": MINE}, {"Id": "n2", "Name": "other", "Labels": {}}]
        (await serve(here, f"GET /v1.45/networks{QUERY}", answer(networks))).end()
        assert await client.answer() == (200, b'[{"Id": "n1","Name": "mine"}]')


@in_loop
async def test_a_long_answer_is_read_beside_the_loop_and_one_that_is_too_long_is_refused() -> None:
    async with world(policy=READING) as here:
        client = await here.connect()
        listed: list[dict[str, Any]] = [{"Id": ID, "Command": "MARKER"}] * 1000
        await client.send(get("/containers/json"))
        (await serve(here, "GET /containers/json", answer(listed))).end()
        status, body = await client.answer()
        assert (status, json.loads(body)) == (200, [{"Id": ID}] * 1000)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno MARKER", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[]", 502),
        (b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno MARKER", 500),
        (b"HTTP/1.1 304 Not Modified\r\nETag: MARKER\r\n\r\n", 304),
        (
            b"HTTP/1.1 200 OK\r\nETag: MARKER\r\nX: MARKER\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
            200,
        ),
    ],
)
@in_loop
async def test_what_cannot_be_read_and_what_a_head_says_is_not_passed_on(sent: bytes, status: int) -> None:
    async with world(policy=READING) as here:
        client = await here.connect()
        await client.send(get("/containers/json", "Connection: close"))
        (await serve(here, "GET /containers/json", sent)).end()
        told = await client.rest()
        assert told.startswith(b"HTTP/1.1 %d " % status)
        assert b"MARKER" not in told


@pytest.mark.parametrize("head", [HEAD, TO_THE_END])
@in_loop
async def test_a_stream_of_events_goes_without_what_is_hidden(head: bytes) -> None:
    async with world(policy=READING) as here:
        client = await here.connect()
        await client.send(get("/v1.45/events"))
        engine = await serve(here, "GET /v1.45/events", head.replace(b"OK\r\n", b"OK\r\nX-New: MARKER\r\n"))
        assert b"MARKER" not in await client.head()
        line = json.dumps(EVENT).encode()
        left = b'{"Type": "container","Action": "exec_create","Actor": {"ID": "%b","Attributes": {}}}\n' % ID.encode()
        if head is HEAD:
            await engine.send(chunk(line[:20]) + chunk(line[20:] + b"\nno json\n" + line) + b"0\r\n\r\n")
            shown = chunk(left + left[:-1]) + b"0\r\n\r\n"
            assert await client.exactly(len(shown)) == shown
        else:
            await engine.send(line + b"\n")
            engine.end()
            assert await client.rest() == left


@in_loop
async def test_a_list_of_which_something_is_hidden_may_take_as_long_as_any_other() -> None:
    async with world(policy=READING) as here:
        client = await here.connect()
        await client.send(get("/_ping"))
        await serve(here, "GET /_ping", answer("OK", ends=False))
        assert (await client.answer())[0] == 200
        the_client(here).socket.patience = 0
        await client.send(get("/containers/json?size=1"))
        (await serve(here, "GET /containers/json?size=1", answer([CONTAINER]))).end()
        assert (await client.answer())[0] == 200


@in_loop
async def test_the_answer_to_a_wait_goes_without_the_error() -> None:
    async with world(policy=policy_of("ContainerWait")) as here:
        client = await here.connect()
        await client.send(request("POST", f"/containers/{ID}/wait"))
        sent, left = b'{"StatusCode":127,"Error":{"Message":"MARKER"}}', chunk(b'{"StatusCode":127}') + b"0\r\n\r\n"
        await serve(here, f"POST /containers/{ID}/wait", HEAD + chunk(sent) + b"0\r\n\r\n")
        assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")
        assert await client.exactly(len(left)) == left


@in_loop
async def test_the_record_of_a_wait_for_a_named_container_says_that_it_passed() -> None:
    text = "sockets: {ci: {path: /ci.sock, allow: [{ContainerWait: {containers: [web]}}], hide: [environment]}}"
    async with world(policy=read_policy(text, "policy.yaml").sockets[0].policy) as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/web/wait", "Connection: close"))
        (await serve(here, "GET /containers/web/json", answer({"Id": ID, "Name": "/web"}))).end()
        await serve(here, f"POST /containers/{ID}/wait", HEAD + chunk(b'{"StatusCode":0}') + b"0\r\n\r\n")
        await client.rest()
        await here.records(1)
        said = [(line["event"], line["decision"], line["object"]) for line in here.log() if line["event"] != "message"]
    assert said == [("start", "allowed", "web"), ("exchange", "allowed", "web")]


@in_loop
async def test_the_code_that_a_wait_ends_with_in_podmans_own_api_passes() -> None:
    async with world(policy=policy_of("ContainerWaitLibpod")) as here:
        client = await here.connect()
        await client.send(request("POST", f"/v5.0.0/libpod/containers/{ID}/wait", "Connection: close"))
        await serve(here, f"POST /v5.0.0/libpod/containers/{ID}/wait", HEAD + chunk(b"127") + b"0\r\n\r\n")
        assert (await client.rest()).endswith(b"\r\n\r\n3\r\n127\r\n0\r\n\r\n")


@in_loop
async def test_an_error_to_a_stream_is_cut_like_any_other() -> None:
    async with world(policy=READING) as here:
        client = await here.connect()
        await client.send(get("/events"))
        (await serve(here, "GET /events", answer({"message": "MARKER"}, "500 No"))).end()
        status, body = await client.answer()
        assert status == 500
        assert b"MARKER" not in body


@in_loop
async def test_what_an_engine_says_of_a_start_or_a_removal_is_cut() -> None:
    async with world(policy=policy_of("ContainerStart", "volumes:write")) as here:
        for method, target in (("POST", f"/containers/{ID}/start"), ("DELETE", "/volumes/v")):
            client = await here.connect()
            await client.send(request(method, target))
            (await serve(here, f"{method} {target}", answer({"message": "MARKER"}, "500 No"))).end()
            status, body = await client.answer()
            assert (status, b"MARKER" in body) == (500, False)


@in_loop
async def test_a_create_goes_on_with_its_body_and_its_answer_without_what_no_table_knows() -> None:
    async with world(policy=policy_of("ContainerCreate: unrestricted")) as here:
        client = await here.connect()
        await client.send(request("POST", "/v1.45/containers/create", *FIELDS, body=CREATE))
        engine, body = await posted(here, "/v1.45/containers/create")
        assert body == json.loads(CREATE)
        await engine.send(answer({"Id": ID, "Warnings": [], "New": "MARKER"}, "201 Created"))
        assert await client.answer() == (201, b'{"Id": "%b","Warnings": []}' % ID.encode())


@in_loop
async def test_so_does_one_for_which_a_volume_is_made() -> None:
    policy = policy_of("own", "VolumeCreate", "ContainerCreate: {images: [busybox]}")
    async with world(policy=policy) as here:
        client = await here.connect()
        await client.send(request("POST", "/v1.45/containers/create", *FIELDS, body=CREATE))
        (await serve(here, "GET /v1.45/volumes/data", answer({"message": "no"}, "404 Not Found"))).end()
        volume, made = await posted(here, "/v1.45/volumes/create")
        await volume.send(answer({"Name": "data", "Labels": made["Labels"]}, "201 Created"))
        volume.end()
        engine, _ = await posted(here, "/v1.45/containers/create")
        await engine.send(answer({"Id": ID, "New": "MARKER"}, "201 Created"))
        assert await client.answer() == (201, b'{"Id": "%b"}' % ID.encode())
