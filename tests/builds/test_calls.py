"""Each call is judged whole before the engine hears of it, and answers go back as far as the client takes them."""

from builds.ends import (
    DENIED,
    GRPC,
    INFO,
    NOTHING,
    STATUS,
    Ends,
    Fields,
    Heard,
    Peer,
    frame,
    framed,
    head,
)
from builds.messages import text
from builds.said import BRIDGE, CONTROL, FRONTEND, SOLVE, attrs, export, hear
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, WindowUpdated
from h2.settings import SettingCodes
from rows import for_each

from dockerproxy.builds.calls import LONGEST
from dockerproxy.owner_labels import scope

BUILD = "buildkit-controlapi-buildid"
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def denied(heard: Heard) -> str:
    """Return why a call was denied."""
    assert heard.fields[":status"] == "200"
    assert heard.fields["grpc-status"] == DENIED
    assert heard.ended
    return heard.fields["grpc-message"]


def test_a_call_goes_through_and_its_answer_comes_back() -> None:
    at = Ends()
    content = export("moby", {"name": "a"})
    stream = at.call(SOLVE, framed(content), ("user-agent", "x"), ("grpc-timeout", "5S"), (BUILD, "r"), ("x-y", "z"))
    [(far, heard)] = at.reached.items()
    assert heard.data == framed(hear(content).content)
    assert heard.ended
    assert heard.fields == {
        ":method": "POST",
        ":scheme": "http",
        ":path": SOLVE,
        ":authority": "dockerproxy",
        "content-type": "application/grpc",
        "te": "trailers",
        "grpc-timeout": "5S",
        BUILD: scope("one", "build", "r"),
    }
    at.engine.connection.send_headers(far, [(":status", "200"), ("content-type", "application/grpc"), ("x", "y")])
    at.engine.connection.send_data(far, framed(b"result"))
    at.engine.connection.send_headers(far, [("grpc-status", "0"), ("grpc-message", ""), ("z", "y")], end_stream=True)
    at.turn()
    said = at.said(stream)
    assert (said.data, said.ended, said.reset) == (framed(b"result"), True, None)
    assert said.fields.keys() == {":status", "content-type", "grpc-status", "grpc-message"}
    assert at.held == 0


def test_calls_are_judged_with_the_build_that_they_belong_to() -> None:
    at = Ends()
    at.call(SOLVE, framed(text(1, "r") + text(6, FRONTEND)))
    at.call(BRIDGE + "Solve", framed(text(2, FRONTEND)), (BUILD, "r"))
    at.call(BRIDGE + "Ping", NOTHING)
    assert [build for _, build, _ in at.judged] == [scope("one", "build", "r")] * 2 + [""]


def test_what_a_policy_denies_reaches_no_engine_and_the_client_reads_why() -> None:
    at = Ends(allows=False)
    stream = at.call(SOLVE, framed(export("moby", {"name": "a"})))
    assert at.held > 0
    [(_, _, then)] = at.judged
    then("ImageBuild denied: é %\n")
    at.turn()
    assert denied(at.said(stream)) == "ImageBuild denied: %C3%A9 %25%0A"
    assert (at.reached, at.held) == ({}, 0)


def test_what_no_policy_allows_is_denied_and_the_next_call_goes_on() -> None:
    at = Ends()
    content = framed(attrs({"cmdline": "x"}))
    assert denied(at.said(at.call(SOLVE, content))).startswith('refused: "cmdline=x" is not allowed')
    assert denied(at.said(at.call(CONTROL + "Prune"))).startswith("refused: Control/Prune is not a call")
    assert (at.reached, at.refused) == ({}, [SOLVE, CONTROL + "Prune"])
    at.call(INFO)
    assert len(at.reached) == 1


def test_traces_are_answered_without_the_engine() -> None:
    at = Ends()
    said = at.said(at.call(TRACES, framed(b"anything")))
    assert (said.fields["grpc-status"], said.data, said.ended) == ("0", NOTHING, True)
    assert (at.reached, at.judged, at.held) == ({}, [], 0)


