"""Nothing of a request goes to the engine before somebody allowed it, and what is not allowed is denied as ever."""

import json
import re

import pytest
from policy.policies import ID
from proxy.bodies import DENIED, create, is_untouched, whole
from proxy.harness import OK, get, in_loop, request
from proxy.lookups import OTHER_ID, serve, tell
from proxy.operators import Operator, asking, office
from proxy.stage import turn
from rows import for_each

from dockerproxy.policy.compile import compile_policy
from dockerproxy.proxy import control

LIST = get("/containers/json")
STOP = request("POST", "/containers/w/stop")
PRIVILEGED = request(
    "POST", "/containers/w/exec", "Content-Type: application/json", "Content-Length: 20", body=b'{"Privileged": true}'
)
WEB = {"Id": ID, "Name": "/web"}


async def denial(answer: tuple[int, bytes]) -> str:
    status, body = answer
    assert status == 403
    message: str = json.loads(body)["message"]
    return message


@in_loop
async def test_a_request_waits_for_an_answer_and_goes_on() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(LIST)
        asked = await operator.next("asked")
        assert (asked["operation"], asked["socket"], asked["conditions"]) == ("ContainerList", "docker", {})
        assert asked["target"] == "/containers/json"
        await turn()
        assert is_untouched(at.here)
        operator.answer(asked["id"], "once")
        await serve(at.here, "GET /containers/json")
        assert (await client.answer())[0] == 200
        answered = await operator.next("answered")
        assert (answered["id"], answered["answer"]) == (asked["id"], "once")
        [record] = await at.here.records(1)
        assert record["id"] == asked["id"]
        assert record["source"].startswith("asked: once, by uid ")
        await client.send(LIST)  # Once is once.
        await operator.answer_next("deny")
        assert "ContainerList denied: a person denied it (decision " in await denial(await client.answer())
        [_, record] = await at.here.records(2)
        said = "ContainerList denied: a person denied it, and no rule allows it; to allow it for every container, add "
        assert record["reason"].startswith(said)
        assert at.here.server._list_measured()[0].counts.asked == {"once": 1, "deny": 1}


@in_loop
async def test_the_held_body_goes_on_as_it_was_shown() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(create(b'{"Image": "busybox", "HostConfig": {"Binds": ["/srv:/srv:ro"]}}'))
        asked = await operator.answer_next("once")
        assert asked["conditions"]["binds"] == ["/srv:ro"]
        assert not asked["bounded"]  # It says no limits.
        engine = await at.here.engine_side()
        _, body = await whole(engine)
        assert json.loads(body)["HostConfig"] == {**asked["body"]["HostConfig"], "CapDrop": ["MKNOD"]}
        await engine.send(OK)
        assert (await client.answer())[0] == 200


@in_loop
async def test_what_needs_unrestricted_is_allowed_by_that_word_alone() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        for body, word in ((DENIED, "once"), (b'{"Image": "busybox"}', "unrestricted")):
            await client.send(create(body))
            assert (await operator.answer_next(word))["allows"] != word
            assert (await operator.next("answered"))["answer"] == "deny"
            await denial(await client.answer())
        assert is_untouched(at.here)
        await client.send(create(DENIED))
        asked = await operator.answer_next("unrestricted")
        assert (asked["conditions"], asked["bounded"]) == ({"unrestricted": True}, False)
        assert any("Privileged" in fault for fault in asked["faults"])
        await whole(await at.here.engine_side())


@in_loop
async def test_the_first_of_several_answers_counts() -> None:
    async with office(asking()) as at:
        one, two = await at.sit(), await at.sit()
        watcher = await at.sit(answers=False)
        client = await at.here.connect()
        await client.send(LIST)
        asked = await one.next("asked")
        await two.next("asked")
        one.answer(asked["id"], "deny")
        assert (await two.next("answered"))["answer"] == "deny"
        two.answer(asked["id"], "once")
        await denial(await client.answer())
        assert (await watcher.next("answered"))["by"]["uid"] >= 0
        assert is_untouched(at.here)


