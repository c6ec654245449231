"""The body of a request: taken from what came, framed anew for the engine."""

from dockerproxy.wire.chunked import LAST_CHUNK, Chunks, write_chunk
from dockerproxy.wire.head import Framing, RequestHead


class RequestBody:
    """Reads one body.

    Attributes:
        complete: Whether all of it was taken.
        received: Bytes of content so far.
        broken: Why it has no reading, or empty.
    """

    def __init__(self, head: RequestHead) -> None:
        self.complete = head.framing is Framing.NONE
        self.received = 0
        self.broken = ""
        self._left = head.length
        self._chunks = Chunks() if head.framing is Framing.CHUNKED else None

    def is_at_most(self, size: int) -> bool:
        """Whether it is known to have no more than `size` bytes left."""
        return self._chunks is None and self._left <= size

    def take(self, buffer: bytearray) -> bytes:
        """Take what belongs to the body off the buffer; return what the engine gets for it."""
        if self._chunks is None:
            data = bytes(buffer[: self._left])
            del buffer[: self._left]
            self._left -= len(data)
            self.received += len(data)
            self.complete = not self._left
            return data
        data = bytes(buffer)
        fed = self._chunks.feed(data)
        del buffer[: fed.used]
        self.broken = fed.broken
        pieces = [data[start:end] for start, end in fed.payload]
        self.received += sum(map(len, pieces))
        self.complete = self._chunks.ended
        return b"".join(map(write_chunk, pieces)) + (LAST_CHUNK if self.complete else b"")
