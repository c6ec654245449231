"""What came before goes a short way, on which the same happens as on the long one."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from policy.policies import WEB
from proxy.ends import Ends
from proxy.harness import OK, get, request
from proxy.test_answers import STREAM
from proxy.test_exchange import EVENTS, POLICIES
from proxy.transcripts import Case, Names, read_cases
from rows import for_each

from dockerproxy.api.catalog import Shape
from dockerproxy.config.environment import read_environment
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.phases import Verdict
from dockerproxy.settings import SocketSettings

Event = Callable[[Ends], object]


def ask(asked: bytes, *pieces: bytes) -> list[Event]:
    return [partial(Ends.receive, data=asked), Ends.work, *(partial(Ends.answer, data=piece) for piece in pieces)]


ASKED_AGAIN = ask(get("/_ping"), OK)
"""What makes a short way: the same request a second time over a connection that has one to the engine."""

NAMED = ask(get("/containers/web/json"), OK)
"""The same, where the engine must be asked what a name means. With no connection to it, there is more work."""

HEAD = request("HEAD", "/_ping")
ANSWERS_TO_HEAD: list[bytes] = [
    *(b"HTTP/1.1 200 OK\r\n" + field + b"\r\n" for field in (b"Content-Length: 0\r\n", b"Content-Length: 5\r\n", b"")),
    *(STREAM, STREAM + b"0\r\n\r\n", OK),
]

IN_CHUNKS: list[list[bytes]] = [
    [STREAM + b"2\r\nOK\r\n0\r\n\r\n"],
    [STREAM + b"2;a=b\r\nOK\r\n00\r\nTrailer: x\r\n\r\n"],
    [STREAM + b"2\r\nOK\r\n", b"3\r\nmor", b"e\r\n0\r\n\r\n"],
    [STREAM, b"2\r\nOK\r\n0\r\n", b"\r\n"],
    [STREAM[:20], STREAM[20:] + b"0\r\n\r\n"],
    [STREAM + b"2\r\nOK\r\n0\r\n\r\nmore"],
    [STREAM + b"2\r\nOK3\r\n"],
    [STREAM + b"2\r\nOK\r\n", b"x\r\n"],
]
"""Answers in chunks, as they come: whole, in pieces, with something behind them, or wrong."""

NOT_REMEMBERED = [
    b"HTTP/1.1 204 No Content\r\n\r\n",
    *(head.replace(b"\r\n", b"\r\nX: %b\r\n" % (3000 * b"x"), 1) for head in (OK, STREAM + b"0\r\n\r\n")),
]
"""Answers of which the head is read anew each time."""

HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"

IN_PIECES = [
    *IN_CHUNKS,
    *([HINTS, answer] for answer in (OK, *NOT_REMEMBERED)),
    *([answer] for answer in NOT_REMEMBERED),
    *([answer[:cut], answer[cut:]] for answer in (OK, NOT_REMEMBERED[1]) for cut in (20, -2, -1)),
    [STREAM.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + b"2\r\nOK\r\n", b"0\r\n\r\n"],
    [STREAM.replace(b"1.1", b"1.0", 1) + b"2\r\nOK\r\n", b"0\r\n\r\n"],
    [b"HTTP/1.1 200 OK\r\n\r\n", b"to the end"],
]
"""Answers, piece by piece."""

CREATE = request("POST", "/volumes/create")
CREATED = b'HTTP/1.1 201 Created\r\nContent-Length: 14\r\n\r\n{"Name":"new"}'
"""A request that says nothing of what it creates, and what that is."""

ANSWERED = [
    *(ASKED_AGAIN + ask(get("/_ping"), *pieces) for pieces in IN_CHUNKS),
    *(2 * ask(HEAD, answer) for answer in ANSWERS_TO_HEAD),
    2 * ask(CREATE, CREATED),
]


class Nothing(dict[bytes, Verdict]):
    """Remembers no request, however often it comes."""

    def __setitem__(self, head: bytes, verdict: Verdict) -> None:
        del head, verdict


def two_ends(settings: SocketSettings) -> tuple[Ends, Ends]:
    """Make a connection with a short way, and one that has none."""
    short, long = Ends(settings), Ends(settings)
    long.socket.simple = Nothing()
    short.found = long.found = WEB
    return short, long


def show(ends: Ends) -> tuple[object, ...]:
    """Return all that can be seen of a connection."""
    waits = [name for name, each in vars(ends.socket.connections).items() if each is ends.waits_in]
    counts = ends.journal.counts
    counted = {key: (each.buckets, each.milliseconds, each.sent) for key, each in counts.counts.items()}
    gone = None if ends.engine is None else bytes(ends.engine.got)
    return (
        ends.exchange.state,
        ends.exchange.judged,
        (bytes(ends.answered), [bytes(engine.got) for engine in ends.engines], gone),
        (waits, ends.waits_since if waits else None, len(ends.waiting)),
        (bytes(ends.inbox.data), ends.is_gone, ends.has_ended),
        (dict(ends.socket.usage._open), ends.account.spent, ends.socket.usage.held, ends.account.count),
        ends.log.records,
        ends.log.messages,
        dict(ends.journal.reported),
        ({key: each for key, each in counted.items() if any(each[0])}, counts.turned_away, counts.engine_errors),
    )


def setting(policy: CompiledPolicy, **limits: int) -> SocketSettings:
    settings = read_environment({}).settings.sockets[0]
    return settings._replace(policy=policy, limits=settings.limits._replace(**limits), notes_created=True)


def reload(ends: Ends, name: str) -> None:
    ends.socket.replace(setting(POLICIES[name]))


WHILE_IT_IS_ASKED: list[Event] = [Ends.end_input, Ends.finish, *(partial(reload, name=name) for name in POLICIES)]
"""What may happen between a request that went the short way and its answer."""

ASKED_ANEW: list[Event] = [*ASKED_AGAIN, Ends.lose_engine, *ASKED_AGAIN]
"""The same without a connection to the engine, as the first request over a connection."""

WHILE_IT_CONNECTS: list[Event] = [*WHILE_IT_IS_ASKED, Ends.lack_engine, Ends.lose_client, ASKED_AGAIN[0]]
"""What may happen to one that waits for a connection to the engine."""

BETWEEN_PIECES: list[Event] = [
    *WHILE_IT_IS_ASKED,
    *(Ends.lose_client, Ends.lose_engine, lambda ends: ends.exchange.time_out(), lambda ends: ends.exchange.give_way()),
    *(partial(Ends.receive, data=data) for data in (get("/_ping"), get("/_ping")[:9], HEAD + HEAD, b"GET\r\n\r\n")),
]
"""What may happen while an answer is on its way."""


@st.composite
def in_pieces(draw: st.DrawFn) -> list[Event]:
    """An answer in pieces to a request that went the short way, what happens between them, and then more requests."""
    asked = draw(st.sampled_from([get("/_ping"), HEAD, get("/containers/web/json")]))
    pieces = draw(st.sampled_from(IN_PIECES))
    events = ask(asked, *pieces)
    for each in draw(st.lists(st.sampled_from(BETWEEN_PIECES), max_size=2)):
        events.insert(draw(st.integers(1, len(events))), each)
    then = draw(st.sampled_from([ASKED_AGAIN, [*ASKED_AGAIN[:2], Ends.lose_client]]))
    return [*ASKED_AGAIN, *ask(asked, OK), *events, *then]


@given(
    st.sampled_from(list(POLICIES)),
    st.lists(
        st.one_of(
            EVENTS.map(lambda each: [each]),
            st.sampled_from([ASKED_AGAIN, NAMED, *ANSWERED]),
            in_pieces(),
            st.sampled_from(WHILE_IT_IS_ASKED).map(lambda each: [*ASKED_AGAIN, *ASKED_AGAIN[:2], each, ASKED_AGAIN[2]]),
            st.tuples(st.sampled_from(WHILE_IT_IS_ASKED), st.integers(1, 2)).map(
                lambda drawn: [*ASKED_AGAIN, *NAMED[: drawn[1]], drawn[0], *NAMED[drawn[1] :]]
            ),
            st.sampled_from(WHILE_IT_CONNECTS).map(lambda each: [*ASKED_ANEW[:-2], each, *ASKED_ANEW[-2:]]),
        ),
        max_size=20,
    ),
    st.sampled_from([(512, 5000), (0, 5000), (512, 3)]),
)
def test_the_short_way_and_the_long_way_do_the_same(
    name: str, events: list[list[Event]], limits: tuple[int, int]
) -> None:
    short, long = two_ends(setting(POLICIES[name], requests=limits[0], rate=limits[1]))
    for happen in (each for some in events for each in some):
        for ends in (short, long):
            ends.now += 0.125
            happen(ends)
        event(f"short: {short.exchange.answering.finish is not None}")
        assert show(short) == show(long)


def test_an_answer_that_comes_whole_goes_the_short_way() -> None:
    short, long = two_ends(setting(POLICIES["allowed"]))
    for ends in (short, long):
        for _ in range(2):
            ends.receive(get("/_ping"))
            ends.work()
            before = ends.exchange
            ends.answer(OK)
        assert (ends.exchange is before) is (ends is short)
        assert ends.answered.endswith(OK)


@pytest.mark.parametrize("answer", NOT_REMEMBERED, ids=["none", "counted", "in chunks"])
def test_what_one_request_was_answered_is_not_in_the_record_of_the_next(answer: bytes) -> None:
    ends, _ = two_ends(setting(POLICIES["allowed"]))
    for happen in (*ASKED_AGAIN, *ask(get("/_ping"), answer), *ask(get("/_ping")), Ends.lose_client):
        happen(ends)
    assert [record.status for record in ends.log.records] == [200, int(answer[9:12]), 0]


def test_hints_before_an_answer_count_as_sent_by_both_ways() -> None:
    short, long = two_ends(setting(POLICIES["allowed"]))
    for ends in (short, long):
        for happen in (*ASKED_AGAIN, *ask(get("/_ping"), HINTS, OK)):
            happen(ends)
        assert bytes(ends.answered).endswith(HINTS + OK)
        assert ends.log.records[-1].sent == len(HINTS + OK)


def test_what_is_created_is_in_the_record_however_often_it_is_asked_for() -> None:
    ends, _ = two_ends(setting(POLICIES["allowed"]))
    for happen in 3 * ask(CREATE, CREATED):
        happen(ends)
    assert [record.created for record in ends.log.records] == ["new"] * 3


def events_of(case: Case, names: Names) -> Iterator[Event]:
    """Return what happens in a conversation, as far as ends without sockets can play it."""
    for step in case.steps:
        if step.verb in {"client", "engine"}:
            data = names.bytes_of(step.text)
            yield partial(Ends.receive if step.verb == "client" else Ends.answer, data=data)
        elif step.verb in {"client-ends", "client-leaves", "engine-ends", "engine-leaves"}:
            yield {"client-ends": Ends.end_input, "client-leaves": Ends.lose_client}.get(step.verb, Ends.lose_engine)
        yield Ends.work


CASES = read_cases()


@for_each("case", CASES)
def test_every_conversation_goes_the_same_by_both_ways(case: Case) -> None:
    environment = dict(text.split("=", 1) for text in case.setting("set"))
    settings = read_environment({"PING": "1", "CONTAINERS": "1", "IMAGES": "1", "POST": "1", **environment}).settings
    short, long = two_ends(settings.sockets[0])
    for _ in range(3):
        for happen in (*ASKED_AGAIN, *ASKED_AGAIN, *events_of(case, Names("ann00000"))):
            for ends in (short, long):
                happen(ends)
            assert show(short) == show(long)


def test_the_second_request_over_a_connection_goes_the_short_way() -> None:
    short, long = two_ends(setting(POLICIES["allowed"]))
    for ends in (short, long):
        for happen in (*ASKED_AGAIN, *ASKED_AGAIN[:1]):
            happen(ends)
    assert short.exchange.answering.finish is not None
    assert long.exchange.answering.finish is None
    assert short.socket.usage._open[Shape.REPLY] == 1


def test_a_request_that_came_before_over_another_connection_goes_the_short_way() -> None:
    short, long = two_ends(setting(POLICIES["allowed"]))
    for ends in (short, long):
        for happen in ASKED_ANEW[:-2]:
            happen(ends)
        assert ends.engine is None
    assert short.exchange.answering.finish is not None
    assert long.exchange.answering.finish is None
    for happen in ASKED_ANEW[-2:]:
        happen(short)
    assert [bytes(engine.got) for engine in short.engines] == [short.engines[0].got] * 2
    assert bytes(short.answered) == OK * 2


def test_of_a_socket_that_refuses_nothing_no_request_goes_the_short_way() -> None:
    ends = Ends(setting(POLICIES["reported"]))
    ends.receive(get("/_ping"))
    assert not ends.socket.simple