@in_loop
async def test_without_anybody_who_answers_a_request_is_denied_at_once() -> None:
    async with office(asking()) as at:
        await at.sit(answers=False)
        client = await at.here.connect()
        await client.send(LIST)
        assert "; not decided: `dockerproxy ask` is not running" in await denial(await client.answer())
        [record] = await at.here.records(1)
        assert record["source"] == "asked: nobody"


@in_loop
async def test_when_the_last_one_leaves_what_waits_is_denied() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(LIST)
        await operator.next("asked")
        operator.writer.close()
        await denial(await client.answer())


@in_loop
async def test_an_operator_who_says_nothing_is_not_waited_for_any_longer() -> None:
    async with office(asking(), "0.05") as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(LIST)
        asked = await operator.next("asked")
        assert (await operator.next("answered"))["answer"] == "timeout"
        operator.answer(asked["id"], "once")  # Too late.
        assert "; not decided: no answer came in time" in await denial(await client.answer())
        assert is_untouched(at.here)


@in_loop
async def test_a_client_that_goes_withdraws_its_question() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(LIST)
        asked = await operator.next("asked")
        await client.close()
        assert (await operator.next("answered"))["answer"] == "withdrawn"
        operator.answer(asked["id"], "once")
        await turn()
        assert is_untouched(at.here)
        assert not at.here.server._shared.control._held


@in_loop
async def test_who_comes_later_is_told_what_waits() -> None:
    async with office(asking()) as at:
        first = await at.sit()
        client = await at.here.connect()
        await client.send(LIST)
        await first.next("asked")
        second = await at.sit()
        await second.answer_next("deny")
        await denial(await client.answer())


@in_loop
async def test_no_more_than_so_many_wait_for_an_answer() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        for _ in range(control.MOST_HELD):
            await (await at.here.connect()).send(LIST)
            await operator.next("asked")
        client = await at.here.connect()
        await client.send(LIST)
        assert "; not decided: too many requests wait" in await denial(await client.answer())
        [record] = await at.here.records(1)
        assert record["source"] == "asked: too_many"


@in_loop
async def test_an_object_is_shown_by_the_name_that_the_engine_knows() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(STOP)
        await tell(at.here, WEB)
        asked = await operator.answer_next("once")
        assert (asked["object"], asked["conditions"]) == ("web", {"containers": ["web"]})
        await tell(at.here, WEB)
        await serve(at.here, f"POST /containers/{ID}/stop")
        assert (await client.answer())[0] == 200


@pytest.mark.parametrize(("sent", "word"), [(STOP, "once"), (PRIVILEGED, "unrestricted")])
@in_loop
async def test_what_was_replaced_is_not_allowed(sent: bytes, word: str) -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(sent)
        await tell(at.here, WEB)
        await operator.answer_next(word)
        await tell(at.here, {**WEB, "Id": OTHER_ID})
        await denial(await client.answer())
        assert is_untouched(at.here)


@in_loop
async def test_nobody_is_asked_about_what_does_not_exist() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(STOP)
        await tell(at.here, {"message": "no such container"}, status="404 Not Found")
        await denial(await client.answer())
        await client.send(LIST)
        assert (await operator.next("asked"))["operation"] == "ContainerList"


TWINS = b'{"Image":"busybox","HostConfig":{},"hostconfig":{"Privileged":true}}'
LONG = b'{"Image":"busybox","Labels":{"a":"%b"}}' % (b"x" * 20_000)


@pytest.mark.parametrize("body", [TWINS, LONG, b"{", b'{"Image":"a","Image":"b"}', b"\xff"])
@in_loop
async def test_what_a_person_cannot_judge_is_not_asked(body: bytes) -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(create(body))
        said = await denial(await client.answer())
        assert "; not decided: its body " in said
        assert "longer than 16 KiB" in said or body != LONG
        await client.send(LIST)
        assert (await operator.next("asked"))["operation"] == "ContainerList"


