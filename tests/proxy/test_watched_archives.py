"""Where nothing is refused an archive passes as it came, and the record says what it needs."""

import asyncio
import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import policy_with
from proxy.bodies import contained
from proxy.harness import OK, World, get, in_loop, request, world
from proxy.lookups import WEB, answer, tell, the_client
from proxy.stage import until
from proxy.test_judging import busy
from wire.chunks import splits
from wire.tars import archive_of, entries, item, write_archive

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Mode
from dockerproxy.policy.needs import UNREAD
from dockerproxy.policy.phases import Verdict
from dockerproxy.proxy.uploads import make_body
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.tar import Entry

LEARNING = policy_with(mode=Mode.LEARN)
GRANT = contained("ImageBuild", tags=("ci/*:*",), instructions=("FROM",))
REPORTING = policy_with(GRANT, mode=Mode.REPORT)
BUILD = "/v1.45/build?t=ci/x:1"
PUT = "/containers/w/archive?path=/data"
DOCKERFILE = b"FROM busybox\nRUN true\n"
CONTEXT = archive_of(item("Dockerfile", DOCKERFILE), item("more", b"x" * 100_000))
LONG = archive_of(item("Dockerfile", DOCKERFILE * 2000), item("more", b"x" * 100_000))
NEEDED = {"tags": ["docker.io/ci/x:1"], "networks": ["default"], "instructions": ["FROM", "RUN"]}
UNREADABLE = (
    (b"nonsense" * 100, "the archive is invalid: unsupported header format"),
    (archive_of(item("Dockerfile", b"#syntax=evil\n")), 'the entry "Dockerfile" names a frontend, a program'),
)
CUT = {"unrestricted": "the archive did not come whole"}
TAR = "Content-Type: application/x-tar"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
END = b"0\r\n\r\n"


def upload(archive: bytes, target: str = BUILD, method: str = "POST", length: int | None = None) -> bytes:
    return request(method, target, TAR, f"Content-Length: {len(archive) if length is None else length}", body=archive)


def coded(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + END


def pass_all(
    pieces: list[bytes], *fields: str, target: str = BUILD, policy: CompiledPolicy = LEARNING
) -> tuple[bytes, Verdict]:
    """Send a body piece by piece; return what the engine gets, and the verdict at its end."""
    judged = judge(policy, request("POST", target, TAR, *fields))
    assert isinstance(judged, Verdict)
    assert judged.needs is UNREAD
    body, passed, held = make_body(judged), b"", b""
    for piece in pieces:
        held += piece
        while held or body.has_more:
            sent, used = body.feed(held)
            passed, held = passed + b"".join(sent), held[used:]
            assert not body.broken
            assert used or body.has_more or not held
    assert body.complete
    return passed, body.verdict  # type: ignore[attr-defined] # a body that is watched


def unframe(data: bytes) -> bytes:
    chunks, content = Chunks(), b""
    while not chunks.ended:
        fed = chunks.feed(data)
        content, data = content + b"".join(data[start:end] for start, end in fed.payload), data[fed.used :]
    return content


CONTENTS = st.one_of(
    st.binary(max_size=2000),
    st.lists(entries(), max_size=4).map(write_archive),
    st.lists(entries(), max_size=4).map(lambda listed: gzip.compress(write_archive(listed))),
    st.sampled_from((CONTEXT, gzip.compress(CONTEXT), CONTEXT + b"x", gzip.compress(CONTEXT) + b"x", CONTEXT[:700])),
)


@given(st.data(), CONTENTS, st.sampled_from((BUILD, "/images/load")))
def test_what_passes_is_what_came_and_what_is_learned_does_not_depend_on_its_pieces(
    data: st.DataObject, content: bytes, target: str
) -> None:
    content = content or b"x"
    pieces = data.draw(splits(content))
    length = f"Content-Length: {len(content)}"
    whole, verdict = pass_all([content], length, target=target)
    assert whole == content
    passed, again = pass_all(pieces, length, target=target)
    assert (passed, again.needs) == (content, verdict.needs)
    passed, again = pass_all(data.draw(splits(coded(pieces))), "Transfer-Encoding: chunked", target=target)
    assert (unframe(passed), again.needs) == (content, verdict.needs)
    assert verdict.needs not in (None, UNREAD)


@given(st.lists(entries(), max_size=4))
def test_what_no_words_allow_is_said_and_what_follows_passes(listed: list[tuple[Entry, bytes]]) -> None:
    content = archive_of(item("Dockerfile", b"FROM dir:/etc\n")) + write_archive(listed)
    passed, verdict = pass_all([content], f"Content-Length: {len(content)}")
    assert passed == content
    assert verdict.needs is not None
    assert str(verdict.needs["unrestricted"]).startswith('the entry "Dockerfile" has a step with FROM dir:/etc, which ')


def learned_in(here: World) -> str:
    """Return the policy file that was learned."""
    (door,) = here.server._doors.values()
    assert door.journal.learner is not None
    return door.journal.learner.text()


@pytest.mark.parametrize("packed", [False, True])
@in_loop
async def test_what_is_learned_of_a_build_is_in_the_record_and_allows_it_again_and_no_more(*, packed: bool) -> None:
    content = gzip.compress(CONTEXT) if packed else CONTEXT
    async with world(policy=LEARNING) as here:
        client = await here.connect()
        await client.send(upload(content) + get("/_ping"))
        engine = await here.engine_side()
        assert b"content-length: %d\r\n" % len(content) in await engine.head()
        assert await engine.exactly(len(content)) == content
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await engine.head()).startswith(b"GET /_ping ")
        (record,) = await here.records(1)
        text = learned_in(here)
    assert (record["decision"], record["body"], record["received"]) == ("reported", NEEDED, len(content))
    assert "unrestricted" not in text
    assert await _send(text, upload(content)) == 200
    assert await _send(text, upload(archive_of(item("Dockerfile", b"FROM busybox\nADD a b\n")))) == 403
    assert await _send(text, upload(content, f"{BUILD}&t=other")) == 403


