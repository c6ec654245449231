"""HTTP/1 messages in a stream of bytes.

The reader is as lenient as the most lenient engine: it takes bare LF, unknown methods and any first line. So it sees
every request that a proxy lets through, in any spelling.
"""

from collections.abc import Callable, Generator
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

CHUNKED: Final = -1
"""Length of a body in chunks."""

TO_THE_END: Final = -2
"""Length of a body that ends with the connection."""


class Head(NamedTuple):
    """The first line and the fields."""

    line: str
    fields: tuple[tuple[str, str], ...]

    def find(self, name: str) -> str:
        """Return the values of a field, with commas between them; empty if there is none."""
        return ", ".join(value for key, value in self.fields if key.lower() == name)

    @property
    def upgrade(self) -> str:
        """The protocol that a request asks to switch to; empty if it does not."""
        asks = "upgrade" in self.find("connection").lower()
        return self.find("upgrade").lower() if asks else ""


class Message(NamedTuple):
    """A request or an answer. If its connection ended early, it has only a part of its body."""

    head: Head
    body: bytes

    @property
    def meaning(self) -> tuple[object, ...]:
        """The parts of a request that select an operation, decoded: method, path and query."""
        method, target = split_line(self.head.line)
        parts = urlsplit(target) if not target.startswith("//") else urlsplit(f"http://docker{target}")
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return method, unquote(parts.path), query

    def __str__(self) -> str:
        method, target = split_line(self.head.line)
        written = "".join(each if " " <= each <= "~" else f"\\x{ord(each):02x}" for each in f"{method} {target}")
        extras = [f"upgrade {self.head.upgrade}"] if self.head.upgrade else []
        extras += [f"{len(self.body)} bytes"] if self.body else []
        return " + ".join((written, *extras))


class Messages:
    """Cuts a stream into messages. `measure` tells the length of a body from the head before it."""

    def __init__(self, measure: Callable[[Head], int]) -> None:
        self._measure = measure
        self._buffer = bytearray()
        self._found: list[Message] = []
        self._lines: list[str] = []
        self.head: Head | None = None
        """The head of the message whose body is being read."""

        self._body = bytearray()
        self._reading = self._read()

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that end with these bytes."""
        self._buffer += data
        next(self._reading)
        found, self._found = self._found, []
        return found

    def finish(self) -> Message | None:
        """Return the message that has begun and not ended."""
        if self.head is None and (self._lines or self._buffer):
            return Message(parse_head([*self._lines, self._buffer.decode("latin-1")]), b"")
        return None if self.head is None else Message(self.head, bytes(self._body))

    def _read(self) -> Generator[None, None, None]:
        while True:
            while (line := (yield from self._take_line())) or not self._lines:
                self._lines += [line] if line else []
            self.head = parse_head(self._lines)
            self._lines = []
            yield from self._take_body(self._measure(self.head))
            self._found.append(Message(self.head, bytes(self._body)))
            self.head, self._body = None, bytearray()

    def _take_line(self) -> Generator[None, None, str]:
        while (end := self._buffer.find(b"\n")) < 0:
            yield
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r").decode("latin-1")

    def _take_body(self, length: int) -> Generator[None, None, None]:
        if length != CHUNKED:
            yield from self._take(length)
            return
        while size := read_number((yield from self._take_line()).partition(";")[0], base=16):
            yield from self._take(size)
            yield from self._take_line()
        while (yield from self._take_line()):
            pass

    def _take(self, length: int) -> Generator[None, None, None]:
        while length:
            if not self._buffer:
                yield
                continue
            piece = self._buffer[:length] if length > 0 else self._buffer[:]
            del self._buffer[: len(piece)]
            self._body += piece
            length = length - len(piece) if length > 0 else length


def measure_request(head: Head) -> int:
    """Tell the length of a request's body."""
    if "chunked" in head.find("transfer-encoding").lower():
        return CHUNKED
    return read_number(head.find("content-length").partition(",")[0])


def read_number(text: str, base: int = 10) -> int:
    """Read a number like a careless reader: it wraps at 64 bits, and invalid numbers count as 0."""
    try:
        return max(int(text, base), 0) % (1 << 64)
    except ValueError:
        return 0


def parse_head(lines: list[str]) -> Head:
    """Return the head of a message from its lines, and join folded ones."""
    unfolded: list[str] = []
    for line in lines[1:]:
        if line[:1] in {" ", "\t"} and unfolded:
            unfolded[-1] += f" {line.strip()}"
        else:
            unfolded.append(line)
    pairs = (line.partition(":") for line in unfolded)
    return Head(lines[0], tuple((name.strip(), value.strip()) for name, _, value in pairs))


def split_line(line: str) -> tuple[str, str]:
    """Return the method and the target of a request line."""
    words = line.split()
    if len(words) > 1 and words[-1].upper().startswith("HTTP/"):
        words.pop()
    return (words[0], " ".join(words[1:])) if words else ("", "")
