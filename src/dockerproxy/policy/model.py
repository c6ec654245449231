"""What one can say about a socket: grants, denials, and what they are subject to.

Everything here is a value made at load time. What is not granted is refused; a denial wins over every grant;
the order says nothing. What clients may create is one profile: a grant for each kind, made of a preset and a line of
the file.

Attacks: docs/attacks.md, policy/model.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Claim, Object
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.places import NOWHERE, Places
from dockerproxy.policy.steps import Answer, Ask, Says, Scene, Steps
from dockerproxy.policy.values import ADD, Value, merge
from dockerproxy.policy.words.constraint import Condition

CREATES: Final = (
    *("ContainerCreate", "ServiceCreate", "NetworkCreate", "VolumeCreate", "SecretCreate", "ConfigCreate"),
    *("ImageCreate", "ImageBuild"),
)
"""Operations of which a socket has one contained grant."""

_CHANGES: Final = ("ContainerExec", "ContainerRename", "ContainerUpdate", "NetworkConnect")
CREATED_BY: Final = {
    **dict.fromkeys(_CHANGES, "ContainerCreate"),
    **{f"{kind}Update": f"{kind}Create" for kind in ("Config", "Secret", "Service")},
}
"""For operations that change what was created: the one that creates it."""


def complete(preset: tuple[Condition, ...], line: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return what a preset and a line say of a create together: lists that permit add up, else the line goes first."""
    said = {condition.word: condition for condition in preset}
    for condition in line:
        other = said.get(condition.word)
        adds_up = isinstance(condition.value, tuple) and not condition.constraint.narrows
        value = merge(other.value, condition.value) if adds_up and other is not None else None
        said[condition.word] = condition if value is None else Condition(condition.constraint, value)
    return tuple(said.values())


ASK: Final = "ask"
"""A word for `mode` that is none of `Mode`: what asks enforces, until somebody has answered."""


class Mode(StrEnum):
    """What becomes of a request that the policy does not allow."""

    ENFORCE = "enforce"
    REPORT = "report"
    LEARN = "learn"


class Grant(NamedTuple):
    """A line that allows operations.

    Attributes:
        operations: Names of operations.
        source: What the operator wrote and where, like `CONTAINERS=1` or `containers:read (policy.yaml:12)`.
        conditions: What a request must keep to, all of it.
    """

    operations: frozenset[str]
    source: str
    conditions: tuple[Condition, ...] = ()


def values_of(conditions: tuple[Condition, ...]) -> Mapping[str, Value]:
    """Return conditions as a policy file has them: values by their words."""
    return {condition.word: condition.value for condition in conditions}


class Denial(NamedTuple):
    """A line that refuses operations whatever is granted."""

    operations: frozenset[str]
    source: str


class Uses(NamedTuple):
    """What a create uses because it is its client's own.

    Attributes:
        mounts: Volumes that it may mount as they are now.
        makes: Those of them that do not exist, with their labels: they are made under the client's stamp before it.
        joins: IDs of networks that it joins, which must be there still.
    """

    mounts: tuple[str, ...] = ()
    makes: Mapping[str, Mapping[str, object]] = MappingProxyType({})
    joins: tuple[str, ...] = ()


NO_USES: Final = Uses()


class Making(NamedTuple):
    """What is made.

    Attributes:
        request: The head of the create.
        content: Its body, as it goes on.
        uses: What it uses that is its client's own.
        nonce: Of its stamp.
        is_counted: Whether a quota may refuse it.
    """

    request: CanonicalRequest
    content: bytes
    uses: Uses
    nonce: str
    is_counted: bool