HEADS: list[tuple[str, Fields, str]] = [
    ("a GET", head(INFO, method="GET"), "call is not a gRPC call"),
    ("another method", head(INFO, method="post"), "call is not a gRPC call"),
    ("compressed", head(INFO, ("grpc-encoding", "gzip")), "refused: a call is compressed"),
    ("no content type", [field for field in head(INFO) if field not in GRPC], "call is not a gRPC call"),
    ("JSON", [*head(INFO)[:4], ("content-type", "application/grpc+json")], "call is not a gRPC call"),
    ("gRPC of browsers", [*head(INFO)[:4], ("content-type", "application/grpc-web")], "call is not a gRPC call"),
    ("a parameter", [*head(INFO)[:4], ("content-type", "application/grpc;x=y")], "call is not a gRPC call"),
    ("a content type twice", head(INFO, GRPC[0]), "call has a header twice"),
    ("a build twice", head(INFO, (BUILD, "a"), (BUILD, "a")), "call has a header twice"),
    ("an encoding twice", head(INFO, *[("grpc-encoding", "identity")] * 2), "call has a header twice"),
    ("a time limit twice", head(INFO, ("grpc-timeout", "1S"), ("grpc-timeout", "2S")), "call has a header twice"),
    ("a time limit that is none", head(INFO, ("grpc-timeout", "1 S")), "a call is compressed, or its"),
    ("a long time limit", head(INFO, ("grpc-timeout", "123456789S")), "a call is compressed, or its"),
    ("an unknown method", head("/x/y"), "refused: /x/y is not a call"),
    ("a method with a query", head(INFO + "?x"), "call is not a gRPC call"),
    ("a long path", head("/x/" + "y" * 300), "call is not a gRPC call"),
]  # fmt: skip


@for_each(("what", "fields", "says"), HEADS)
def test_what_is_no_plain_call_is_denied(what: str, fields: Fields, says: str) -> None:
    at = Ends()
    stream = at.client.begin(fields, NOTHING)
    at.turn()
    assert says in denied(at.said(stream)), what
    assert (at.reached, at.held, at.calls.is_over) == ({}, 0, False)


def test_a_path_that_is_there_twice_ends_the_connection() -> None:
    for more in ((":path", INFO), (":method", "POST")):
        at = Ends()
        at.client.begin([*head(INFO)[:4], more, *head(INFO)[4:]], NOTHING)
        at.turn()
        assert at.calls.is_over
        assert at.reached == {}


BODIES: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("less than a prefix", bytes(4)),
    ("a compressed message", b"\1" + bytes(4)),
    ("a prefix of another kind", b"\x80" + bytes(4)),
    ("two messages", NOTHING * 2),
    ("a message and a half", NOTHING + b"\0"),
    ("a message that is cut", framed(text(1, "r"))[:-1]),
    ("a message that is longer", framed(text(1, "r")) + b"x"),
]


@for_each(("what", "content"), BODIES)
def test_a_call_has_one_message_that_is_not_compressed(what: str, content: bytes) -> None:
    at = Ends()
    said = denied(at.said(at.call(SOLVE, content)))
    assert said == "refused: a call is not one message, or compressed", what
    assert (at.reached, at.held) == ({}, 0)


def test_a_call_with_trailers_is_denied_once() -> None:
    at = Ends()
    stream = at.client.begin(head(), framed(text(1, "r")), ends=False)
    at.client.connection.send_headers(stream, [("x", "y")], end_stream=True)
    at.turn()
    assert denied(at.said(stream)) == "refused: a call has trailers"
    wrong = at.client.begin(head(method="GET"), NOTHING, ends=False)
    at.client.connection.send_headers(wrong, [("x", "y")], end_stream=True)
    at.turn()
    assert (at.reached, at.held, at.calls.is_over) == ({}, 0, False)


def test_a_message_is_no_longer_than_what_is_held_and_what_it_took_is_free_again() -> None:
    at = Ends()
    stream = at.client.begin(head(), b"\0" + (2**30).to_bytes(4), ends=False)
    sent = 0
    while not at.client.streams.get(stream, Heard()).ended:
        at.client.connection.send_data(stream, bytes(16_000))
        sent += 16_000
        at.turn()
        assert at.held <= LONGEST
    assert at.said(stream).fields["grpc-status"] == DENIED
    assert sent <= LONGEST + 16_000
    assert (at.held, at.reached, at.calls.is_over) == (0, {}, False)
    at.call(INFO)
    assert len(at.reached) == 1