@in_loop
async def test_who_waits_for_100_gets_it_before_the_denial() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        head, _, body = create(DENIED, "Expect: 100-continue").partition(b"\r\n\r\n")
        await client.send(head + b"\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        await operator.answer_next("deny")
        await denial(await client.answer())
        assert is_untouched(at.here)


@pytest.mark.parametrize(
    "sent",
    [
        get("/nonsense"),
        get("/info"),
        request("POST", "/build", "Content-Type: application/x-tar", "Content-Length: 5", body=b"12345"),
        request("PUT", "/containers/w/archive?path=/", "Content-Length: 5", body=b"12345"),
    ],
)
@in_loop
async def test_what_is_decided_is_not_asked(sent: bytes) -> None:
    async with office(asking(deny=["SystemInfo"])) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(sent)
        assert (await client.answer())[0] == 403
        [record] = await at.here.records(1)
        assert not record["source"].startswith("asked")
        assert ("not decided: its body is a stream" in str(record["reason"])) is (b"12345" in sent)
        client = await at.here.connect()
        await client.send(LIST)
        assert (await operator.next("asked"))["operation"] == "ContainerList"


CONVERSATIONS = [
    LIST,
    get("/containers/json?all=1"),
    STOP,
    create(),
    create(DENIED),
    create(TWINS),
    create(b"{"),
    create(DENIED, chunked=True),
    create(DENIED, length=len(DENIED)) + LIST,
    LIST + STOP + LIST,
    get("/nonsense"),
    get("/v1.45/containers/../json"),
    request("POST", "/containers/w/exec", "Content-Type: application/json", "Content-Length: 2", body=b"{}"),
    request("POST", "/build", "Content-Type: application/x-tar", "Content-Length: 5", body=b"12345"),
    request("HEAD", "/containers/w/archive?path=/"),
    get("/info", "Connection: close"),
]


async def talk(mode: str, sent: bytes, operator_word: str) -> tuple[bytes, list[object]]:
    """Say something to a proxy in a mode; return all that it says, without IDs, and its records."""
    policy = asking("ping:read", deny=["SystemInfo"])
    if mode == "enforce":
        policy = compile_policy(policy.policy._replace(asks=False))
    async with office(policy) as at:
        operator = await at.sit() if mode == "ask" else None
        client = await at.here.connect()
        await client.send(sent)
        client.end()
        task = at.here.server._tasks.start(_deny_all(operator, operator_word), "answering") if operator else None
        lookups = at.here.server._tasks.start(_find_all(at.here), "telling")
        said = await client.rest()
        records: list[object] = [
            (each.method, each.target, each.operation, each.decision, each.reason, each.status)
            for each, _ in at.here.heard.records
        ]
        for each in (task, lookups):
            if each is not None:
                each.cancel()
    return said, records


async def _deny_all(operator: Operator, word: str) -> None:
    while True:
        await operator.answer_next(word)


async def _find_all(here: object) -> None:
    while True:
        await tell(here, WEB)  # type: ignore[arg-type] # it is one


def without_why(said: bytes) -> bytes:
    """Leave out what differs: IDs, who denied it or why nobody was asked, and the length of it."""
    said = re.sub(rb"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{2}", b"ID", said)
    said = re.sub(rb"(?<=denied: )[^(]*(?= \(decision)", b"", said)
    said = said.replace(b"a person denied it, and ", b"")
    return re.sub(rb"; not decided: its [\w, ]+\w|(?<=Content-Length: )\d+", b"", said)


@for_each("sent", CONVERSATIONS)
@in_loop
async def test_with_every_answer_a_denial_a_client_sees_what_enforce_shows(sent: bytes) -> None:
    enforced, records = await talk("enforce", sent, "")
    asked, others = await talk("ask", sent, "deny")
    assert without_why(asked) == without_why(enforced)
    assert without_why(repr(records).encode()) == without_why(repr(others).encode())
