"""Steps: what the data path does for a request besides forwarding it, their results, and holds.

A plan (`policy/phases`) yields steps. Plans do no I/O and know no clock; the data path knows no features.

Requests through this process wait for each other by holds on volumes, own networks and containers. A volume has no ID.
If no volume has the exact name, Podman removes the only one with that prefix. So a request that may remove `db` by a
condition must still find it there, or it removes `db-secret`.

Attacks: docs/attacks.md, policy/steps.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, Generic, NamedTuple, Self, TypeAlias, TypeVar

from dockerproxy.api.podman import begins_as
from dockerproxy.policy.lists import Remembered
from dockerproxy.policy.objects import BY_NAME, SWEEPING, Kind, Lookup, ResolvedObject
from dockerproxy.wire.head import END_OF_HEAD


class PlanKind(Enum):
    """How a request is answered that is not only forwarded. `plans/table` has the steps."""

    BUILD = auto()
    COPY_FILES = auto()
    START = auto()
    REMOVE = auto()
    REMOVE_NETWORK = auto()
    REMOVE_CONTAINERS = auto()
    STOP_AND_REMOVE = auto()
    PRUNE_OWN = auto()
    CREATE = auto()
    MOUNT_UNREAD = auto()
    READ = auto()
    SHOW_LIST = auto()
    WATCH = auto()


REMOVING: Final = BY_NAME | SWEEPING
"""Operations that may remove volumes."""


class Hold(NamedTuple):
    """An object that a request may remove, or needs to exist.

    Attributes:
        name: Kind and name of an object, like `volume/db`, or the prefix of all that it may remove.
        was_judged: It may only remove the object of exactly that name.
        uses: It removes nothing, but needs the object to exist.
    """

    name: str
    was_judged: bool = True
    uses: bool = False

    def precedes(self, later: "Hold") -> bool:
        """Whether a later hold must wait for this one: one was judged by a volume that the other may remove."""
        if self.uses and later.uses:
            return False
        if self.was_judged and later.was_judged:
            return self.name == later.name
        judged, other = (self, later) if self.was_judged else (later, self)
        return judged.was_judged and other.may_remove(judged.name)

    def may_remove(self, name: str) -> bool:
        """Whether the engine may remove an object of that name. Too wide for Docker."""
        return not name.startswith(f"{Kind.CONTAINER}/") and begins_as(name, self.name)


def hold_object(kind: Kind, name: str, *, uses: bool = False) -> Hold:
    """Return a hold on a container or network by its ID, or on a volume by its exact name.

    With an exact name, both engines distinguish the volumes `data` and `Data`. A container does not start while its
    files are copied, and its files are not copied while it starts.
    """
    return Hold(f"{kind}/{name}", uses=uses)


_MOST_FILLED: Final = 10_000

LONGEST_NAME: Final = 1024
"""Characters of a name to remember. Engines have shorter ones."""


class Fills:
    """Names of volumes that were made through this proxy, and that no container has mounted since."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, names: Iterable[str]) -> None:
        """Add volumes that no container has."""
        self._names.update(dict.fromkeys(name for name in names if len(name) <= LONGEST_NAME))
        for oldest in [*self._names][:-_MOST_FILLED]:
            del self._names[oldest]

    def discard(self, names: Iterable[str]) -> None:
        """Remove volumes that a container may have from now on."""
        for name in names:
            self._names.pop(name, None)

    def forget(self, hold: Hold) -> None:
        """Remove the volumes that a request holds to remove or mount them."""
        names = self._names.keys()
        near = names & {hold.name.removeprefix(f"{Kind.VOLUME}/")} if hold.was_judged else names
        self.discard([name for name in near if hold.precedes(hold_object(Kind.VOLUME, name))])

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)


_Result_co = TypeVar("_Result_co", covariant=True)


Answer: TypeAlias = tuple[int, bytes]
"""Status and body."""


class Yielded(Generic[_Result_co]):
    """A step that a plan yields with `yield from`, to get its result."""

    __slots__ = ()

    def __iter__(self) -> Generator[Self, _Result_co, _Result_co]:
        """Yield the step itself."""
        return (yield self)