async def _send(learned: str, sent: bytes) -> int:
    """Send a request to a socket with a learned policy; return the status of the answer."""
    async with world(policy=read_policy(learned, "learned.yaml").sockets[0].policy) as here:
        client = await here.connect()
        await client.send(sent)
        answered = asyncio.ensure_future(client.answer())
        while not answered.done():
            arriving = asyncio.ensure_future(here.engine_side())
            await asyncio.wait((answered, arriving), return_when=asyncio.FIRST_COMPLETED)
            if arriving.done():
                engine = await arriving
                head = await engine.head()
                if head.startswith(b"GET "):
                    await engine.send(answer(WEB))
                    engine.end()
                else:
                    with suppress(asyncio.IncompleteReadError):  # It was cut off.
                        await engine.reader.readuntil(END)
                        await engine.send(OK)
        return (await answered)[0]


@in_loop
async def test_what_is_learned_of_files_for_a_container_has_the_container_and_the_path() -> None:
    content = archive_of(item("a", b"x"))
    async with world(policy=LEARNING) as here:
        client = await here.connect()
        await client.send(upload(content, PUT, "PUT"))
        await tell(here)
        engine = await here.engine_side()
        await engine.head()
        assert await engine.exactly(len(content)) == content
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        (record,) = await here.records(1)
        text = learned_in(here)
    assert record["body"] == {}
    assert "- PutContainerArchive: {containers: [web], path: [/data]}" in text
    assert await _send(text, upload(content, PUT, "PUT")) == 200
    assert await _send(text, upload(content, PUT.replace("data", "etc"), "PUT")) == 403


@pytest.mark.parametrize("mode", [Mode.LEARN, Mode.REPORT])
@in_loop
async def test_an_archive_that_cannot_be_read_passes_and_why_it_needs_more_is_said(mode: Mode) -> None:
    async with world(policy=policy_with(mode=mode)) as here:
        for number, (content, reason) in enumerate(UNREADABLE, start=1):
            client = await here.connect()
            await client.send(upload(content))
            engine = await here.engine_side()
            await engine.head()
            assert await engine.exactly(len(content)) == content
            await engine.send(OK)
            assert await client.answer() == (200, b"OK")
            assert (await here.records(number))[-1]["body"]["unrestricted"].startswith(reason)
            await client.close()


