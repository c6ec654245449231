"""What becomes of a body besides being held: before a tunnel, where nothing is refused, and where it passes unread."""

import asyncio
import gzip

import pytest
from policy.policies import ID, grant_on, policy_with
from proxy.bodies import CONTAINED, DENIED, REPORTING, TWO_VOLUMES, contained, create, whole
from proxy.harness import OK, get, in_loop, request, world
from proxy.lookups import OTHER, WEB, asked, tell, the_client
from waiting import PATIENCE

from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Verdict

UPGRADE = ("Connection: Upgrade", "Upgrade: tcp", "Content-Type: application/json")
SWITCHED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
TARGET = "/containers/w/archive?path=/"
UPLOADS = (contained("PutContainerArchive", "web"), grant_on("SystemPing"))
EXEC = {"ID": "e1", "ContainerID": ID, "ProcessConfig": {"privileged": False, "user": ""}}


def start(*framing: str, body: bytes) -> bytes:
    return request("POST", "/exec/e1/start", *UPGRADE, *framing, body=body)


# Tunnels


@pytest.mark.parametrize(
    "sent",
    [
        start("Content-Length: 14", body=b'{"tty": false}early'),
        start("Transfer-Encoding: chunked", body=b'7\r\n{"tty":\r\n7\r\n false}\r\n0\r\n\r\nearly'),
    ],
)
@pytest.mark.parametrize("pieces", [1, 2])
@in_loop
async def test_a_tunnel_opens_behind_a_body_that_was_held_and_early_bytes_are_not_lost(
    sent: bytes, pieces: int
) -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        for piece in (sent[:-9], sent[-9:])[:pieces] if pieces > 1 else (sent,):
            await client.send(piece)
            await asyncio.sleep(0)
        await tell(here, EXEC, "/exec/e1/json")
        await tell(here, WEB, f"/containers/{ID}/json")
        engine = await here.engine_side()
        head, body = await whole(engine)
        assert b"\r\nupgrade: tcp\r\n" in head
        assert body == b'{"Tty":false}'
        await engine.send(SWITCHED + b"hello")
        assert await engine.exactly(5) == b"early"
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        assert await client.exactly(5) == b"hello"
        await client.send(b"more")
        assert await engine.exactly(4) == b"more"
        client.end()
        assert await engine.rest() == b""
        await engine.send(b"rest")
        await engine.close()
        assert await client.rest() == b"rest"
        *_, record = await here.records(1)
    assert (record["operation"], record["decision"], record["status"]) == ("ExecStart", "allowed", 101)
    assert record["received"] == 14 + len(b"early" + b"more")


@in_loop
async def test_a_client_that_ends_its_side_while_a_tunnel_is_held_still_gets_its_answer() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(start("Content-Length: 2", body=b"{}input"))
        client.end()
        await tell(here, EXEC, "/exec/e1/json")
        await tell(here, WEB, f"/containers/{ID}/json")
        engine = await here.engine_side()
        await whole(engine)
        await engine.send(SWITCHED)
        assert await engine.rest() == b"input"
        await engine.send(b"output")
        await engine.close()
        assert (await client.rest()) == SWITCHED + b"output"


@in_loop
async def test_no_body_is_kept_for_the_life_of_a_tunnel() -> None:
    padding = b" " * 100_000
    async with world(policy=CONTAINED) as here:
        [served] = (door.state for door in here.server._doors.values())
        client = await here.connect()
        await client.send(start(f"Content-Length: {len(padding) + 2}", body=padding + b"{}"))
        await tell(here, EXEC, "/exec/e1/json")
        assert served.usage.held == len(padding) + 2
        await tell(here, WEB, f"/containers/{ID}/json")
        engine = await here.engine_side()
        await whole(engine)
        await engine.send(SWITCHED)
        await client.head()
        judged = the_client(here).exchange.judged
        assert isinstance(judged, Verdict)
        assert (judged.body, judged.known.body, len(judged.to_engine), judged.passes) == (b"", None, 1, True)
        assert served.usage.held == 0
        await client.close()
        *_, record = await here.records(1)
        assert (record["decision"], record["object"], served.usage.held) == ("allowed", "web", 0)


@in_loop
async def test_an_exec_of_another_container_is_not_started_whatever_is_in_the_body() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(start("Content-Length: 2", body=b"{}early"))
        await tell(here, EXEC, "/exec/e1/json")
        await tell(here, OTHER, f"/containers/{ID}/json")
        assert (await client.answer())[0] == 403
        assert here.arrivals.empty()


# Where nothing is refused


@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_what_would_be_denied_passes_as_it_came_and_the_record_says_so(*, chunked: bool) -> None:
    odd = DENIED + b" \n"
    async with world(policy=REPORTING) as here:
        client = await here.connect()
        await client.send(create(odd, chunked=chunked))
        engine = await here.engine_side()
        assert (await whole(engine))[1] == odd
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        [record] = await here.records(1)
    assert (record["decision"], record["level"], record["received"]) == ("reported", "warning", len(odd))
    assert "HostConfig.Privileged is true" in record["reason"]


