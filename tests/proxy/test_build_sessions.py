"""Sessions over real sockets: the engine gets files and no devices, and what is denied leaves a record."""

from builds.ends import NOTHING, frame, framed
from builds.messages import flag, text
from proxy.builders import TAGS, building, open_builds, open_session
from proxy.harness import in_loop, world
from rows import for_each

SYNC = "/moby.filesync.v1.FileSync/DiffCopy"
FILE = framed(text(2, text(1, "file") + flag(2, 0o644)))
DEVICE = framed(text(2, text(1, "disk") + flag(2, 1 << 26)))


@in_loop
async def test_the_engine_gets_a_file_and_the_reason_instead_of_a_device_which_the_log_has_too() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_session(here)
        stream = engine.begin(SYNC, NOTHING)
        await engine.flush()
        await client.asked()
        client.peer.connection.send_headers(stream, [(":status", "200")])
        client.peer.connection.send_data(stream, FILE)
        await client.flush()
        await engine.until(lambda: stream in engine.peer.streams and engine.peer.streams[stream].data == FILE)
        client.peer.connection.send_data(stream, DEVICE)
        await client.flush()
        heard = await engine.answered(stream)
        assert heard.data == FILE
        assert heard.fields["grpc-message"].startswith('ImageBuild denied: "disk" is a device: leave it out')
        [record] = await here.records(1)
        assert (record["target"], record["decision"], record["status"]) == (SYNC, "denied", 403)
        assert f"(decision {record['id']}" in heard.fields["grpc-message"]
        other = engine.begin(SYNC, NOTHING)
        await engine.flush()
        await client.asked(2)
        client.peer.answer(other, b"")
        await client.flush()
        assert (await engine.answered(other)).fields["grpc-status"] == "0"


@in_loop
async def test_what_is_no_session_ends_it_with_a_record() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_session(here)
        await client.wire.send(frame(0, 0, 5, DEVICE))
        await client.hear_the_end()
        await engine.hear_the_end()
        record, _ = await here.records(2)
        assert (record["target"], record["decision"]) == ("/session", "denied")
        assert "the engine did not make" in record["reason"]


@for_each(("is_session", "flood"), [(True, frame(6, 0, 0, bytes(8))), (False, frame(4, 0, 0))])
def test_small_frames_count_as_requests_of_the_socket(is_session: bool, flood: bytes) -> None:  # noqa: FBT001 (a row)
    @in_loop
    async def run() -> None:
        async with world(policy=building(TAGS), MAX_RATE="100") as here:
            client, engine = await (open_session if is_session else open_builds)(here)
            await client.flush()
            await client.wire.send(flood * 50)
            if is_session:
                await engine.until(lambda: len(engine.peer.events) >= 50)
            assert not client.is_over
            client.wire.writer.write(flood * 1000)
            await client.hear_the_end()
            await engine.hear_the_end()

    run()
