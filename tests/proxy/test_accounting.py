"""One exchange leaves one record."""

import json

import pytest
from decisions import split_decision
from policy.policies import condition, grant_on, policy_with
from proxy.harness import OK, get, in_loop, request, world
from proxy.podman import DB, DELETE, ask, claims, podman, status_of
from proxy.stage import until

from dockerproxy.policy.model import Grant, Mode, Source


@in_loop
async def test_every_exchange_leaves_exactly_one_record_with_what_was_counted() -> None:
    async with world(DENY="ContainerList", LOG_LEVEL="debug") as here:
        client, engine = await here.exchange(request("POST", "/build", "Content-Length: 3", body=b"tar"))
        assert await client.answer() == (200, b"OK")
        await client.send(get("/containers/json") + get("/_ping"))
        assert (await client.answer())[0] == 403
        assert await engine.exactly(3) == b"tar"
        await engine.head()
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        await client.send(b"nonsense\r\n\r\n")
        await client.rest()
        records = await here.records(4)
    kept = [(r["operation"], r["decision"], r["source"], r["status"], r["received"], r["sent"] > 0) for r in records]
    assert kept == [
        ("ImageBuild", "allowed", "BUILD=1 POST=1", 200, 3, True),
        ("ContainerList", "denied", "DENY", 403, 0, True),
        ("SystemPing", "allowed", "PING=1", 200, 0, True),
        ("", "refused", "", 400, 0, True),
    ]
    assert all(record["ms"] >= 0 and record["pid"] > 0 and record["socket"] == "docker" for record in records)


@in_loop
async def test_a_stream_has_a_line_when_it_starts_and_an_ordinary_answer_has_not() -> None:
    async with world() as here:
        client = await here.begin_stream()
        await client.close()
        await here.records(2)
        lines = [(line["event"], line["operation"]) for line in here.log() if line["event"] != "message"]
    assert lines == [("exchange", "SystemPing"), ("start", "SystemEvents"), ("exchange", "SystemEvents")]


@in_loop
async def test_the_line_at_the_start_of_a_stream_counts_its_head_and_no_more() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with world() as here:
        client, engine = await here.exchange(get("/events"), head + b"2\r\n{}\r\n")
        await client.exactly(len(head) + 7)
        await engine.send(b"0\r\n\r\n")
        await here.records(1)
        sent = [(line["event"], line["sent"]) for line in here.log() if line["event"] != "message"]
    assert sent == [("start", len(head)), ("exchange", len(head) + 12)]


@pytest.mark.parametrize(("mode", "level"), [(Mode.REPORT, "warning"), (Mode.LEARN, "info")])
@in_loop
async def test_what_passes_though_it_is_not_allowed_is_reported_also_at_the_start_of_a_stream(
    mode: Mode, level: str
) -> None:
    async with world(policy=policy_with(grant_on("SystemPing"), mode=mode)) as here:
        client = await here.begin_stream()
        await client.close()
        await here.records(2)
        lines = [line for line in here.log() if line["event"] != "message"]
    told = [(line["event"], line["operation"], line["decision"], line["level"]) for line in lines]
    assert told == [
        ("exchange", "SystemPing", "allowed", "info"),
        ("start", "SystemEvents", "reported", "info"),
        ("exchange", "SystemEvents", "reported", level),
    ]
    why = "SystemEvents denied: no rule allows it; hint for SystemEvents"
    assert lines[1]["reason"] == (why if mode is Mode.REPORT else "")  # Who learns has no policy that could be mended.
    assert lines[2]["reason"] == "the client went away"


@in_loop
async def test_what_is_reported_says_why_it_would_have_been_refused() -> None:
    async with world(policy=policy_with(mode=Mode.REPORT)) as here:
        client, _ = await here.exchange(get("/info"))
        assert await client.answer() == (200, b"OK")
        [record] = await here.records(1)
    assert record["reason"] == "SystemInfo denied: no rule allows it; hint for SystemInfo"


