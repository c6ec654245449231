"""Whatever a client or an engine sends, in whatever order: calls end, and only what was judged reaches the engine."""

import random
from contextlib import suppress

from builds.ends import INFO, NOTHING, STATUS, Ends, Peer, frame, framed, head
from builds.messages import entry, text
from builds.said import BRIDGE, CONTROL, FRONTEND, SOLVE, attrs
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.builds.calls import MOST_FRAMES
from dockerproxy.builds.protobuf import read_message
from dockerproxy.builds.solving import METHODS

BUILD = text(1, "r") + text(6, FRONTEND) + entry(7, "target", "t") + text(13, text(1, "moby"))


def test_a_call_that_is_reset_in_the_middle_is_forgotten() -> None:
    at = Ends()
    stream = at.client.begin(head(), framed(BUILD)[:-1], ends=False)
    at.turn()
    assert at.held > 0
    at.client.connection.reset_stream(stream, ErrorCodes.CANCEL)
    at.turn()
    assert (at.held, at.judged, at.reached) == (0, [], {})


@for_each("denial", ["", "no"])
def test_a_call_that_is_reset_while_it_is_judged_reaches_no_engine(denial: str) -> None:
    at = Ends(allows=False)
    stream = at.call(SOLVE, framed(BUILD))
    at.client.connection.reset_stream(stream, ErrorCodes.CANCEL)
    at.turn()
    [(_, _, then)] = at.judged
    then(denial)
    at.turn()
    assert (at.held, at.reached, at.calls.is_over) == (0, {}, False)


def test_a_call_that_is_reset_while_it_is_answered_is_reset_at_the_engine_and_its_answer_dropped() -> None:
    at = Ends()
    at.client.takes = False
    stream = at.call(STATUS)
    [far] = at.reached
    at.engine.connection.send_headers(far, [(":status", "200")])
    for _ in range(3):
        at.engine.connection.send_data(far, bytes(16_000))
    at.turn()
    at.client.connection.reset_stream(stream, ErrorCodes.CANCEL)
    at.turn()
    assert at.reached[far].reset == ErrorCodes.CANCEL
    again = at.call(STATUS)
    other = max(at.reached)
    at.engine.connection.send_headers(other, [(":status", "200")])
    at.engine.connection.send_data(other, bytes(10_000))
    at.turn()
    assert len(at.said(again).data) == 10_000, "what was dropped is credited"


def test_calls_that_are_begun_ended_and_reset_at_once_leave_the_others_alone() -> None:
    at = Ends()
    for path, content in ((SOLVE, attrs({"cmdline": "x"})), (INFO, b""), (CONTROL + "Prune", b"")):
        stream = at.client.begin(head(path), framed(content))
        at.client.connection.reset_stream(stream, ErrorCodes.CANCEL)
    at.turn()
    stream = at.call(INFO)
    at.engine.answer(max(at.reached), b"version")
    at.turn()
    assert at.said(stream).data == framed(b"version")
    assert at.held == 0


def test_a_reset_of_the_engine_reaches_the_client() -> None:
    at = Ends()
    stream = at.call(STATUS)
    at.engine.connection.reset_stream(next(iter(at.reached)), ErrorCodes.REFUSED_STREAM)
    at.turn()
    assert at.said(stream).reset == ErrorCodes.REFUSED_STREAM
    assert not at.calls.is_over


def test_an_answer_that_ends_without_a_status_ends_for_the_client_too() -> None:
    at = Ends()
    stream = at.call(STATUS)
    [far] = at.reached
    at.engine.connection.send_headers(far, [(":status", "200")])
    at.engine.connection.send_headers(far, [("x", "y")], end_stream=True)
    at.turn()
    assert (at.said(stream).fields, at.said(stream).ended) == ({":status": "200", "grpc-status": "2"}, True)


def test_nothing_is_begun_when_all_is_over() -> None:
    at = Ends(allows=False)
    at.call(SOLVE, framed(BUILD))
    at.engine.connection.close_connection()
    at.turn()
    [(_, _, then)] = at.judged
    for denial in ("", "no"):
        then(denial)
    assert (at.reached, at.calls.is_over) == ({}, True)


def test_more_calls_than_the_engine_takes_end_both_and_raise_nothing() -> None:
    at = Ends(engine=Peer(is_client=False, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 1}), allows=False)
    at.call(SOLVE, framed(BUILD))
    at.call(SOLVE, framed(BUILD))
    for _, _, then in at.judged:
        then("")
    at.turn()
    assert len(at.reached) == 1
    assert at.calls.is_over


SETTINGS = frame(4, 0, 0, (4).to_bytes(2) + (1).to_bytes(4))
FLOODS: list[tuple[str, bytes]] = [
    ("pings", frame(6, 0, 0, bytes(8))),
    ("settings", SETTINGS),
    ("acknowledgements of pings", frame(6, 1, 0, bytes(8))),
    ("windows", frame(8, 0, 0, (1).to_bytes(4))),
    ("priorities", frame(2, 0, 1, bytes((0, 0, 0, 3, 0)))),
    ("frames of an unknown kind", frame(0xAA, 0, 0)),
    ("data without data", frame(0, 0, 1)),
    ("windows of a call that is over", frame(8, 0, 3, (1).to_bytes(4))),
]