@in_loop
async def test_what_cannot_be_decided_passes_as_it_came_where_nothing_is_refused() -> None:
    async with world(policy=REPORTING) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES + b" "))
        wires = [await asked(here, f"/v1.45/volumes/{name}") for name in ("data", "more")]
        await wires[0].close()
        engine = await here.engine_side()
        assert (await whole(engine))[1] == TWO_VOLUMES + b" "
        await engine.send(OK)
        await client.answer()
        [record] = await here.records(1)
    assert record["decision"] == "reported"
    assert "cannot be decided" in record["reason"]


@in_loop
async def test_a_socket_that_learns_passes_bodies_as_they_came() -> None:
    async with world(policy=policy_with(mode=Mode.LEARN)) as here:
        for chunked in (False, True):
            client = await here.connect()
            await client.send(create(DENIED + b" ", chunked=chunked))
            engine = await here.engine_side()
            assert (await whole(engine))[1] == DENIED + b" "
            await engine.send(OK)
            assert await client.answer() == (200, b"OK")
        assert {record["decision"] for record in await here.records(2)} == {"reported"}


@in_loop
async def test_a_body_goes_on_in_http_1_0_as_well() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create().replace(b"HTTP/1.1", b"HTTP/1.0"))
        engine = await here.engine_side()
        head, _ = await whole(engine)
        assert b" HTTP/1.0\r\n" in head
        await engine.send(OK)
        assert (await client.rest()).endswith(b"OK")


# Archives


def put(content: bytes, *fields: str, chunked: bool) -> bytes:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content)}"
    coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if chunked else content
    return request(
        "PUT", "/containers/w/archive?path=/", framing, "Content-Type: application/x-tar", *fields, body=coded
    )


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.REPORT])
@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_an_archive_passes_as_it_came_into_the_container_and_the_next_request_behind_it(
    mode: Mode, *, chunked: bool
) -> None:
    content = gzip.compress(bytes(1024))
    sent = put(content, "Content-Encoding: gzip", chunked=chunked)
    async with world(policy=policy_with(*UPLOADS, mode=mode)) as here:
        client = await here.connect()
        await client.send(sent + get("/_ping"))
        await tell(here)
        engine = await here.engine_side()
        head, body = await engine.head(), sent.partition(b"\r\n\r\n")[2]
        assert head.startswith(f"PUT /containers/{ID}/archive?path=%2F HTTP/1.1\r\n".encode())
        assert b"\r\ncontent-encoding: gzip\r\n" in head
        assert await engine.exactly(len(body)) == body
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await engine.head()).startswith(b"GET /_ping ")
        first = (await here.records(1))[0]
    assert (first["decision"], first["received"]) == ("allowed", len(content))


@in_loop
async def test_no_archive_goes_into_a_container_that_mounts_a_directory_of_the_host() -> None:
    mounts = [{"Type": "bind", "Source": "/srv", "Destination": "/srv", "RW": True}]
    async with world(policy=policy_with(*UPLOADS)) as here:
        client = await here.connect()
        await client.send(put(bytes(1024), chunked=False) + get("/_ping"))
        await tell(here, {**WEB, "Mounts": mounts})
        status, body = await client.answer()
        assert (status, b"could write to the host there" in body) == (403, True)
        engine = await here.engine_side()
        assert (await engine.head()).startswith(b"GET /_ping ")


@in_loop
async def test_no_archive_goes_where_a_volume_is_a_directory_of_the_host() -> None:
    mounts = [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": True}]
    for options, status in ((None, 200), ({"type": "none", "o": "bind", "device": "/etc"}, 403)):
        async with world(policy=policy_with(*UPLOADS)) as here:
            client = await here.connect()
            await client.send(put(bytes(1024), chunked=False))
            await tell(here, {**WEB, "Mounts": mounts})
            await tell(here, {"Name": "data", "Driver": "local", "Options": options}, "/volumes/data")
            if status == 200:
                engine = await here.engine_side()
                await engine.head()
                assert await engine.exactly(1024) == bytes(1024)
                await engine.send(OK)
            assert (await client.answer())[0] == status


@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_for_an_engine_that_does_not_read_an_archive_only_a_few_pieces_of_it_are_kept(*, chunked: bool) -> None:
    async with world(policy=policy_with(*UPLOADS)) as here:
        client = await here.connect()
        size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {2**30}"
        await client.send(request("PUT", "/containers/w/archive?path=/", size, "Content-Type: application/x-tar"))
        await client.send(b"40000000\r\n" if chunked else b"")
        await tell(here)
        engine = await here.engine_side()
        await engine.head()
        engine.pause()
        written = 0

        async def fill() -> None:
            nonlocal written
            while True:
                await client.send(bytes(65536))
                written += 65536

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 1)
        kept = the_client(here)
        assert kept.engine is not None
        assert 2**16 < kept.engine.transport.get_write_buffer_size() < 2**20
        assert len(kept.inbox.data) < 2**18
        assert kept.engine.is_slow
        assert written < 8 * 2**20
        engine.resume()
        assert len(await engine.exactly(written)) == written
        await asyncio.wait_for(client.send(bytes(65536)), PATIENCE)


@in_loop
async def test_an_archive_that_ends_too_early_is_cut_off() -> None:
    async with world(policy=policy_with(*UPLOADS)) as here:
        client = await here.connect()
        await client.send(put(bytes(1024), chunked=False)[:-5])
        await tell(here)
        engine = await here.engine_side()
        await engine.head()
        client.end()
        assert await engine.rest() == bytes(1019)
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        [record] = await here.records(1)
    assert (record["decision"], record["status"]) == ("refused", 400)
