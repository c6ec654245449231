"""Ordinary conversations, cut at every byte of either side: what comes is the beginning of what would have come."""

from hypothesis import settings
from proxy.harness import in_loop
from proxy.oracle import check_client, check_engine, check_records, without_ours
from proxy.players import Cut, Player, Then
from proxy.stage import Stage, stage_for, until
from proxy.test_conversations import BYSTANDER, EXCHANGE, PLAIN, are_as_told
from proxy.transcripts import Case, Names, read_cases
from rows import for_each

from dockerproxy.settings import Level

CASES = read_cases("ordinary")
STRIDE = max(1, 100 // settings().max_examples)
"""With `--hypothesis-profile=quick`, which asks for a tenth of the examples, a stream is cut at every tenth byte."""


def size_of(case: Case, side: str) -> int:
    """Return how many bytes a side says."""
    return sum(len(Names("ann00000").bytes_of(text)) for text in case.texts(side))


async def play(stage: Stage, case: Case, cut: Cut | None) -> list[tuple[str, bytes, bool]]:
    """Play a case and look at what passed; return the requests that the engine got."""
    player = Player(stage, case, cut)
    await player.play()
    await until(lambda: stage.has_left_nothing(connections=1), f"nothing is left after {cut}")
    stage.forget()
    requests = check_engine(player.passed(), bytes(player.client.sent))
    received, records, told = bytes(player.client.received), stage.records(but=BYSTANDER), case.texts("record")
    check_client(received, player.passed())
    check_records(requests, records)
    if player.is_cut:
        assert {record.operation for record in records} <= {" ".join(text.split()[2:]) for text in told}, cut
        assert len(records) <= len(told), cut
        answers = b"".join(map(player.names.bytes_of, case.texts("answered")))
        assert answers.startswith(b"".join(without_ours(received))), cut
    else:
        assert are_as_told(records, told, 1), (cut, records)
    assert Level.CRIT not in {level for level, _ in stage.complaints()}
    return [(request.line, request.body, request.is_whole) for request in requests]


def are_parts_of(got: list[tuple[str, bytes, bool]], whole: list[tuple[str, bytes, bool]]) -> bool:
    """Whether these are some of those requests, in their order; one that was not completed is the beginning of it."""
    left = iter(whole)
    return all(
        any(line == other and (body == full if is_whole else full.startswith(body)) for other, full, _ in left)
        for line, body, is_whole in got
    )


@for_each("then", Then)
@for_each("side", ["client", "engine"])
@for_each("case", CASES)
@in_loop
async def test_a_stream_that_is_cut_at_any_byte_brings_nothing_that_was_not_said(
    case: Case, side: str, then: Then
) -> None:
    async with stage_for(case) as stage:
        waiting = Player(stage, PLAIN)
        await waiting.begin()
        await waiting.take(EXCHANGE[:2])
        whole = await play(stage, case, None)
        for at in range(0, 1 if then is Then.DRIPS else size_of(case, side), STRIDE):
            got = await play(stage, case, Cut(side, at, then))
            assert got == whole if then in {Then.GOES_ON, Then.DRIPS} else are_parts_of(got, whole)
        await waiting.take(EXCHANGE[2:] + EXCHANGE)
        await waiting.finish()
        await until(lambda: stage.has_left_nothing(connections=0), "nothing is left")
