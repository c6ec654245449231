"""The frames of a session go on as they came, whatever pieces they come in, except for files that are none."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from builds.ends import framed
from builds.messages import flag, text
from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.builds.streams import LONGEST_BLOCK, Streams
from dockerproxy.wire.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    LONGEST,
    PADDED,
    PING,
    PRIORITIZED,
    PRIORITY,
    RESET,
    SETTINGS,
    WINDOW,
    read_head,
    write_frame,
)
from dockerproxy.wire.http2 import PREFACE

SYNC, SEND = "/moby.filesync.v1.FileSync/DiffCopy", "/moby.filesync.v1.FileSend/DiffCopy"
DEVICE = framed(text(2, text(1, "disk") + flag(2, 1 << 26)))
FILE = framed(text(2, text(1, "file") + flag(2, 0o644)))
OK, TRAILERS = b"\x88", b"\x00\x0bgrpc-status\x010"
RECORDED = sorted((Path(__file__).parents[1] / "corpus/sessions").glob("*.txt"))


class Ends:
    """Both ends of a session.

    Attributes:
        up, down: What the engine and the client got.
    """

    def __init__(self, path: str = SYNC) -> None:
        self.refused: list[tuple[str, str]] = []
        self.streams = Streams(self._refuse)
        self.encoder = Encoder()
        self.up = self.down = b""
        self.engine(PREFACE + write_frame(SETTINGS, 0, 0, b""))
        self.call(1, path)
        self.client(write_frame(SETTINGS, 0, 0, b""), write_frame(HEADERS, END_HEADERS, 1, OK))
        self.up = self.down = b""

    def _refuse(self, path: str, reason: str) -> str:
        self.refused.append((path, reason))
        return f"refused: {reason}"

    def call(self, stream: int, path: str, *more: tuple[str, str]) -> None:
        """Have the engine call a method."""
        block = self.encoder.encode([(":method", "POST"), (":path", path), *more])
        parts = [block[at : at + LONGEST] for at in range(0, len(block), LONGEST)]
        for number, part in enumerate(parts):
            flags = END_HEADERS * (number == len(parts) - 1)
            self.engine(write_frame(CONTINUATION if number else HEADERS, flags, stream, part))

    def put(self, data: bytes, *, is_client: bool) -> None:
        """Take bytes, and have all go on that may."""
        self.streams.put(data, is_client=is_client)
        while self.streams.step(is_client=True) | self.streams.step(is_client=False):
            pass
        self.up += self.streams.give(to_client=False)
        self.down += self.streams.give(to_client=True)

    def engine(self, data: bytes) -> None:
        """Take bytes of the engine."""
        self.put(data, is_client=False)

    def client(self, *frames: bytes) -> None:
        """Take frames of the client."""
        self.put(b"".join(frames), is_client=True)


def heads(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return the kind, stream and payload of each frame."""
    at, found = 0, []
    while frame := read_head(data, at):
        found.append((frame.kind, frame.stream, data[at + 9 : at + 9 + frame.size]))
        at += 9 + frame.size
    return found


def test_a_denied_call_ends_with_the_reason_and_the_others_go_on() -> None:
    at = Ends()
    at.call(3, SEND)
    good, bad = write_frame(DATA, 0, 1, FILE), write_frame(DATA, 0, 1, DEVICE)
    others = write_frame(HEADERS, END_HEADERS, 3, OK) + write_frame(DATA, 0, 3, DEVICE)
    at.client(good, bad, bad, others, write_frame(HEADERS, END_HEADERS | END_STREAM, 1, TRAILERS), others)
    [(path, says)] = at.refused
    assert (path, says.partition(":")[0]) == (SYNC, '"disk" is a device')
    assert at.up.startswith(good)
    assert at.up.endswith(others + write_frame(HEADERS, END_HEADERS | END_STREAM, 1, TRAILERS) + others)
    [_, (kind, stream, block), *_] = heads(at.up)
    fields = dict(Decoder().decode(block, raw=True))
    assert (kind, stream, fields[b"grpc-status"]) == (HEADERS, 1, b"7")
    assert fields[b"grpc-message"].startswith(b'refused: "disk" is a device')
    assert at.up.count(DEVICE) == 2, "those of the other call"
    assert heads(at.down)[-2:] == [(WINDOW, 0, len(DEVICE).to_bytes(4))] * 2, "the client may send as much as before"
    assert not at.streams.broken


def test_a_packet_goes_on_with_the_frame_that_completes_it() -> None:
    for cut in range(1, len(DEVICE)):
        at = Ends()
        at.client(write_frame(DATA, 0, 1, DEVICE[:cut]), write_frame(DATA, 0, 1, DEVICE[cut:]))
        assert [len(payload) for kind, _, payload in heads(at.up) if kind == DATA] == [cut]
        assert at.refused