@in_loop
async def test_where_it_is_reported_the_record_has_the_decision_about_the_archive() -> None:
    async with world(policy=REPORTING) as here:
        for content, decision in ((CONTEXT, "reported"), (archive_of(item("Dockerfile", b"FROM a\n")), "allowed")):
            client, engine = await here.exchange(upload(content))
            assert await engine.exactly(len(content)) == content
            assert await client.answer() == (200, b"OK")
            record = (await here.records(1 + (decision == "allowed")))[-1]
            assert record["decision"] == decision
            assert ("body" in record) is (decision == "reported")
            if decision == "reported":
                assert record["body"] == NEEDED
                assert "is RUN, an instruction that no rule allows" in record["reason"].replace('"', "")
        (door,) = here.server._doors.values()
        assert door.journal.reported == {"ImageBuild": 1}


@pytest.mark.parametrize(
    ("sent", "body"),
    [(50_000, CUT), (len(CONTEXT) - 1, NEEDED)],
    ids=["within a file", "in the zeros"],
)
@in_loop
async def test_of_an_archive_that_is_answered_early_only_its_zeros_may_be_missing(
    sent: int, body: dict[str, object]
) -> None:
    async with world(policy=LEARNING) as here:
        client = await here.connect()
        await client.send(upload(CONTEXT[:sent], length=len(CONTEXT)))
        engine = await here.engine_side()
        await engine.head()
        assert await engine.exactly(sent) == CONTEXT[:sent]
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        (record,) = await here.records(1)
        assert record["body"] == body


@pytest.mark.parametrize("early", [True, False])
@in_loop
async def test_a_stream_that_begins_while_an_archive_comes_has_no_line_for_its_start(*, early: bool) -> None:
    async with world(policy=LEARNING) as here:
        client = await here.connect()
        sent = 50_000 if early else len(CONTEXT)
        await client.send(upload(CONTEXT[:sent], length=len(CONTEXT)))
        engine = await here.engine_side()
        await engine.head()
        await engine.exactly(sent)
        await engine.send(STREAM)
        await client.head()
        await client.send(CONTEXT[sent:])
        assert await engine.exactly(len(CONTEXT) - sent) == CONTEXT[sent:]
        await engine.send(END)
        await here.records(1)
        lines = [line for line in here.log() if line["event"] != "message"]
        assert [line["event"] for line in lines] == ["exchange"] if early else ["start", "exchange"]
        assert [line["body"] for line in lines] == [NEEDED] * len(lines)
        assert "instructions: [FROM, RUN]" in learned_in(here)


@in_loop
async def test_of_a_client_that_goes_within_an_archive_nothing_is_learned() -> None:
    async with world(policy=LEARNING) as here:
        client = await here.connect()
        await client.send(upload(CONTEXT[:50_000], length=len(CONTEXT)))
        engine = await here.engine_side()
        await engine.head()
        await engine.exactly(50_000)
        await client.close()
        (record,) = await here.records(1)
        assert (record["status"], record["body"]) == (0, CUT)
        text = learned_in(here)
    assert "allow: []" in text
    assert "refused, and not learned from: the archive did not come whole" in text


@in_loop
async def test_another_client_is_answered_while_a_dockerfile_is_read_to_learn_from_it() -> None:
    async with world(policy=LEARNING) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(upload(LONG))
            await until(
                lambda: bool(here.clients and (body := the_client(here).exchange.body) and body.is_busy), "a busy body"
            )
            engine = await here.engine_side()
            await engine.head()
            other = await here.connect()
            await other.send(get("/_ping"))
            pinged = await here.engine_side()
            await pinged.head()
            await pinged.send(OK)
            assert await other.answer() == (200, b"OK")
        assert await engine.exactly(len(LONG)) == LONG
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await here.records(2))[-1]["body"] == NEEDED


@in_loop
async def test_what_is_kept_of_an_archive_that_is_learned_from_is_bounded() -> None:
    packed = gzip.compress(archive_of(item("Dockerfile", DOCKERFILE), item("large", bytes(2**24))))
    async with world(policy=LEARNING) as here:
        client, most = await here.connect(), 0
        await client.send(upload(packed))
        engine = await here.engine_side()
        await engine.head()
        kept = the_client(here)
        while kept.exchange.body is not None and not kept.exchange.body.complete:
            most = max(most, kept.buffers.size)
            await asyncio.sleep(0)
        assert await engine.exactly(len(packed)) == packed
        assert most < 4 * len(packed)
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await here.records(1))[0]["body"] == NEEDED