class UnknownObjectError(Exception):
    """The engine did not answer a question. The client gets the text and the status."""

    def __init__(self, says: str, status: int = HTTPStatus.BAD_GATEWAY) -> None:
        super().__init__(says)
        self.status = status


class OvertakenError(UnknownObjectError):
    """Another client made the object first that a plan was to make. The request is judged again by the new state."""


@dataclass(frozen=True, slots=True, repr=False)
class Ask(Yielded[Answer]):
    """Send a request of the proxy to the engine; the result is its `Answer`.

    Attributes:
        method: HTTP method.
        target: Request target.
        content: A body in JSON; None for none.
        is_fixed: It asks for an image by ID, only for its labels, so the answer is cached.
    """

    method: str
    target: str
    content: bytes | None = None
    is_fixed: bool = False

    @property
    def head(self) -> bytes:
        """Return a complete request without a body."""
        return f"{self.method} {self.target} HTTP/1.1\r\nhost: dockerproxy\r\n\r\n".encode()


@dataclass(slots=True, eq=False, repr=False)
class Find(Yielded[ResolvedObject | None]):
    """Find the object that a name means; the result is a `ResolvedObject`, or None if there is none."""

    lookup: Lookup


class Identify(Yielded[bool]):
    """Ask the engine over the request's connection whether it is Docker; the result is a bool.

    If the engine's answer is unclear, the client gets an error, and the plan ends.
    """

    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class Lock(Yielded[None]):
    """Wait for an owner's lock, and hold it until the plan ends."""

    owner: str


@dataclass(slots=True, eq=False, repr=False)
class Enter(Yielded[None]):
    """Wait for a place among an owner's pending requests, and hold it until the engine has begun this one.

    Attributes:
        what: The key of `quota`.
        most: The number of places.
    """

    what: str
    most: int


@dataclass(slots=True, eq=False, repr=False)
class Work(Yielded[_Result_co]):
    """Run a function, in a thread if the content is long. A result of None means invalid content."""

    content: bytes
    do: Callable[[], _Result_co | None]


class Whole(NamedTuple):
    """A complete answer of the engine, raw and parsed."""

    data: bytes
    status: int
    content: bytes

    @property
    def head(self) -> bytes:
        """The head with the empty line."""
        return self.data[: self.data.find(END_OF_HEAD) + len(END_OF_HEAD)]


@dataclass(slots=True, eq=False, repr=False)
class Read(Yielded[Whole]):
    """Send a request that changes nothing; the result is a `Whole`. Ends with its client.

    Attributes:
        request: The request for the engine.
        waits: The answer may take any time.
        sift: Shortens the received part of a long list.
    """

    request: bytes
    waits: bool = False
    sift: Callable[[bytes], bytes] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Open(Yielded[Whole | None]):
    """Send a request whose answer may be a stream; the result is a `Whole`, or None for a stream.

    Attributes:
        request: The request for the engine.
        waits: The answer may begin at any time.
    """

    request: bytes
    waits: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Perform(Yielded[Answer]):
    """Send a request that is judged like a client's on the same socket; the result is an `Answer`."""

    ask: Ask


@dataclass(slots=True, eq=False, repr=False)
class Tell(Yielded[None]):
    """Log a message about an operation, once per socket."""

    operation: str
    text: str


class Says(NamedTuple):
    """An answer of the proxy."""

    status: int
    message: str


class Pass(NamedTuple):
    """Forward the request and the answer as they come. Holds last until the engine is done."""


class Stream(NamedTuple):
    """The client gets the opened stream, with each line as `show` returns it.

    Attributes:
        show: Yields the steps for a line, and returns the part that the client may see.
        is_plain: Remove header fields that may reveal too much.
    """

    show: "Callable[[bytes], Steps[bytes]]"
    is_plain: bool


Step: TypeAlias = Ask | Find | Identify | Lock | Enter | Work[object] | Read | Open | Perform | Tell
_Result = TypeVar("_Result")
Steps: TypeAlias = Generator[Step, object, _Result]
"""Yields steps, gets their results, and returns a result."""


class Scene(NamedTuple):
    """What a plan may read besides its request.

    Attributes:
        fills: Volumes that the engine may fill.
        listed: Lists of the engine for the same socket, by operation and version.
        now: Seconds since 1970.
    """

    fills: Fills
    listed: Remembered
    now: float
