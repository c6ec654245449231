"""Generators of chunked bodies: as clients write them, and as nobody should."""

from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Coded:
    """A content, and one way to write it in chunks."""

    content: bytes
    coded: bytes


CONTENTS = st.lists(st.binary(min_size=1, max_size=40) | st.just(b"0\r\n\r\n") | st.just(b"\r\n"), max_size=5)
SIZES = st.sampled_from(["{:x}", "{:X}", "{:04x}"])
EXTENSIONS = st.sampled_from(["", ";a", ";a=b", ' ; a="b c"', ";\xff"])
TRAILERS = st.lists(st.sampled_from(["X-Sum: 1\r\n", "Content-Length: 5\r\n", "T:\r\n"]), max_size=3)


@st.composite
def coded_bodies(draw: st.DrawFn) -> Coded:
    """Generate bodies in the chunked coding that are as they should be."""
    chunks = draw(CONTENTS)
    coded = b""
    for chunk in chunks:
        line = draw(SIZES).format(len(chunk)) + draw(EXTENSIONS) + "\r\n"
        coded += line.encode("latin-1") + chunk + b"\r\n"
    last = draw(st.sampled_from(["0", "000"])) + draw(EXTENSIONS) + "\r\n" + "".join(draw(TRAILERS)) + "\r\n"
    return Coded(b"".join(chunks), coded + last.encode("latin-1"))


@st.composite
def nearly_coded(draw: st.DrawFn) -> bytes:
    """Generate bodies in the chunked coding that something has happened to."""
    coded = draw(coded_bodies()).coded
    for noise in draw(st.lists(st.sampled_from([b"\r", b"\n", b"0", b"g", b";", b" ", b"\0", b"-"]), max_size=2)):
        at = draw(st.integers(0, len(coded)))
        coded = coded[:at] + noise + coded[at + draw(st.integers(0, 2)) :]
    return coded


@st.composite
def splits(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Cut bytes into the pieces that a connection might bring them in."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
