"""Builds of BuildKit over real sockets: each is judged by the policy, leaves one record, and disturbs nobody."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from builds.ends import INFO, NOTHING, STATUS, frame, framed, head
from builds.messages import text
from builds.said import BRIDGE, CONTROL, FRONTEND, SOLVE, attrs, export, hear
from proxy.builders import DOCKER, SWITCH, TAGS, UPGRADE, Speaker, accept, building, open_builds
from proxy.harness import get, in_loop, request, world
from proxy.lookups import the_client
from proxy.operators import asking, office
from proxy.stage import turn, until
from rows import for_each

from dockerproxy.api.catalog import Shape
from dockerproxy.builds.calls import MOST_FRAMES
from dockerproxy.problems import UserError
from dockerproxy.proxy.building import _MOST_WAITING
from dockerproxy.wire.http2 import PREFACE

JOB = framed(export("moby", {"name": "job-1"}))
OTHER = framed(export("moby", {"name": "other"}))
PART = framed(text(2, FRONTEND))
TARGET = "/build?t=job-1"
LENGTH, CHUNKED = "Content-Length: 5", "Transfer-Encoding: chunked"


@in_loop
async def test_a_build_within_the_tags_reaches_the_engine_and_leaves_one_record() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_builds(here)
        stream = client.begin(SOLVE, JOB)
        await client.flush()
        await engine.asked()
        part = client.begin(BRIDGE + "Solve", PART, ("buildkit-controlapi-buildid", "r"))
        await client.flush()
        solve, step = await engine.asked(2)
        assert (solve.fields[":path"], solve.data) == (
            SOLVE,
            framed(hear(JOB[5:], owner=the_client(here).socket.scope).content),
        )
        assert step.fields[":path"] == BRIDGE + "Solve"
        for far in (1, 3):
            engine.peer.answer(far, b"done")
        await engine.flush()
        assert (await client.answered(stream)).data == (await client.answered(part)).data == framed(b"done")
        [record] = await here.records(1)
        assert (record["operation"], record["target"], record["decision"]) == ("ImageBuild", TARGET, "allowed")
        assert record["source"]
        await client.wire.close()
        _, tunnel = await here.records(2)
        assert (tunnel["operation"], tunnel["target"], tunnel["decision"]) == ("ImageBuild", "/grpc", "allowed")
        assert len(here.heard.records) == 2


@in_loop
async def test_a_build_that_is_not_within_them_is_denied_with_what_would_allow_it() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_builds(here)
        heard = await client.call(SOLVE, OTHER)
        assert heard.fields["grpc-status"] == "7"
        assert heard.fields["grpc-message"].startswith("ImageBuild denied: ")
        assert "docker.io/library/job-*" in heard.fields["grpc-message"]
        [record] = await here.records(1)
        assert (record["decision"], record["status"], record["level"]) == ("denied", 403, "warning")
        assert f"(decision {record['id']}" in heard.fields["grpc-message"]
        client.begin(INFO, NOTHING)
        await client.flush()
        assert [each.fields[":path"] for each in await engine.asked()] == [INFO]


PUSHES = framed(export("moby", {"name": "job-1", "push": "true"}))


@in_loop
async def test_a_push_needs_a_grant_of_its_own() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_builds(here)
        heard = await client.call(SOLVE, PUSHES)
        assert heard.fields["grpc-message"].startswith("ImagePush denied: ")
        _, record = await here.records(2)
        assert record["target"] == "/images/docker.io/library/job-1/push?tag=latest"
        assert engine.peer.streams == {}


@for_each("mode", ["report", "learn"])
def test_what_a_policy_would_deny_passes_where_it_only_watches_but_what_the_table_refuses_does_not(mode: str) -> None:
    @in_loop
    async def run() -> None:
        async with world(policy=building(mode=mode)) as here:
            client, engine = await open_builds(here)
            for content in (framed(attrs({"cmdline": "x"})), framed(text(9, "network.host"))):
                assert (await client.call(SOLVE, content)).fields["grpc-status"] == "7"
            assert (await client.call(CONTROL + "Prune", NOTHING)).fields["grpc-status"] == "7"
            client.begin(SOLVE, OTHER)
            await client.flush()
            assert len(await engine.asked()) == 1
            *_, record = await here.records(4)
            assert (record["operation"], record["target"]) == ("ImageBuild", "/build?t=other")
            assert record["status"] == 200

    run()


@in_loop
async def test_what_the_table_refuses_leaves_a_record_with_its_reason() -> None:
    async with world(policy=building(TAGS)) as here:
        client, _ = await open_builds(here)
        heard = await client.call(SOLVE, framed(text(2, "llb")))
        says = "ImageBuild denied: Build.definition is raw LLB, which can do more than a Dockerfile"
        assert heard.fields["grpc-message"].startswith(says)
        [record] = await here.records(1)
        assert (record["target"], record["decision"]) == (SOLVE, "denied")
        assert record["reason"].startswith(says)


@for_each("word", ["once", "deny"])
def test_a_person_is_asked_about_each_build_and_about_no_part_of_it(word: str) -> None:
    @in_loop
    async def run() -> None:
        async with office(asking()) as at:
            operator = await at.sit()
            client, engine = await open_builds(at.here)
            for count in (1, 2):
                stream = client.begin(SOLVE, framed(text(1, "r") + export("moby", {"name": "a"})[3:]))
                await client.flush()
                asked = await operator.next("asked")
                assert (asked["operation"], asked["target"]) == ("ImageBuild", "/build?t=a")
                assert len(engine.peer.streams) == (2 * (count - 1) if word == "once" else 0)
                operator.answer(asked["id"], word)
                if word == "deny":
                    heard = await client.answered(stream)
                    assert "a person denied it" in heard.fields["grpc-message"]
                else:
                    await engine.asked(2 * count - 1)
                    client.begin(BRIDGE + "Solve", PART, ("buildkit-controlapi-buildid", "r"))
                    await client.flush()
                    await engine.asked(2 * count)

    run()


@in_loop
async def test_when_who_answers_goes_away_a_build_is_denied() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client, engine = await open_builds(at.here)
        stream = client.begin(SOLVE, OTHER)
        await client.flush()
        await operator.next("asked")
        operator.writer.close()
        assert "not decided" in (await client.answered(stream)).fields["grpc-message"]
        assert engine.peer.streams == {}


@in_loop
async def test_all_calls_of_a_build_wait_for_the_person_who_is_asked_about_it() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client, engine = await open_builds(at.here)
        client.begin(STATUS, framed(text(1, "r")))
        client.begin(BRIDGE + "Ping", framed(b""), ("buildkit-controlapi-buildid", "r"))
        client.begin(SOLVE, framed(text(1, "r") + export("moby", {"name": "a"})[3:]))
        await client.flush()
        asked = await operator.next("asked")
        client.begin(INFO, NOTHING)
        await client.flush()
        assert [each.fields[":path"] for each in await engine.asked(1)] == [INFO]
        operator.answer(asked["id"], "once")
        paths = {each.fields[":path"] for each in await engine.asked(4)}
        assert paths == {INFO, STATUS, BRIDGE + "Ping", SOLVE}


@in_loop
async def test_a_client_that_goes_away_while_somebody_is_asked_builds_nothing() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client, engine = await open_builds(at.here)
        client.begin(SOLVE, OTHER)
        await client.flush()
        await operator.next("asked")
        usage = the_client(at.here).socket.usage
        await client.wire.close()
        await engine.hear_the_end()
        await until(lambda: not at.here.clients, "it is gone")
        assert engine.peer.streams == {}
        assert {(each["decision"], each["target"]) for each in await at.here.records(2)} == {
            ("denied", "/build?t=other"),
            ("allowed", "/grpc"),
        }
        assert not any(usage.count_open().values())


@in_loop
async def test_a_build_too_many_leaves_a_record_and_room_for_later_ones() -> None:
    async with world(policy=building(TAGS), MAX_STREAMS="1") as here:
        client, engine = await open_builds(here)
        usage = the_client(here).socket.usage
        usage.enter(Shape.STREAM)
        for count in (1, 2):
            heard = await client.call(SOLVE, JOB)
            assert "MAX_STREAMS sets this limit" in heard.fields["grpc-message"]
            assert (await here.records(count))[-1]["decision"] == "denied"
        usage.leave(Shape.STREAM)
        client.begin(SOLVE, JOB)
        await client.flush()
        await engine.asked()


@in_loop
async def test_what_is_held_of_calls_counts_as_held_for_the_socket() -> None:
    async with world(policy=building(TAGS)) as here:
        client, _ = await open_builds(here)
        usage = the_client(here).socket.usage
        for _ in range(3):
            client.peer.begin(head(SOLVE), bytes(16_000), ends=False)
        await client.flush()
        await until(lambda: usage.buffered == 48_000, "it is counted")
        usage.bound_by(the_client(here).socket.limits._replace(buffered=50_000))
        client.peer.begin(head(SOLVE), bytes(16_000), ends=False)
        await client.flush()
        await client.hear_the_end()
        await until(lambda: usage.buffered == 0, "it is free again")
        assert len(await here.records(1)) == 1


@in_loop
async def test_of_images_nothing_is_read_before_a_build_is_allowed() -> None:
    async with office(asking()) as at:
        await at.sit(answers=False)
        client, engine = await open_builds(at.here)
        heard = await client.call(BRIDGE + "ResolveImageConfig", framed(text(1, "secret")))
        assert heard.fields["grpc-message"].startswith("ImageBuild denied")
        assert engine.peer.streams == {}


@in_loop
async def test_a_client_that_never_reads_makes_the_engine_wait() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_builds(here)
        client.peer.takes = False
        client.begin(STATUS, NOTHING)
        await client.flush()
        await engine.asked()
        engine.peer.connection.send_headers(1, [(":status", "200")])
        sent = 0
        while room := min(engine.peer.connection.local_flow_control_window(1), 16_384):
            engine.peer.connection.send_data(1, bytes(room))
            sent += room
            await engine.flush()
            await turn()
        assert sent <= 2 * 65_535
        await client.until(lambda: 1 in client.peer.streams and len(client.peer.streams[1].data) >= 65_535)
        client.peer.connection.acknowledge_received_data(65_535, 1)
        await client.flush()
        await engine.until(lambda: engine.peer.connection.local_flow_control_window(1) > 0)


@in_loop
async def test_an_end_in_the_middle_of_a_call_ends_both() -> None:
    for ends, stays in ((0, 1), (1, 0)):
        async with world(policy=building(TAGS)) as here:
            both = await open_builds(here)
            both[0].begin(STATUS, NOTHING)
            await both[0].flush()
            await both[1].asked()
            await both[ends].wire.close()
            await both[stays].hear_the_end()
            await until(lambda: not here.clients, "it is gone")
            assert len(await here.records(1)) == 1


@in_loop
async def test_bytes_before_and_right_behind_the_switch_are_read_as_calls() -> None:
    async with world(policy=building(TAGS)) as here:
        wire = await here.connect()
        client, far = Speaker(wire, is_client=True), Speaker(wire, is_client=False)
        client.begin(SOLVE, OTHER)
        client.begin(INFO, NOTHING)
        await wire.send(request("POST", "/grpc", *UPGRADE) + client.peer.sent())
        engine = Speaker(await accept(here), is_client=False)
        await engine.wire.send(SWITCH + far.peer.sent())
        assert await wire.head() == SWITCH
        engine.peer.sent()
        assert [each.fields[":path"] for each in await engine.asked()] == [INFO]
        assert (await client.answered(1)).fields["grpc-status"] == "7"


@for_each(("path", "body"), [("/grpc", LENGTH), ("/grpc", CHUNKED), ("/session", LENGTH)])
def test_an_upgrade_has_no_body_which_the_engine_would_read_as_calls(path: str, body: str) -> None:
    @in_loop
    async def run() -> None:
        for mode in ("enforce", "report", "learn"):
            async with world(policy=building(TAGS, mode=mode)) as here:
                wire = await here.connect()
                await wire.send(request("POST", path, *UPGRADE, "X-Docker-Expose-Session-Uuid: a", body) + PREFACE)
                assert (await wire.answer())[0] == 400
                assert here.arrivals.empty()

    run()


@for_each("flood", [frame(6, 0, 0, bytes(8)), frame(4, 0, 0, (4).to_bytes(2) + (1).to_bytes(4)), frame(0xAA, 0, 0)])
def test_a_flood_on_one_connection_ends_it_and_disturbs_no_other_client(flood: bytes) -> None:
    @in_loop
    async def run() -> None:
        async with world(policy=building("preset:ping", TAGS)) as here:
            hostile, _ = await open_builds(here)
            builder, engine = await open_builds(here)
            hostile.wire.writer.write(hostile.peer.sent() + flood * (MOST_FRAMES + 10))
            builder.begin(INFO, NOTHING)
            await builder.flush()
            await engine.asked()
            other, at_engine = await here.exchange(get("/_ping"))
            assert (await other.answer())[0] == 200
            await hostile.hear_the_end()
            await engine.answer(b"version")
            assert (await builder.answered(1)).data == framed(b"version")
            await at_engine.close()

    run()


@contextmanager
def without_h2() -> Iterator[None]:
    """Be where the extra is not installed."""
    kept = sys.modules["h2"]
    sys.modules["h2"] = None  # type: ignore[assignment] # so Python says that there is none
    try:
        yield
    finally:
        sys.modules["h2"] = kept


@in_loop
async def test_where_h2_is_missing_the_client_reads_how_to_install_it() -> None:
    async with world(policy=building(TAGS)) as here:
        client = await here.connect()
        with without_h2():
            await client.send(request("POST", "/grpc", *UPGRADE))
            engine = await here.engine_side()
            await engine.head()
            await engine.send(DOCKER)
            status, body = await client.answer()
        assert status == 503
        assert json.loads(body)["message"].startswith("builds need the package h2: pip install 'dockerproxy[builds]'")


def test_where_h2_is_missing_a_policy_with_builds_does_not_load() -> None:
    with without_h2(), pytest.raises(UserError, match="builds of socket 'docker' need the package h2"):
        building(TAGS)
    with without_h2():
        assert not building("preset:ping").reads_builds


@in_loop
async def test_of_a_clients_builds_no_more_run_at_one_time_than_the_quota_has() -> None:
    async with world(policy=building(TAGS, quota={"builds": 1})) as here:
        client, engine = await open_builds(here)
        client.begin(SOLVE, JOB)
        await client.flush()
        await engine.asked()
        the_client(here).socket.patience = 1
        other, _ = await open_builds(here)
        heard = await other.call(SOLVE, JOB)
        assert heard.fields["grpc-status"] == "7"
        assert "1 builds are in progress" in heard.fields["grpc-message"]
        await client.wire.close()
        await engine.hear_the_end()
        await until(lambda: len(here.clients) == 1, "it is gone")
        other.begin(SOLVE, JOB)
        await other.flush()
        assert [each["decision"] for each in await here.records(4)] == ["allowed", "denied", "allowed", "allowed"]


@in_loop
async def test_of_calls_that_are_reset_few_wait_for_their_judgement() -> None:
    async with world(policy=building(TAGS, quota={"builds": 1})) as here:
        client, engine = await open_builds(here)
        client.begin(SOLVE, JOB)
        await client.flush()
        await engine.asked()
        other, _ = await open_builds(here)
        for _ in range(_MOST_WAITING + 1):
            other.peer.connection.reset_stream(other.begin(SOLVE, JOB))
            await other.flush()
        _, denied = await here.records(2)
        assert "more than 100 builds wait at one time" in denied["reason"]