@in_loop
async def test_what_a_body_would_need_is_in_the_record_of_a_denial_and_where_somebody_learns_from_it() -> None:
    body = b'{"image": "app"}'
    create = request(
        "POST", "/containers/create", f"Content-Length: {len(body)}", "Content-Type: application/json", body=body
    )
    for mode in (Mode.REPORT, Mode.LEARN):
        async with world(policy=policy_with(mode=mode)) as here:
            client, engine = await here.exchange(create)
            assert await client.answer() == (200, b"OK")
            assert await engine.exactly(len(body)) == body
            [record] = await here.records(1)
        assert record["body"] == NEEDED
    bounded = Grant(frozenset({"ContainerCreate"}), Source("x"), (condition("images", ("other",)),))
    for policy, needed in ((policy_with(), None), (policy_with(bounded), NEEDED)):
        async with world(policy=policy) as here:
            client = await here.connect()
            await client.send(create)
            assert (await client.answer())[0] == 403
            [record] = await here.records(1)
        assert record.get("body") == needed


NEEDED = {
    "images": ["docker.io/library/app:latest"],
    "networks": ["default"],
    "names": [],
    "user": "any",
    "read_only": "",
    "no_new_privileges": "",
}
REPEATED = "Image=app&Env=A%3Ds3cret&HostConfig=s3cret&Labels=s3cret"
BODY = b'{"Image": "app", "Env": ["A=s3cret"], "Labels": {"a": "s3cret"}, "HostConfig": {"Privileged": true}}'


@pytest.mark.parametrize("target", [f"/containers/create?{REPEATED}", f"/x?a;%45nv=s3cret&{REPEATED}"])
@in_loop
async def test_no_secret_of_a_query_that_does_not_pass_is_in_the_log(target: str) -> None:
    async with world(policy=policy_with()) as here:
        client = await here.connect()
        await client.send(request("POST", target))
        await client.head()
        await here.records(1)
        log = str(here.log())
    assert "nv=...&" in log
    assert "s3cret" not in log


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
@in_loop
async def test_no_secret_of_a_query_that_passes_is_in_the_log_or_learned(mode: Mode) -> None:
    async with world(policy=policy_with(mode=mode)) as here:
        kind = "Content-Type: application/json", f"Content-Length: {len(BODY)}"
        await here.exchange(request("POST", f"/containers/create?name=web&{REPEATED}&Env=B%3Ds3cret", *kind, body=BODY))
        [record] = await here.records(1)
        (door,) = here.server._doors.values()
        learned = door.journal.learner.text() if door.journal.learner is not None else "ContainerCreate"
        log = str(here.log())
    assert record["target"] == "/containers/create?name=web&Image=app&Env=...&HostConfig=...&Labels=...&Env=..."
    assert "ContainerCreate" in learned
    assert "s3cret" not in learned + log


@in_loop
async def test_each_exchange_has_an_id_of_its_own_which_answer_and_record_share() -> None:
    async with world(DENY="ContainerList") as here:
        client, _ = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        told = []
        for sent in (get("/containers/json"), get("/containers/json"), b"nonsense\r\n\r\n"):
            await client.send(sent)
            told.append(json.loads((await client.answer())[1]))
        records = await here.records(4)
    ids = [record["id"] for record in records]
    assert len(set(ids)) == 4
    assert [answer["decision"] for answer in told] == ids[1:]
    denials = [split_decision(answer["message"]) for answer in told]
    assert denials[:2] == [(records[1]["reason"], ids[1]), (records[2]["reason"], ids[2])]
    assert denials[2][1] == ""  # A refusal's message says it to a program, not to a person.


@in_loop
async def test_a_stream_begins_and_ends_under_one_id() -> None:
    async with world() as here:
        client = await here.begin_stream()
        await client.close()
        await here.records(2)
        ping, start, end = (line["id"] for line in here.log() if line["event"] != "message")
    assert ping != start == end


@in_loop
async def test_what_a_client_left_counts_as_under_way_until_the_engine_is_done() -> None:
    async with world(policy=DB, MAX_REQUESTS="1") as here, podman(here, "db") as engine:
        engine.goes_on.clear()
        left = await ask(here, DELETE)
        await engine.hears(1)
        await left.close()
        await here.records(1)
        status, says = await (await ask(here, DELETE)).answer()
        assert (status, b"MAX_REQUESTS" in says) == (503, True)
        engine.goes_on.set()
        await until(lambda: not claims(here), "the engine is done")
        assert await status_of(await ask(here, DELETE)) == b"404"
