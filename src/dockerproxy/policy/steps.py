"""Steps: what the data path does for a request besides passing it on, and what comes of each.

A plan (`policy/phases`) yields them. It does no I/O and knows no clock, and the data path knows no feature.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, NamedTuple, Self, TypeAlias, TypeVar

from dockerproxy.policy.copies import Fills
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.views.lists import Listing
from dockerproxy.wire.head import END_OF_HEAD

_Result_co = TypeVar("_Result_co", covariant=True)


Answer: TypeAlias = tuple[int, bytes]
"""Status and content."""


class Yielded(Generic[_Result_co]):
    """A plan says `yield from` of it, and gets what came of it."""

    __slots__ = ()

    def __iter__(self) -> Generator[Self, _Result_co, _Result_co]:
        """Yield the step itself."""
        return (yield self)


class UnknownObjectError(Exception):
    """The engine did not say what it was asked. The text is for the client, who gets the status."""

    def __init__(self, says: str, status: int = HTTPStatus.BAD_GATEWAY) -> None:
        super().__init__(says)
        self.status = status


@dataclass(frozen=True, slots=True, repr=False)
class Ask(Yielded[Answer]):
    """Ask the engine something of ours; what comes of it is its `Answer`.

    Attributes:
        method: Of the request.
        target: Of the request.
        content: A body in JSON; None for none.
        is_fixed: Whether it is about an image by its ID, of which only the labels matter, which are asked once.
    """

    method: str
    target: str
    content: bytes | None = None
    is_fixed: bool = False

    @property
    def head(self) -> bytes:
        """Return all of a request without a body."""
        return f"{self.method} {self.target} HTTP/1.1\r\nhost: dockerproxy\r\n\r\n".encode()


@dataclass(slots=True, eq=False, repr=False)
class Find(Yielded[ResolvedObject | None]):
    """Find out which object a name means; what comes of it is a `ResolvedObject`, or None if it means none."""

    lookup: Lookup


class Identify(Yielded[bool]):
    """Ask the engine what it is, over the connection that then gets the request; what comes is whether it is Docker.

    If the engine does not say, the client is told, and the plan ends.
    """

    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class Lock(Yielded[None]):
    """Wait until no other request of an owner has this lock, which is held until the plan is over."""

    owner: str


@dataclass(slots=True, eq=False, repr=False)
class Work(Yielded[_Result_co]):
    """Do what may take long, beside the loop if the content is long. A result of None means that it cannot be read."""

    content: bytes
    do: Callable[[], _Result_co | None]


class Whole(NamedTuple):
    """A whole answer of the engine: as it came, and taken apart."""

    data: bytes
    status: int
    content: bytes

    @property
    def head(self) -> bytes:
        """Its head, with the empty line."""
        return self.data[: self.data.find(END_OF_HEAD) + len(END_OF_HEAD)]


@dataclass(slots=True, eq=False, repr=False)
class Read(Yielded[Whole]):
    """Send a request that changes nothing; what comes of it is a `Whole`. It ends with its client.

    Attributes:
        request: What goes to the engine.
        waits: Whether the answer may take as long as it likes.
        sift: Shortens what has come of a long list.
    """

    request: bytes
    waits: bool = False
    sift: Callable[[bytes], bytes] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Open(Yielded[Whole | None]):
    """Send a request whose answer may be a stream; what comes of it is a `Whole`, or None if it is a stream.

    Attributes:
        request: What goes to the engine.
        waits: Whether the answer may begin as late as it likes.
    """

    request: bytes
    waits: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Perform(Yielded[Answer]):
    """Make a request that is judged as if a client of the same socket had sent it; what comes of it is an `Answer`."""

    ask: Ask


@dataclass(slots=True, eq=False, repr=False)
class Tell(Yielded[None]):
    """Have the log say something about an operation, once for each socket."""

    operation: str
    text: str


class Says(NamedTuple):
    """An answer of ours."""

    status: int
    message: str


class Pass(NamedTuple):
    """The request goes on as it comes, and so does the answer; what is held is held until the engine is done."""


class Stream(NamedTuple):
    """The answer is the stream that was opened, of which the client gets what `show` makes of each line.

    Attributes:
        show: Yields what must be found to know what a client may see of a line, and returns that.
        is_plain: Whether fields of the head go that may say more than they must.
    """

    show: Callable[[bytes], Generator[Find, object, bytes]]
    is_plain: bool


Step: TypeAlias = Ask | Find | Identify | Lock | Work[object] | Read | Open | Perform | Tell
_Result = TypeVar("_Result")
Steps: TypeAlias = Generator[Step, object, _Result]
"""What yields steps, gets what came of each, and returns a result."""


class Scene(NamedTuple):
    """What a plan may look at besides its request.

    Attributes:
        fills: Volumes of the engine that may be filled.
        listed: Lists of the engine's that were read for the same socket, by operation and version.
        now: Seconds since 1970.
    """

    fills: Fills
    listed: dict[tuple[str, str], Listing]
    now: float
