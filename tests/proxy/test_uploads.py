"""An archive is looked at in small steps, and a file of it that takes long to read beside the loop."""

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import policy_with
from proxy.bodies import contained
from proxy.harness import OK, get, in_loop, request, world
from proxy.lookups import the_client
from proxy.stage import turn, until
from proxy.test_judging import busy
from wire.tars import archive_of, item, read_archive

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.judge import attach_nonce, judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.proxy.uploads import InspectedBody, make_body
from dockerproxy.wire.body import RequestBody
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.exchange import State

POLICY = policy_with(contained("ImageLoad", tags=("x",)), contained("ImageBuild", tags=("x",)))
STEP = 8192
LONG = b"RUN true\n" * 4000
BUILD = "/v1.45/build?t=x"


def reader_of(archive: bytes) -> RequestBody:
    judged = judge(POLICY, request("POST", BUILD, f"Content-Length: {len(archive)}", "Content-Type: application/x-tar"))
    assert isinstance(judged, Verdict)
    assert judged.passes
    return make_body(judged)


def unframe(data: bytes) -> bytes:
    chunks = Chunks()
    fed = chunks.feed(data)
    assert chunks.ended
    assert not fed.broken
    return b"".join(data[start:end] for start, end in fed.payload)


def upload(archive: bytes, *framing: str) -> bytes:
    fields = framing or (f"Content-Length: {len(archive)}",)
    return request("POST", BUILD, "Content-Type: application/x-tar", *fields, body=archive)


@given(sizes=st.lists(st.integers(0, 20_000), max_size=30), pieces=st.integers(1, 200_000))
def test_no_step_looks_at_more_than_the_contents_of_a_file_and_some_headers(sizes: list[int], pieces: int) -> None:
    archive = archive_of(*(item(f"f{number}", bytes(size)) for number, size in enumerate(sizes)))
    body, passed, at = reader_of(archive), b"", 0
    while not body.complete:
        sent, used = body.feed(archive[at : at + pieces])
        assert not body.broken
        assert 0 < used <= max(sizes, default=0) + 512 + STEP
        passed += b"".join(sent)
        at += used
    assert read_archive([unframe(passed)]) == read_archive([archive])


def test_contents_of_a_file_pass_in_one_step() -> None:
    archive = archive_of(item("large", bytes(10**6)))
    body = reader_of(archive)
    _, first = body.feed(archive)
    assert first == STEP
    assert body.feed(archive[first:])[1] == len(archive) - first


@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_another_client_is_answered_while_a_dockerfile_is_read(*, chunked: bool) -> None:
    archive = archive_of(item("Dockerfile", LONG), item("more", b"x" * 100_000))
    coded = b"".join(
        b"%x\r\n%b\r\n" % (len(archive[at : at + 3000]), archive[at : at + 3000]) for at in range(0, len(archive), 3000)
    )
    async with world(policy=POLICY) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(
                upload(coded + b"0\r\n\r\n", "Transfer-Encoding: chunked") if chunked else upload(archive)
            )
            client.end()
            await until(
                lambda: bool(here.clients and (body := the_client(here).exchange.body) and body.is_busy), "a busy body"
            )
            other = await here.connect()
            await other.send(get("/images/json"))
            assert (await other.answer())[0] == 403
        engine = await here.engine_side()
        assert (await engine.head()).startswith(b"POST /v1.45/build?t=")
        passed = await engine.reader.readuntil(b"\r\n0\r\n\r\n")
        assert read_archive([unframe(passed)]) == read_archive([archive])
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_what_is_wrong_in_a_file_that_was_read_beside_the_loop_is_said() -> None:
    archive = archive_of(item("Dockerfile", LONG + b"RUN --network=host true\n"), item("more", b"x" * 100_000))
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(upload(archive))
        status, message = await client.answer()
        assert status == 403
        assert b"--network=host" in message
        [record] = await here.records(1)
        assert record["decision"] == "denied"


@pytest.mark.parametrize("who", ["client", "engine"])
@in_loop
async def test_who_goes_while_a_file_is_read_leaves_nothing(who: str) -> None:
    archive = archive_of(item("Dockerfile", LONG), item("more", b"x" * 100_000))
    async with world(policy=POLICY) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(upload(archive))
            await until(
                lambda: bool(here.clients and (body := the_client(here).exchange.body) and body.is_busy), "a busy body"
            )
            engine = await here.engine_side()
            if who == "client":
                await client.close()
                await until(lambda: not here.clients, "the end of the client")
            else:
                await engine.close()
                assert (await client.answer())[0] == 502
                await until(lambda: the_client(here).exchange.state is State.CLOSING, "the end of the exchange")
        await asyncio.sleep(0)
        again = await here.connect()
        await again.send(upload(archive_of(item("Dockerfile", LONG))))
        await (await here.engine_side()).reader.readuntil(b"\r\n0\r\n\r\n")


@in_loop
async def test_the_end_of_the_client_is_not_seen_while_a_file_is_read() -> None:
    """The thread may be through with a body, of which nothing has gone on yet."""
    archive = gzip.compress(archive_of(item("Dockerfile", LONG)))
    async with world(policy=POLICY) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(upload(archive))
            engine = await here.engine_side()
            await engine.head()
            await until(lambda: the_client(here).exchange.body_waits, "a file is to be read")
            assert not the_client(here).inbox.data
            body = the_client(here).exchange.body
            assert body is not None
            await until(lambda: body.is_busy, "the thread has it")
            body.has_more = False
            the_client(here).update_reading()
            client.end()
            await turn()
            assert not the_client(here).has_ended
            body.has_more = True
        await until(lambda: the_client(here).has_ended, "all is read, and its end")
        await engine.send(OK)
        assert await client.rest() == OK


OWNING = """
sockets:
  me:
    path: /a.sock
    allow:
      - own
      - ImageBuild: {tags: [base], instructions: [FROM]}
      - ImageBuild: {tags: [zoo, "**"], instructions: [FROM, ENV]}
      - ImageBuild: {tags: [zoo, "**"]}
"""


@pytest.mark.parametrize(("step", "taken"), [("RUN x", {"zoo"}), ("ENV a=b", {"zoo"}), ("FROM b", {"base", "zoo"})])
def test_a_name_of_nobodys_is_taken_only_by_a_grant_that_the_archive_fits(step: str, taken: set[str]) -> None:
    archive = archive_of(item("Dockerfile", f"FROM a\n{step}\n".encode()))
    policy = read_policy(OWNING, "policy.yaml").sockets[0].policy
    judged = judge(policy, request("POST", "/v1.45/build?t=base", f"Content-Length: {len(archive)}"))
    assert isinstance(judged, Verdict)
    body = make_body(attach_nonce(judged, "1"))
    assert isinstance(body, InspectedBody)
    before = body.verdict.decision.images
    while not body.complete and not body.broken:
        _, used = body.feed(archive)
        archive = archive[used:]
    images = body.verdict.decision.images
    assert not body.broken
    assert before is not None
    assert images is not None
    assert before.takes == ()
    assert set(images.takes) == {f"docker.io/library/{each}:latest" for each in taken}
