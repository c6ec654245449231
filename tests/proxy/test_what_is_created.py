"""A socket that learns, or is asked to, records what its clients created, as the engine answers; others do not look."""

import json

import pytest
from policy.policies import policy_with
from proxy.bodies import whole
from proxy.harness import in_loop, world

from dockerproxy.policy.model import Grant, Mode, Source

GRANT = Grant(frozenset({"NetworkCreate"}), Source(""), ())
ID = "3f9a2b77c01d" * 5 + "4e5f"
BODY = json.dumps({"Name": "ci"}).encode()
CREATE = b"POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
CREATED = json.dumps({"Id": ID, "Warning": ""}).encode()
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


@pytest.mark.parametrize(
    ("mode", "asked", "created"),
    [(Mode.LEARN, False, ID), (Mode.REPORT, False, ID), (Mode.ENFORCE, False, None), (Mode.ENFORCE, True, ID)],
)
def test_the_record_of_a_create_has_the_id_where_nothing_is_refused_or_it_is_asked_for(
    mode: Mode, *, asked: bool, created: str | None
) -> None:
    @in_loop
    async def check() -> None:
        async with world(policy=policy_with(GRANT, mode=mode), notes_created=asked) as here:
            client = await here.connect()
            for _ in range(2):
                await client.send(CREATE % (len(BODY), BODY))
            engine = await here.engine_side()
            for _ in range(2):
                await whole(engine)
                await engine.send(ANSWER % (len(CREATED), CREATED))
                assert await client.answer() == (201, CREATED)
            for record in await here.records(2):
                assert record.get("created") == created

    check()


@in_loop
async def test_an_answer_that_comes_in_pieces_says_nothing() -> None:
    async with world(policy=policy_with(GRANT, mode=Mode.LEARN)) as here:
        client = await here.connect()
        await client.send(CREATE % (len(BODY), BODY))
        engine = await here.engine_side()
        await whole(engine)
        await engine.send(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n")
        await engine.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CREATED), CREATED))
        await client.head()
        (record,) = await here.records(1)
        assert (record["status"], "created" in record) == (201, False)
