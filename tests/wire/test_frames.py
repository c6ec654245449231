"""Frames are read and written as hyperframe does."""

from hpack import Decoder
from hyperframe.frame import DataFrame
from hyperframe.frame import Frame as Foreign
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.wire.frames import DATA, HEAD, read_head, write_fields, write_frame


@given(st.binary(max_size=300), st.integers(0, 2**31 - 1), st.booleans(), st.binary(max_size=9))
def test_a_head_is_read_as_another_reads_it(payload: bytes, stream: int, ends: bool, more: bytes) -> None:  # noqa: FBT001 (hypothesis gives it)
    written = write_frame(DATA, int(ends), stream or 1, payload)
    theirs = DataFrame(stream or 1, payload, flags=["END_STREAM"] * ends)
    assert written == theirs.serialize()
    read = read_head(more + written, len(more))
    assert read == (DATA, int(ends), stream or 1, len(payload))
    assert Foreign.parse_frame_header(memoryview(written[:HEAD]))[1] == len(payload)
    for end in range(HEAD):
        assert read_head(written[:end], 0) is None


def test_the_reserved_bit_is_no_stream() -> None:
    assert read_head(bytes((0, 0, 0, 0, 0, 128, 0, 0, 1)), 0) == (DATA, 0, 2**31 + 1, 0)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=400)), max_size=4))
def test_fields_leave_the_table_of_the_reader_as_it_is(fields: list[tuple[bytes, bytes]]) -> None:
    decoder = Decoder()
    assert list(decoder.decode(write_fields(*fields), raw=True)) == fields
    assert not decoder.header_table.dynamic_entries
