"""What h2 would hold or decode for long is refused before."""

from builds.ends import Ends, frame
from h2.errors import ErrorCodes

from dockerproxy.builds.sides import LONGEST_BLOCK


def test_a_long_header_block_is_not_decoded() -> None:
    for blocks in ([b"\x20" * (LONGEST_BLOCK + 1)], [b"\x20" * (LONGEST_BLOCK // 2)] * 2 + [b"\x20"]):
        at = Ends()
        for number, block in enumerate(blocks):
            assert not at.calls.is_over
            at.say(frame(9 if number else 1, 4 * (number == len(blocks) - 1), 1, block))
        assert at.calls.is_over
        at.client.hear(at.calls.give(to_client=True))
        assert at.client.events[-1].error_code == ErrorCodes.ENHANCE_YOUR_CALM  # type: ignore[attr-defined] # its end


def test_a_frame_that_is_too_long_is_not_waited_for() -> None:
    for data in (frame(0, 0, 1, bytes(16_385))[:9], b"\xff\xff\xff" + bytes(6), b"GET / HTTP/1.1\r\n"):
        for cut in range(1, 9):
            at = Ends()
            at.say(data[:cut])
            at.say(data[cut:])
            assert at.calls.is_over
    at = Ends()
    at.hear(b"\0\x40\1" + bytes(6))
    assert at.calls.is_over
