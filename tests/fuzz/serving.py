"""What becomes of the bytes of a client, as `proxy/exchange` has it, without an event loop: what the engine would get.

Each request is taken for answered as soon as it has come; so one that follows is read at once.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from fuzz.engine import settle

from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Judged, NeedsBody, Verdict
from dockerproxy.wire.incoming import HeldBody, Inbox, RequestBody

_MOST_OF_HEAD: Final = 1024
_MOST_OF_REWRITTEN: Final = 16384
MOST_HELD: Final = 512


@dataclass(frozen=True)
class Exchange:
    """One request, as far as it has come.

    Attributes:
        came: Its head, as the client sent it.
        judged: What was made of it.
        to_engine: What the engine has got.
        is_whole: Whether all of it has come.
    """

    came: bytes
    judged: Judged
    to_engine: bytes
    is_whole: bool


@dataclass
class Connection:
    """Reads what a client sends until it has no single reading.

    Attributes:
        policy: By which it is judged.
        longest: Bytes that a head may have.
        exchanges: The requests so far.
        refusal: Why no more is read.
    """

    policy: CompiledPolicy
    longest: int = _MOST_OF_HEAD
    exchanges: list[Exchange] = field(default_factory=list)
    refusal: Refusal | None = None
    _inbox: Inbox = field(default_factory=Inbox)
    _head: bytes = b""
    _body: RequestBody | None = None

    def feed(self, data: bytes) -> None:
        """Take a piece."""
        self._inbox.put(data)
        while self._inbox.data and self.refusal is None:
            body = self._body
            if body is not None:
                self._take_body(body)
            elif not self._take_head():
                return

    def _take_head(self) -> bool:
        head = self._inbox.take_head(self.longest)
        self._head = head if isinstance(head, bytes) else b""
        judged = judge(self.policy, head) if isinstance(head, bytes) else head
        if judged is None:
            return False
        if isinstance(judged, NeedsBody):
            self._hold(judged)
        else:
            self._begin(settle(judged, b""))
        return True

    def _hold(self, judged: NeedsBody) -> None:
        self.exchanges.append(Exchange(self._head, judged, b"", is_whole=False))
        self._body = body = HeldBody(judged.head, MOST_HELD)
        if body.broken:
            self.refusal = Refusal(body.status, body.broken)
        elif body.complete:
            self._decide(b"")

    def _decide(self, content: bytes) -> None:
        """Decide about the last request, whose body was held."""
        self._body = None
        waiting = self.exchanges.pop()
        self._begin(settle(waiting.judged, content))

    def _begin(self, judged: Verdict | Refusal) -> None:
        if isinstance(judged, Refusal):
            self.refusal = judged
            return
        self.exchanges.append(Exchange(self._head, judged, judged.to_engine, is_whole=judged.is_whole))
        self._body = None if judged.is_whole else RequestBody(judged.head)

    def _take_body(self, body: RequestBody) -> None:
        pieces, used = body.feed(bytes(self._inbox.data))
        self._inbox.take(used)
        if body.broken:
            self.refusal = Refusal(body.status, body.broken)
        elif isinstance(body, HeldBody):
            if body.complete:
                self._decide(bytes(body.content))
        else:
            last = self.exchanges.pop()
            more = b"".join(pieces) if isinstance(last.judged, Verdict) and last.judged.passes else b""
            self.exchanges.append(replace(last, to_engine=last.to_engine + more, is_whole=body.complete))
            self._body = None if body.complete else body


def serve_again(policy: CompiledPolicy, exchange: Exchange) -> Connection:
    """Return what becomes of what the engine gets; it may be longer than what came, where names are written out."""
    connection = Connection(policy, _MOST_OF_REWRITTEN)
    connection.feed(exchange.to_engine)
    return connection


def serve(policy: CompiledPolicy, pieces: list[bytes]) -> Connection:
    """Return what becomes of what a client sends in some pieces."""
    connection = Connection(policy)
    for piece in pieces:
        connection.feed(piece)
    return connection
