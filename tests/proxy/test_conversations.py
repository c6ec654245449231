"""Hostile conversations: every case of the corpus over real sockets, by two at one time, while a third waits."""

import asyncio
import re
from collections import Counter
from http import HTTPStatus

import pytest
from proxy.harness import get, in_loop, world
from proxy.oracle import check_client, check_engine, check_records
from proxy.players import Player
from proxy.stage import Stage, stage_for, until
from proxy.transcripts import CONVERSATIONS, SETTINGS, STEPS, Case, Names, Step, read_cases
from rows import for_each

from dockerproxy.observe.record import Outcome, Record

CASES = read_cases()

BYSTANDER = "bystander"
EXCHANGE = (
    Step("client", f"{{{{GET /_ping?{BYSTANDER}=1}}}}"),
    Step("forwarded", f"{{{{GET /_ping?{BYSTANDER}=1}}}}"),
    Step("engine", "{{ok one}}"),
    Step("answered", "{{ok one}}"),
)
PLAIN = Case("two ordinary exchanges", (), EXCHANGE + EXCHANGE)


async def play(stage: Stage, case: Case) -> list[Player]:
    """Play a case while somebody else waits for an answer, who then gets it; and then another client comes."""
    waiting = Player(stage, PLAIN)
    await waiting.begin()
    await waiting.take(EXCHANGE[:2])
    stage.greeting = b"".join(Names("").bytes_of(text) for text in case.setting("greeting"))
    players = [Player(stage, case) for _ in range(1 if case.is_alone else 2)]
    for ended in await asyncio.gather(*(player.play() for player in players), return_exceptions=True):
        if ended is not None:
            raise ended
    stage.greeting = b""
    await waiting.take(EXCHANGE[2:] + EXCHANGE)
    await Player(stage, PLAIN).play()
    await until(lambda: stage.has_left_nothing(connections=1), "nothing is left but the one who waited")
    await waiting.finish()
    await until(lambda: stage.has_left_nothing(connections=0), "nothing is left")
    stage.forget()
    return players


def is_as_told(record: Record, text: str) -> bool:
    """Whether a record is what a transcript says: `allowed 200 SystemPing`, and perhaps a part of the reason."""
    told, _, reason = text.partition(": ")
    known = f"{record.decision} {record.status} {record.operation}".rstrip()
    was_answered = record.decision is Outcome.ALLOWED and record.status < HTTPStatus.BAD_GATEWAY
    return known == told and (reason in record.reason if reason or not was_answered else not record.reason)


def are_as_told(records: list[Record], texts: list[str], players: int) -> bool:
    """Whether these are the records of all players, of each one's exchanges in their order."""
    reached = {(0,) * players}
    for record in records:
        reached = {
            tuple(count + (index == player) for index, count in enumerate(counts))
            for counts in reached
            for player in range(players)
            if counts[player] < len(texts) and is_as_told(record, texts[counts[player]])
        }
    return (len(texts),) * players in reached


@for_each("case", CASES)
@in_loop
async def test_the_engine_gets_what_was_allowed_and_each_client_its_own_answers(case: Case) -> None:
    async with stage_for(case) as stage:
        players = await play(stage, case)
        requests = []
        for player in players:
            requests += check_engine(player.passed(), bytes(player.client.sent))
            check_client(bytes(player.client.received), player.passed())
            assert not [other for other in players if other is not player and other.mark in player.client.received]
        records = stage.records(but=BYSTANDER)
        check_records(requests, records)
        if not case.is_race:
            assert are_as_told(records, case.texts("record"), len(players)), records
        complaints = {f"{level} {text}" for level, text in stage.complaints()}
        told = case.texts("logs")
        assert all(any(words in complaint for words in told) for complaint in complaints) or case.is_race, complaints
        assert all(any(words in complaint for complaint in complaints) for words in told), complaints


@in_loop
async def test_a_storm_of_interim_answers_is_not_kept_for_a_client_that_does_not_read() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/_ping"))
        engine = await here.engine_side()
        await engine.head()
        client.pause()
        written = 0

        async def storm() -> None:
            nonlocal written
            while True:
                await engine.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 2500)
                written += 67_500

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(storm(), 1)
        assert written < 8 * 1024 * 1024


# The corpus itself


def test_a_file_of_conversations_begins_with_its_idea_and_each_has_a_name_of_its_own() -> None:
    for path in CONVERSATIONS.glob("*.txt"):
        assert path.read_text().startswith("# "), path.name
    seen = Counter((case.name, case.steps) for case in CASES)
    assert not [name for (name, _), times in seen.items() if times > 1]


def test_the_readme_explains_every_step() -> None:
    explained = set(re.findall(r"`([a-z-]+)`", (CONVERSATIONS / "README.md").read_text()))
    assert explained >= SETTINGS | STEPS