def test_what_all_calls_hold_together_is_bounded() -> None:
    at = Ends()
    streams = [at.client.begin(head(), NOTHING, ends=False) for _ in range(50)]
    for _ in range(10):
        for stream in streams:
            if stream not in at.client.streams or not at.said(stream).ended:
                at.client.connection.send_data(stream, bytes(16_000))
                at.turn()
        assert at.held <= LONGEST
    assert any(at.said(stream).ended for stream in streams if stream in at.client.streams)
    for stream in streams:
        if stream not in at.client.streams or not at.said(stream).ended:
            at.client.connection.reset_stream(stream)
    at.turn()
    assert at.held == 0


def test_what_the_client_does_not_take_is_not_asked_of_the_engine() -> None:
    at = Ends(client=Peer(is_client=True, settings={SettingCodes.INITIAL_WINDOW_SIZE: 1000}))
    at.client.takes = False
    stream = at.call(STATUS)
    [far] = at.reached
    content, sent = bytes(range(256)) * 4096, 0
    at.engine.connection.send_headers(far, [(":status", "200"), ("content-type", "application/grpc")])

    def write() -> None:
        nonlocal sent
        while room := min(at.engine.connection.local_flow_control_window(far), 16_384, len(content) - sent):
            at.engine.connection.send_data(far, content[sent : sent + room])
            sent += room
        at.turn()

    write()
    assert len(at.said(stream).data) == 1000
    assert sent <= 65_535
    before = sent
    write()
    assert sent == before
    while len(at.said(stream).data) < len(content):
        at.client.connection.acknowledge_received_data(1000, stream)
        at.turn()
        write()
        assert sent - len(at.said(stream).data) <= 65_535 + 1000
    at.engine.connection.send_headers(far, [("grpc-status", "0")], end_stream=True)
    at.turn()
    assert (at.said(stream).data, at.said(stream).ended) == (content, True)


def test_one_answer_that_is_not_taken_leaves_the_others_their_way() -> None:
    at = Ends(client=Peer(is_client=True, settings={SettingCodes.INITIAL_WINDOW_SIZE: 100}))
    at.client.takes = False
    at.call(STATUS)
    [far] = at.reached
    at.engine.connection.send_headers(far, [(":status", "200")])
    at.engine.connection.send_data(far, bytes(10_000))
    at.turn()
    stream = at.call(INFO)
    at.engine.answer(max(at.reached), b"version")
    at.turn()
    assert at.said(stream).data == framed(b"version")


def test_what_the_engine_does_not_take_is_held() -> None:
    at = Ends(engine=Peer(is_client=False, settings={SettingCodes.INITIAL_WINDOW_SIZE: 10}))
    at.engine.takes = False
    content = framed(hear(text(1, "r") * 1).content)
    at.call(SOLVE, framed(text(1, "r")))
    [(far, heard)] = at.reached.items()
    assert (heard.data, at.held) == (content[:10], len(content))
    at.engine.connection.increment_flow_control_window(len(content), far)
    at.turn()
    assert (heard.data, heard.ended, at.held) == (content, True, 0)


def test_the_end_of_each_side_ends_both() -> None:
    for end in ("client", "engine"):
        at = Ends()
        at.call(STATUS)
        getattr(at, end).connection.close_connection()
        at.turn()
        assert at.calls.is_over


def test_what_is_no_http2_ends_both() -> None:
    for data in (b"GET / HTTP/1.1\r\n\r\n", frame(0, 0, 0, b"x"), frame(1, 4, 2, b"\x88"), frame(5, 4, 1, bytes(4))):
        at = Ends()
        at.say(data)
        assert at.calls.is_over
        at.turn()
        assert any(isinstance(event, ConnectionTerminated) for event in at.client.events)


def test_windows_are_for_all_that_was_received() -> None:
    at = Ends()
    stream = at.client.begin(head(), b"\0" + (2**20).to_bytes(4), ends=False)
    for _ in range(60):
        at.client.connection.send_data(stream, bytes(10_000), pad_length=200)
        at.turn()
    assert any(isinstance(event, WindowUpdated) for event in at.client.events)
    at.client.connection.reset_stream(stream, ErrorCodes.CANCEL)
    at.turn()
    assert (at.held, at.reached) == (0, {})