def test_an_answer_that_begins_with_data_is_denied_whole() -> None:
    at = Ends()
    at.call(3, SYNC)
    at.client(write_frame(DATA, 0, 3, DEVICE))
    [(_, _, block)] = heads(at.up)
    assert dict(Decoder().decode(block, raw=True))[b":status"] == b"200"


def test_the_end_of_an_archive_that_is_cut_off_does_not_go_on() -> None:
    for end in (write_frame(HEADERS, END_HEADERS | END_STREAM, 1, TRAILERS), write_frame(DATA, END_STREAM, 1, b"")):
        at = Ends("/moby.upload.v1.Upload/Pull")
        at.client(write_frame(DATA, 0, 1, framed(text(1, b"\x1f\x8b\x08" + bytes(9)))), end)
        assert at.refused
        assert b"grpc-message" in heads(at.up)[1][2]


def test_a_method_that_is_not_in_the_table_gets_an_end_but_no_answer() -> None:
    at = Ends("/moby.filesync.v1.FileSync/TarStream")
    at.client(write_frame(DATA, 0, 1, framed(b"")))
    assert at.refused[0][1] == "it is not a call that builds need"
    at = Ends("/moby.filesync.v1.FileSync/TarStream")
    at.client(end := write_frame(HEADERS, END_HEADERS | END_STREAM, 1, TRAILERS))
    assert (at.up, at.refused) == (end, [])


BROKEN: list[tuple[str, list[bytes], str]] = [
    ("data of a stream that is not open", [write_frame(DATA, 0, 3, FILE)], "the engine did not make"),
    ("data of the connection", [write_frame(DATA, 0, 0, FILE)], "the engine did not make"),
    ("data of a stream with the reserved bit", [write_frame(DATA, 0, 1 | 1 << 31, DEVICE)], "the engine did not make"),
    ("headers of a stream that is not open", [write_frame(HEADERS, 4, 3, OK)], "the engine did not make"),
    ("data after the end", [write_frame(HEADERS, 5, 1, OK), write_frame(DATA, 0, 1, DEVICE)], "did not make"),
    ("data after a reset", [write_frame(RESET, 0, 1, bytes(4)), write_frame(DATA, 0, 1, DEVICE)], "did not make"),
    ("a promise", [write_frame(5, 4, 1, (2).to_bytes(4) + OK)], "a frame of the kind 5"),
    ("a frame of an unknown kind", [write_frame(0x10, 0, 0, b"")], "a frame of the kind 16"),
    ("a long frame", [write_frame(DATA, 0, 1, bytes(LONGEST + 1))[:9]], "a frame of more than"),
    ("a continuation of nothing", [write_frame(CONTINUATION, 4, 1, OK)], "other frames within"),
    ("data within headers", [write_frame(HEADERS, 0, 1, OK), write_frame(DATA, 0, 1, FILE)], "other frames within"),
    ("two headers", [write_frame(HEADERS, 0, 1, OK), write_frame(HEADERS, 4, 1, OK)], "other frames within"),
    ("a continuation of another", [write_frame(HEADERS, 0, 1, OK), write_frame(CONTINUATION, 4, 3, OK)], "within"),
]


@for_each(("what", "frames", "says"), BROKEN)
def test_what_is_no_answer_ends_the_session_and_does_not_go_on(what: str, frames: list[bytes], says: str) -> None:
    at = Ends()
    at.client(*frames, write_frame(PING, 0, 0, bytes(8)))
    assert says in at.streams.broken, what
    assert at.streams.is_over
    assert at.up == b"".join(frames[:-1])


def test_padded_data_is_denied_where_it_is_read() -> None:
    for path in (SYNC, SEND):
        at = Ends(path)
        at.client(write_frame(DATA, PADDED, 1, b"\x01" + FILE + b"\0"))
        assert [says for _, says in at.refused] == ["its data is padded"] * (path == SYNC)


def test_what_the_engine_calls_is_found_in_each_form_of_a_header_block() -> None:
    block = Encoder().encode([(":path", SYNC)], huffman=True)
    forms = [
        [write_frame(HEADERS, END_HEADERS | PADDED, 3, b"\x03" + block + bytes(3))],
        [write_frame(HEADERS, END_HEADERS | PRIORITIZED, 3, bytes(5) + block)],
        [write_frame(HEADERS, END_HEADERS | PRIORITIZED | PADDED, 3, b"\x01" + bytes(5) + block + b"\0")],
        [write_frame(HEADERS, 0, 3, block[:3]), write_frame(CONTINUATION, END_HEADERS, 3, block[3:])],
    ]
    for frames in forms:
        at = Ends()
        for each in frames:
            assert at.down == b"", "a block goes on whole, as something of ours could come between"
            at.engine(each)
        assert at.down == b"".join(frames)
        at.client(write_frame(DATA, 0, 3, DEVICE))
        assert at.refused


