"""Steps: what the data path does for a request besides passing it on, and what comes of each; and what it holds.

A plan (`policy/phases`) yields them. It does no I/O and knows no clock, and the data path knows no feature.

Requests through this process wait for each other by holds on volumes, own networks and containers. A volume has no id.
Podman removes the one volume whose name begins with what it is given, if none has that very name. So a request that may
remove `db` because a condition allows `db` must find it there still, or it removes `db-secret`.

Attacks: docs/attacks.md, policy/steps.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Generic, NamedTuple, Self, TypeAlias, TypeVar

from dockerproxy.api.podman import begins_as
from dockerproxy.policy.objects import BY_NAME, SWEEPING, Kind, Lookup, ResolvedObject
from dockerproxy.views.lists import Remembered
from dockerproxy.wire.head import END_OF_HEAD

REMOVING: Final = BY_NAME | SWEEPING
"""Operations that may remove volumes."""


class Hold(NamedTuple):
    """What a request may remove, or needs to be there still.

    Attributes:
        name: The kind and name of one object, like `volume/db`, or the beginning of all that it may remove.
        was_judged: Whether it may remove no other than the one of that name.
        uses: Whether it removes nothing, but needs the object to be there still.
    """

    name: str
    was_judged: bool = True
    uses: bool = False

    def precedes(self, later: "Hold") -> bool:
        """Whether a later one must wait for it: one of them was judged by a volume that the other may remove."""
        if self.uses and later.uses:
            return False
        if self.was_judged and later.was_judged:
            return self.name == later.name
        judged, other = (self, later) if self.was_judged else (later, self)
        return judged.was_judged and other.may_remove(judged.name)

    def may_remove(self, name: str) -> bool:
        """Whether the engine may remove an object of that name; for Docker, this is too wide."""
        return not name.startswith(f"{Kind.CONTAINER}/") and begins_as(name, self.name)


def hold_object(kind: Kind, name: str, *, uses: bool = False) -> Hold:
    """Return a hold on one container or network by its ID, or on one volume by its exact name.

    Both engines keep the volumes `data` and `Data` apart when they get an exact name. A container does not start while
    files of it are copied, nor the other way round.
    """
    return Hold(f"{kind}/{name}", uses=uses)


_MOST_FILLED: Final = 10_000


class Fills:
    """Names of volumes that were made through this proxy, and that no container has mounted since."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, names: Iterable[str]) -> None:
        """Remember volumes, which no container has."""
        self._names.update(dict.fromkeys(names))
        for oldest in [*self._names][:-_MOST_FILLED]:
            del self._names[oldest]

    def discard(self, names: Iterable[str]) -> None:
        """Forget volumes that a container may have from now on."""
        for name in names:
            self._names.pop(name, None)

    def forget(self, hold: Hold) -> None:
        """Forget the volumes that a request holds, to remove them or to mount them."""
        names = self._names.keys()
        near = names & {hold.name.removeprefix(f"{Kind.VOLUME}/")} if hold.was_judged else names
        self.discard([name for name in near if hold.precedes(hold_object(Kind.VOLUME, name))])

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)


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


class OvertakenError(UnknownObjectError):
    """Another client has made meanwhile what a plan was to make. The request is decided once more, by what is there."""


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
    listed: Remembered
    now: float
