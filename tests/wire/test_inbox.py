"""What a client has sent: heads come out whole, however they came in, and each byte is looked at once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from wire.chunks import splits

from dockerproxy.errors import Refusal
from dockerproxy.wire.head import END_OF_HEAD
from dockerproxy.wire.incoming import Inbox

MOST = 100_000
HEAD = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"
LINES = st.lists(
    st.sampled_from([b"GET / HTTP/1.1\r\n", b"X: 1\r\n", b"\r\n", b"\r", b"X\n", b"a", b"\n\r\n"]), max_size=8
)


@given(st.lists(st.integers(0, 3 * len(HEAD)), max_size=8))
def test_heads_come_out_whole_however_they_came_in(cuts: list[int]) -> None:
    inbox, whole, heads = Inbox(), HEAD * 3, []
    places = [0, *sorted(cuts), len(whole)]
    for start, end in pairwise(places):
        inbox.put(whole[start:end])
        while isinstance(head := inbox.take_head(MOST), bytes):
            heads.append(head)
    assert heads == [HEAD] * 3
    assert not inbox.data


def test_what_was_taken_too_early_comes_first_again() -> None:
    inbox = Inbox()
    inbox.put(HEAD + b"GET /next")
    head = inbox.take_head(MOST)
    assert isinstance(head, bytes)
    inbox.put_back(head)
    assert inbox.take_head(MOST) == HEAD
    assert (inbox.take_head(MOST), inbox.holds_part_of_a_head) == (None, True)


@given(st.data(), LINES.map(b"".join))
def test_what_is_no_head_is_refused_in_whatever_pieces_it_comes(data: st.DataObject, sent: bytes) -> None:
    found = None
    inbox = Inbox()
    for piece in data.draw(splits(sent)):
        inbox.put(piece)
        found = found or inbox.take_head(MOST)
    head, end, _ = sent.partition(END_OF_HEAD)
    if isinstance(found, Refusal):
        assert any(line[-1:] != b"\r" for line in sent.split(b"\n")[:-1])
    else:
        assert found == (head + end if end else None)


def test_a_part_of_a_head_is_known_to_be_one() -> None:
    inbox = Inbox()
    assert not inbox.holds_part_of_a_head
    inbox.put(HEAD[:-1])
    assert inbox.take_head(MOST) is None
    assert inbox.holds_part_of_a_head
    inbox.put(HEAD[-1:] + b"body")
    assert not inbox.holds_part_of_a_head
    assert inbox.take_head(MOST) == HEAD
    assert inbox.peek() == inbox.data == b"body"
    assert inbox.take(1) == b"b"
    assert inbox.clear() == b"ody"
    assert not inbox.data


def test_a_line_that_ends_with_a_bare_line_feed_is_refused_before_its_head_ends() -> None:
    for cut in range(len(b"GET / HTTP/1.1\nHost: x")):
        inbox = Inbox()
        inbox.put(b"GET / HTTP/1.1\nHost: x"[:cut])
        inbox.take_head(MOST)
        inbox.put(b"GET / HTTP/1.1\nHost: x"[cut:])
        assert isinstance(inbox.take_head(MOST), Refusal)


def test_a_carriage_return_and_its_line_feed_may_come_apart() -> None:
    inbox = Inbox()
    inbox.put(b"GET / HTTP/1.1\r")
    assert inbox.take_head(MOST) is None
    inbox.put(b"\nHost: x\r\n\r\n")
    assert inbox.take_head(MOST) == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_head_of_the_greatest_size_is_taken_and_one_byte_more_is_refused() -> None:
    for size, kind in ((MOST, bytes), (MOST + 1, Refusal)):
        inbox = Inbox()
        inbox.put(b"x" * (size - 4) + b"\r\n\r\n")
        assert isinstance(inbox.take_head(MOST), kind)
    endless = Inbox()
    endless.put(b"x" * (MOST + 1))
    refusal = endless.take_head(MOST)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, "MAX_HEAD sets this limit" in refusal.reason) == (431, True)


def test_a_piece_to_look_at_is_bounded() -> None:
    inbox = Inbox()
    inbox.put(b"x" * 1_000_000)
    assert len(inbox.peek()) == 65536