class Tenancy:
    """Whose what clients create is. By this one it is nobody's, which takes part in nothing.

    Attributes:
        owner: Who owns it; empty if nobody does.
    """

    owner: str = ""

    @property
    def most(self) -> Mapping[str, int]:
        """How many of each word of a quota there may be; nothing if there is no limit."""
        return {}

    def owns(self, _found: ResolvedObject) -> bool:
        """Whether an object is the clients' own."""
        return False

    def refuses(self, _name: str, *, is_open: bool) -> str:  # noqa: ARG002 (it is what others ask)
        """Say what of it an operation would get around under a grant, as words in a sentence; empty if nothing."""
        return ""

    def counts(self, _name: str) -> str:
        """Say what is counted before an operation goes on; empty if nothing is."""
        return ""

    def bound(self, _name: str, grants: Sequence[Grant], _creates: Mapping[str, Sequence[Grant]]) -> Iterable[Grant]:
        """Bound the grants of an operation that changes what is there by those of creates, which are not denied."""
        return grants

    def stamp(self, _nonce: str) -> Mapping[str, str] | None:
        """Return the labels that say whose something is that is made now; None if it is nobody's."""
        return None

    def stamp_volumes(self, create: Object, _stamp: Mapping[str, str]) -> Object:
        """Return the body of a create with a stamp on the volumes without a name that it makes."""
        return create

    def use(self, _claims: Iterable[Claim]) -> Uses:
        """Return what a create uses because it is its client's own."""
        return NO_USES

    def prepare(self, _create: Making, _scene: Scene) -> Steps[Says | None]:
        """Do what must be done before a create goes on; return what is said instead if it must not go on."""
        yield from ()
        return None

    def prune(self, _request: CanonicalRequest, _now: float) -> Generator[Ask, Answer, Answer]:
        """Yield the requests that a prune of the clients' own takes, get their answers, and return its answer."""
        yield from ()
        return HTTPStatus.OK, b"{}"


NOBODYS: Final = Tenancy()


class Policy(NamedTuple):
    """What the clients of one socket may do.

    Attributes:
        grants: What is allowed.
        denials: What is not, in spite of them.
        hint: Says what an operator would change to have an operation allowed.
        mode: What becomes of a request that is not allowed.
        remedy: How to add a grant, for `propose`.
        lines: Creates that have a line of their own, besides those of presets and sections.
        tenancy: Whose what its clients create is, if a grant speaks of `own`.
        places: Where the engine finds what its clients mount.
        hides: What is left out of the engine's answers, in words of `api/answers`.
        asks: Whether a person may allow what is not: mode `ask`, which denies like `enforce` unless somebody does.
    """

    grants: tuple[Grant, ...]
    denials: tuple[Denial, ...]
    hint: Callable[[str], str]
    mode: Mode = Mode.ENFORCE
    remedy: str = ADD
    lines: frozenset[str] = frozenset()
    tenancy: Tenancy = NOBODYS
    places: Places = NOWHERE
    hides: frozenset[str] = frozenset()
    asks: bool = False

    @property
    def owner(self) -> str:
        """Whose what its clients create is, if a grant speaks of `own`."""
        return self.tenancy.owner

    @property
    def mode_word(self) -> str:
        """What a policy file calls what becomes of a request that is not allowed."""
        return ASK if self.asks else self.mode


class Decision(NamedTuple):
    """The answer to a request, made when the policy is compiled and shared by all requests that get it.

    Attributes:
        allowed: Whether the request goes on.
        source: The grant or denial that decided; empty where nothing speaks of the operation.
        message: For the client of a request that is not allowed: what was denied, and how to allow it.
        reason: The same for the log, where it may say more than the client may know; else empty.
        status: Of the answer to a request that is not allowed.
        about_object: Whether it holds for the object as it is now, so that the request must go on under its id.
        content: What goes on as the body, of a request whose body was read; None if that is what came.
        query: What goes on in place of some parameters, by their names.
        fixed: Parameters that the engine gets with these values, whatever the client says; empty ones are left out.
        shows: By which conditions, of any of several grants, an element of a list is shown, or removed by a prune; all
            are if there are none.
        copies: Volumes that a contained create makes or mounts, into which the engine may copy files of the image; None
            if its body was not judged.
        uses: What it uses because it is the client's own.
        plan: Which plan the grant needs: `build` asks the engine over the same connection whether it is Docker, `copy`
            copies files of a container that must not start meanwhile, `start` waits until they are copied.
        is_final: Whether no further grant would allow it.
    """

    allowed: bool
    source: str
    message: str = ""
    status: int = 403
    about_object: bool = False
    content: bytes | None = None
    query: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    fixed: Mapping[str, str] = MappingProxyType({})
    reason: str = ""
    shows: tuple[Mapping[str, Condition], ...] = ()
    copies: tuple[str, ...] | None = None
    uses: Uses = NO_USES
    plan: Literal["", "build", "copy", "start"] = ""
    is_final: bool = False