def test_what_is_no_call_of_an_engine_ends_the_session() -> None:
    for data in (
        write_frame(HEADERS, END_HEADERS, 3, b"\xff" * 9),
        write_frame(HEADERS, END_HEADERS | PADDED, 3, b""),
        write_frame(HEADERS, 0, 3, OK) + write_frame(PING, 0, 0, bytes(8)),
        write_frame(CONTINUATION, 0, 3, OK),
        write_frame(DATA, 0, 1, bytes(LONGEST + 1)),
    ):
        at = Ends()
        at.engine(data)
        at.engine(write_frame(HEADERS, END_HEADERS, 5, b"\x84"))
        assert at.streams.broken or at.down == data + write_frame(HEADERS, END_HEADERS, 5, b"\x84")
        assert at.refused == []
    streams = Streams(lambda _path, reason: reason)
    streams.put(b"GET / HTTP/1.1\r\n" * 2, is_client=False)
    assert streams.step(is_client=False)
    assert streams.broken == "it is not HTTP/2"


def test_a_long_dockerignore_is_read_and_one_that_is_too_long_ends_the_session() -> None:
    for lines, ends in ((1000, False), (2500, True), (LONGEST_BLOCK, True)):
        at = Ends()
        at.call(3, SYNC, *(("exclude-patterns", f"{line}/x") for line in range(lines)))
        assert (at.streams.broken != "") == ends, lines


def test_what_costs_little_traffic_counts_as_requests() -> None:
    at = Ends()
    before = at.streams.counted
    at.client(
        write_frame(PING, 0, 0, bytes(8)), write_frame(SETTINGS, 0, 0, b""), write_frame(PRIORITY, 0, 1, bytes(5))
    )
    at.client(write_frame(DATA, 0, 1, b""), write_frame(HEADERS, END_HEADERS, 1, OK))
    assert at.streams.counted - before == 5
    at.client(write_frame(PING, 1, 0, bytes(8)), write_frame(WINDOW, 0, 0, bytes(4)), write_frame(DATA, 0, 1, FILE))
    at.client(write_frame(GOAWAY, 0, 0, bytes(8)))
    assert at.streams.counted - before == 5
    at.streams.calm_down()
    assert at.streams.is_over


def play(name: Path, cut: int) -> tuple[Ends, bytes, bytes]:
    """Play a recorded session in pieces; return its ends, and what they sent."""
    at = Ends.__new__(Ends)
    at.refused, at.up, at.down = [], b"", b""
    at.streams = Streams(at._refuse)
    sent = {"<": b"", ">": b""}
    for line in name.read_text().splitlines():
        data = bytes.fromhex(line[1:])
        sent[line[0]] += data
        for start in range(0, len(data), cut):
            at.put(data[start : start + cut], is_client=line[0] == ">")
    return at, sent[">"], sent["<"]


@for_each("name", RECORDED, ids=lambda name: name.stem)
def test_a_recorded_session_goes_on_as_it_is(name: Path) -> None:
    for cut in (1, 7, 100, 65_536):
        at, client, engine = play(name, cut)
        assert (at.up == client, at.down == engine, at.refused, at.streams.broken) == (True, True, [], "")
        assert at.streams.held == 0


FRAMES = st.sampled_from([
    write_frame(DATA, 0, 1, FILE), write_frame(DATA, 0, 1, FILE[:9]), write_frame(DATA, 0, 1, FILE[9:]),
    write_frame(DATA, 0, 1, DEVICE), write_frame(DATA, 0, 1, DEVICE[:5]), write_frame(DATA, 0, 1, DEVICE[5:]),
    write_frame(DATA, 0, 3, DEVICE), write_frame(DATA, 9, 1, DEVICE), write_frame(HEADERS, 5, 1, TRAILERS),
    write_frame(PING, 0, 0, bytes(8)), write_frame(RESET, 0, 3, bytes(4)), write_frame(HEADERS, 4, 3, OK), b"\0",
])  # fmt: skip


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(0, 300), max_size=5))
def test_any_split_of_the_bytes_gives_the_same_result_and_no_device(frames: list[bytes], cuts: Sequence[int]) -> None:
    data, found = b"".join(frames), []
    for places in ([0, len(data)], [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]):
        at = Ends()
        at.call(3, SEND)
        for start, end in pairwise(places):
            at.client(data[start:end])
        found.append((at.up, at.refused, at.streams.broken))
        assert DEVICE not in b"".join(payload for kind, stream, payload in heads(at.up) if (kind, stream) == (DATA, 1))
    assert found[0] == found[1]