@for_each(("what", "data"), FLOODS)
def test_a_flood_ends_the_connection(what: str, data: bytes) -> None:
    at = Ends()
    at.client.begin(head(), ends=False)
    at.call(CONTROL + "Prune")
    for _ in range(MOST_FRAMES // 100 - 1):
        at.say(data * 100)
        at.calls.give(to_client=True)
    assert not at.calls.is_over, what
    for _ in range(2):
        at.say(data * 100)
    assert at.calls.is_over, what
    at.client.hear(at.calls.give(to_client=True)[-17:])
    [ended] = [event for event in at.client.events if isinstance(event, ConnectionTerminated)]
    assert ended.error_code == ErrorCodes.ENHANCE_YOUR_CALM


def test_who_takes_much_may_say_so() -> None:
    at = Ends()
    stream = at.call(STATUS)
    [far] = at.reached
    at.engine.connection.send_headers(far, [(":status", "200")])
    for _ in range(12):
        at.engine.connection.send_data(far, bytes(16_000))
        at.turn()
        at.say(frame(8, 0, stream, (1).to_bytes(4)) * 900)
    assert not at.calls.is_over
    assert len(at.said(stream).data) == 12 * 16_000
    assert MOST_FRAMES < 12 * 900


def test_a_long_build_may_print_short_lines_each_of_which_the_client_answers() -> None:
    at = Ends()
    stream = at.call(STATUS)
    [far] = at.reached
    at.engine.connection.send_headers(far, [(":status", "200")])
    lines = MOST_FRAMES * 2 // 3
    for _ in range(lines):
        at.engine.connection.send_data(far, bytes(30))
        at.turn()
        at.say(frame(8, 0, 0, (1).to_bytes(4)) + frame(6, 0, 0, bytes(8)))
    assert not at.calls.is_over
    assert len(at.said(stream).data) == lines * 30


def test_calls_that_are_begun_and_reset_in_a_flood_end_the_connection() -> None:
    at = Ends()
    begun = 0
    while not at.calls.is_over:
        stream = at.client.begin(head(STATUS), NOTHING)
        at.client.connection.reset_stream(stream)
        at.say(at.client.sent())
        at.calls.give(to_client=False)
        begun += 1
        assert at.held == 0 or at.calls.is_over
    assert begun <= MOST_FRAMES


def test_headers_without_an_end_end_the_connection() -> None:
    at = Ends()
    block = at.client.connection.encoder.encode(head())
    at.say(frame(1, 0, 1, block) + frame(9, 0, 1, b"") * 100)
    assert at.calls.is_over
    assert at.reached == {}


@for_each("fields", [[("x", "y" * 70_000)], [(f"x-{number}", "") for number in range(2500)]])
def test_a_header_list_that_is_too_long_ends_the_connection(fields: list[tuple[str, str]]) -> None:
    at = Ends()
    at.client.begin(head(SOLVE, *fields), framed(BUILD))
    at.turn()
    assert at.calls.is_over
    assert at.reached == {}


def test_a_hundred_calls_are_open_at_one_time_and_no_more() -> None:
    at = Ends()
    for _ in range(100):
        at.call(STATUS)
    assert len(at.reached) == 100
    at.client.connection.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 200
    at.client.connection.remote_settings.acknowledge()
    at.client.begin(head(STATUS), NOTHING)
    at.turn()
    assert at.calls.is_over
    assert len(at.reached) == 100


def test_what_is_answered_is_kept_in_no_table_whatever_size_the_client_gives_it() -> None:
    at = Ends()
    at.client.connection.update_settings({SettingCodes.HEADER_TABLE_SIZE: 2**20})
    at.turn()
    for number in range(50):
        at.call(f"/x/{number}")
    assert len(at.refused) == 50
    assert not at.client.connection.decoder.header_table.dynamic_entries
    assert not at.engine.connection.decoder.header_table.dynamic_entries


def test_a_denial_is_no_longer_than_clients_read() -> None:
    at = Ends()
    for content in (attrs({"ulimit": "é" * 500_000}), attrs({"x" * 500_000: ""}), text(6, "\n" * 500_000)):
        said = at.said(at.call(SOLVE, framed(content))).fields["grpc-message"]
        assert len(said) <= 8192
    at = Ends(allows=False)
    stream = at.call(SOLVE, framed(BUILD))
    at.judged[0][2]("é" * 100_000)
    at.turn()
    assert len(at.said(stream).fields["grpc-message"]) <= 8192


def reached(at: Ends) -> list[bytes]:
    """Return the messages that reached the engine, each of which must be one that was judged and is read."""
    whole = []
    judged = [framed(call.content) for call, _, _ in at.judged]
    for heard in at.reached.values():
        assert not heard.ended or heard.data in judged
        read_message(heard.data[5:], METHODS[heard.fields[":path"]])
        whole.append(heard.data)
    return whole


MESSAGES = [(SOLVE, BUILD), (BRIDGE + "Solve", attrs({"target": "t"}, path=BRIDGE + "Solve")), (STATUS, text(1, "r"))]


@for_each(("path", "content"), MESSAGES)
def test_of_a_message_that_is_cut_nothing_reaches_the_engine(path: str, content: bytes) -> None:
    whole = framed(content)
    for end in range(len(whole)):
        at = Ends()
        at.call(path, whole[:end])
        at.call(path, whole[end:] + whole[:end])
        assert reached(at) == [] or end == 0
        left = at.client.begin(head(path), whole[:end], ends=False)
        at.turn()
        at.client.connection.reset_stream(left)
        at.turn()
        assert (len(reached(at)), at.held) == (int(end == 0), 0)


@for_each(("path", "content"), MESSAGES)
def test_of_a_message_that_is_doubled_nothing_reaches_the_engine(path: str, content: bytes) -> None:
    at = Ends()
    at.call(path, framed(content) * 2)
    at.call(path, framed(content * 2))
    at.call(path, framed(framed(content)))
    assert reached(at) == []


def test_fields_in_another_order_are_one_message_for_the_engine() -> None:
    fields = [text(1, "r"), text(5, "s"), text(6, FRONTEND), entry(7, "target", "t"), text(13, text(1, "moby"))]
    at = Ends()
    for _ in range(10):
        random.shuffle(fields)
        at.call(SOLVE, framed(b"".join(fields)))
    assert len(set(reached(at))) == 1


def test_a_connection_that_is_cut_anywhere_has_reached_the_engine_with_whole_calls_only() -> None:
    client = Peer(is_client=True)
    for path, content in MESSAGES:
        client.begin(head(path), framed(content))
    sent = client.sent()
    for end in range(len(sent)):
        at = Ends(client=Peer(is_client=True))
        at.calls = type(at.calls)("one", at._judge, at._refuse)
        at.engine = Peer(is_client=False)
        at.say(sent[:end], piece=7)
        at.engine.hear(at.calls.give(to_client=False))
        assert len(reached(at)) == len(at.judged)
        assert not at.calls.is_over


KINDS = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x55])
FRAMES = st.builds(
    frame, KINDS, st.sampled_from([0, 1, 4, 5, 8, 0x20, 0x2D]), st.integers(0, 9), st.binary(max_size=20)
)
JUNK = st.one_of(FRAMES, st.binary(max_size=30))
ACTS = st.one_of(
    st.tuples(st.sampled_from(["client", "engine"]), JUNK),
    st.tuples(st.just("call"), st.sampled_from([*MESSAGES, (SOLVE, b"x"), (INFO, b""), ("/x/y", b"")])),
    st.tuples(st.sampled_from(["judge", "reset", "answer", "break", "begin"]), st.integers(0, 3)),
)


def act(at: Ends, what: str, value: object) -> None:
    """Do one thing that a client, an engine or a judge can do at any time."""
    match what, value:
        case ("client", bytes(data)):
            at.say(data, piece=5)
        case ("engine", bytes(data)) if not at.calls.is_over:
            at.hear(data)
        case ("judge", int(index)) if at.judged:
            at.judged[index % len(at.judged)][2]("no" * (index % 2))
        case _:
            with suppress(ProtocolError):  # The peers of this test have rules.
                act_as_peer(at, what, value)


def act_as_peer(at: Ends, what: str, value: object) -> None:
    """Do what a peer does by the rules of HTTP/2."""
    match what, value:
        case ("call", (str(path), bytes(content))):
            at.client.begin(head(path), framed(content))
        case ("begin", int(size)):
            at.client.begin(head(), bytes(size), ends=False)
        case ("reset", int(index)):
            at.client.connection.reset_stream(index * 2 + 1)
        case ("answer", int(index)):
            at.engine.answer(index * 2 + 1, b"x")
        case ("break", int(index)):
            at.engine.connection.reset_stream(index * 2 + 1)


@given(st.lists(ACTS, max_size=20), st.booleans())
def test_whatever_both_sides_send_nothing_is_raised_and_only_what_was_judged_goes_on(
    acts: list[tuple[str, object]],
    allows: bool,  # noqa: FBT001 (hypothesis gives it)
) -> None:
    at = Ends(allows=allows)
    at.client.forgives = at.engine.forgives = True
    for what, value in acts:
        act(at, what, value)
        at.turn()
        assert at.held >= 0
    reached(at)


@given(st.binary(max_size=300), st.binary(max_size=300), st.booleans())
def test_whatever_begins_a_connection_nothing_is_raised(client: bytes, engine: bytes, begins: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    at = Ends()
    at.calls = type(at.calls)("one", at._judge, at._refuse)
    at.say(Peer(is_client=True).sent() * begins + client, piece=11)
    if not at.calls.is_over:
        at.hear(engine)
    assert at.judged == []
