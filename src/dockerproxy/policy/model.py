"""The policy of a socket as values: grants, denials, and settings.

All values are made at load time. Without a grant, an operation is denied; a denial wins over every grant; order has no
meaning. Create grants form one profile: a single grant for each kind, combined from a preset and a line of the file.

Attacks: docs/attacks.md, policy/model.
"""

import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import MOST_PORTS, Fault, Object, Reading
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.places import NOWHERE, Places
from dockerproxy.policy.steps import Answer, Ask, PlanKind, Says, Scene, Steps
from dockerproxy.policy.values import Value, write_value
from dockerproxy.policy.vocabulary import refuse_to_bound
from dockerproxy.policy.words.constraint import Condition

CREATES: Final = (
    *("ContainerCreate", "ServiceCreate", "NetworkCreate", "VolumeCreate", "SecretCreate", "ConfigCreate"),
    *("ImageCreate", "ImageBuild"),
)
"""Operations with a single contained grant per socket."""

_CHANGES: Final = ("ContainerExec", "ContainerRename", "ContainerUpdate", "NetworkConnect")
CREATED_BY: Final = {
    **dict.fromkeys(_CHANGES, "ContainerCreate"),
    **{f"{kind}Update": f"{kind}Create" for kind in ("Config", "Secret", "Service")},
}
"""For operations that change an object, the operation that creates it."""


ASK: Final = "ask"
"""A value of `mode` that is not in `Mode`: like `enforce`, but a person may allow a denied request."""


class Mode(StrEnum):
    """What happens to requests that the policy does not allow."""

    ENFORCE = "enforce"
    REPORT = "report"
    LEARN = "learn"


class Source(NamedTuple):
    """Where something is allowed or denied: as text, like `CONTAINERS=1` or `containers:read (policy.yaml:12)`.

    Attributes:
        word: What the operator wrote: an operation, a section, a preset, or a switch with its value.
        file: The name of the file, or the option of the command line; empty for a switch.
        line: In this file, from 1; 0 if there is none.
    """

    word: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Return the word with its place."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.word} ({place})" if place else self.word


class Grant(NamedTuple):
    """A line that allows operations.

    Attributes:
        operations: Names of operations.
        source: The operator's line.
        conditions: All of them must hold for a request.
    """

    operations: frozenset[str]
    source: Source
    conditions: tuple[Condition, ...] = ()


def values_of(conditions: tuple[Condition, ...]) -> Mapping[str, Value]:
    """Return values by word, as in a policy file."""
    return {condition.word: condition.value for condition in conditions}


class Denial(NamedTuple):
    """A line that denies operations, overriding every grant."""

    operations: frozenset[str]
    source: Source


class Uses(NamedTuple):
    """Owned objects that a create uses.

    Attributes:
        mounts: Volumes that it may mount, unchanged since the decision.
        makes: The missing ones of these, with their labels. The proxy makes them first, with the client's stamp.
        joins: IDs of networks that it joins, which must still exist.
        shares: Networks that it joins, or has joined, which others may use, too.
        names: Its names there, in lower case, which no other request may take meanwhile.
    """

    mounts: tuple[str, ...] = ()
    makes: Mapping[str, Mapping[str, object]] = MappingProxyType({})
    joins: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


NO_USES: Final = Uses()


class Making(NamedTuple):
    """A create, as a tenancy sees it.

    Attributes:
        request: The head of the create.
        content: The body for the engine.
        uses: Owned objects that it uses.
        nonce: The nonce of its stamp.
        is_counted: A quota may deny it.
    """

    request: CanonicalRequest
    content: bytes
    uses: Uses
    nonce: str
    is_counted: bool


class Tenancy:
    """Ownership of what clients create. This base class has none, and does nothing.

    Attributes:
        owner: The owner; empty without ownership.
    """

    owner: str = ""

    @property
    def most(self) -> Mapping[str, int]:
        """The limit for each word of a quota; empty without limits."""
        return {}

    def owns(self, _found: ResolvedObject) -> bool:
        """Whether the clients own an object."""
        return False

    def refuses(self, _name: str, *, is_open: bool) -> str:  # noqa: ARG002 (it is what others ask)
        """Return the quotas that an operation would bypass under a grant, as words in a sentence; empty if none."""
        return ""

    def counts(self, _name: str) -> str:
        """Return the quotas that are checked before an operation; empty if none."""
        return ""

    def bound(self, _name: str, grants: Sequence[Grant], _creates: Mapping[str, Sequence[Grant]]) -> Iterable[Grant]:
        """Limit the grants of a change by the create grants that are not denied."""
        return grants

    def stamp(self, _nonce: str) -> Mapping[str, str] | None:
        """Return the ownership labels for a new object; None without ownership."""
        return None

    def stamp_volumes(self, create: Object, _stamp: Mapping[str, str]) -> Object:
        """Return the body of a create with a stamp on its anonymous volumes."""
        return create

    def use(self, _read: Reading) -> Uses:
        """Return the objects that a request uses, and the names that it takes."""
        return NO_USES

    def prepare(self, _create: Making, _scene: Scene) -> Steps[Says | None]:
        """Prepare a create. Returns an answer if it must not go on."""
        yield from ()
        return None

    def prune(self, _request: CanonicalRequest, _now: float) -> Generator[Ask, Answer, Answer]:
        """Yield the requests of a prune of owned objects. Returns its answer."""
        yield from ()
        return HTTPStatus.OK, b"{}"


NOBODYS: Final = Tenancy()


class Bounds(NamedTuple):
    """Limits of every socket, which keys of `quota` change.

    Attributes:
        starts: Starts and execs of an owner that the engine has not begun.
        ports: Ports that a container publishes.
        builds: Builds of an owner at one time.
    """

    starts: int = 16
    ports: int = MOST_PORTS
    builds: int = sys.maxsize

    @property
    def changed(self) -> Mapping[str, int]:
        """Return the limits that are not the default."""
        return {word: most for word, most in self._asdict().items() if most != self._field_defaults[word]}


class Granted(Protocol):
    """A case of an operation (`policy/compile`), as advice reads it."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All of them must hold."""

    @property
    def by_word(self) -> Mapping[str, Condition]:
        """The conditions by word."""

    @property
    def source(self) -> Source:
        """The line that allows it."""


class Compiled(Protocol):
    """A compiled policy, as advice reads it."""

    @property
    def policy(self) -> "Policy":
        """The source policy."""

    @property
    def cases(self) -> Mapping[str, Sequence[Granted]]:
        """Cases that may allow each operation."""

    @property
    def owner(self) -> str:
        """The owner of what clients create; empty without ownership."""


@dataclass(frozen=True)
class Denied:
    """Why a request is denied. The policy's advice makes a sentence of it when needed.

    Attributes:
        operation: What was asked; empty if `says` is the whole text.
        policy: The policy that denies it.
        says: What is wrong, as a clause; empty if it is that no grant allows it.
        case: The nearest grant; None if none was judged.
        faults: What is wrong under this grant.
        waiting: Possible faults for which the engine was not asked.
        images: The images that the request names, by the words that admit them.
        others: The name of another client's object, as the only item; else empty.
        bar: Why the answer would show hidden data, as a clause.
        asked: The person's answer, or why none was asked, as a clause.
        by_person: A person denied it.
    """

    operation: str
    policy: Compiled = field(compare=False, repr=False)
    says: str = ""
    case: Granted | None = None
    faults: tuple[Fault, ...] = ()
    waiting: tuple[Fault, ...] = ()
    images: Mapping[str, Value] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    bar: str = ""
    asked: str = ""
    by_person: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """Its texts, which may come from the engine."""
        faults = (*self.faults, *self.waiting)
        return self.says, *self.others, *map(str, faults), *(write_value(each.value) for each in faults)

    @cached_property
    def text(self) -> str:
        """The sentence."""
        return self.policy.policy.advice.write(self)


class Advice:
    """Writes denials, and finds what grants lack. This base class only says what was denied, and why."""

    def write(self, denied: Denied) -> str:
        """Return a denial as a sentence."""
        what = denied.operation and f"{denied.operation} denied"
        return ": ".join(filter(None, (what, denied.says or denied.bar, *map(str, denied.faults))))

    def find_needs(
        self, _read: Reading, _granted: Sequence[Condition] = (), *, asks: bool = True
    ) -> Mapping[str, Value] | Lookup:
        """Return the words that a contained grant needs for a request, with their values, or the lookup to do first."""
        del asks
        return refuse_to_bound("nobody can say what it needs")


class Policy(NamedTuple):
    """What the clients of one socket may do.

    Attributes:
        grants: What is allowed.
        denials: What is denied although it is granted.
        advice: Writes denials, and finds what grants lack.
        mode: What happens to requests that are not allowed.
        lines: Creates with a line of their own, besides presets and sections.
        tenancy: Ownership of what clients create, if a grant has `own`.
        places: Where the engine finds the paths that clients mount.
        client: User and group of all clients, for `user: client`; empty if each connects with its own.
        hides: Words of `api/answers` to hide in the engine's answers.
        asks: Mode `ask`: it denies like `enforce` unless a person allows the request.
        bounds: Limits that need no word.
        taken: Patterns of repositories that clients of other owners build.
    """

    grants: tuple[Grant, ...]
    denials: tuple[Denial, ...]
    advice: Advice = Advice()
    mode: Mode = Mode.ENFORCE
    lines: frozenset[str] = frozenset()
    tenancy: Tenancy = NOBODYS
    places: Places = NOWHERE
    client: str = ""
    hides: frozenset[str] = frozenset()
    asks: bool = False
    bounds: Bounds = Bounds()
    taken: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """The owner of what clients create, if a grant has `own`."""
        return self.tenancy.owner

    @property
    def mode_word(self) -> str:
        """The value of `mode` in a policy file."""
        return ASK if self.asks else self.mode


class Decision(NamedTuple):
    """The answer to a request. It is made when the policy is compiled, and shared by requests.

    Attributes:
        allowed: Whether the request is forwarded.
        sources: The grant or denial that decided; of a request that no grant allows, all of the operation.
        denied: Why it is denied; None if it is allowed.
        told: The same for the client, if it may not know all of it; else None.
        status: Status of the answer to a denied request.
        about_object: It depends on the object's current state, so the request must name the object by ID.
        content: Replaces the body, if it was read; None keeps it.
        query: Replaces some parameters, by name.
        fixed: Parameters that always get these values; empty ones are removed.
        shows: Conditions of each grant. A list shows, or a prune removes, elements that meet those of any grant;
            without any, all.
        copies: Volumes of a contained create into which the engine may copy files; None if the body was not judged.
        uses: Owned objects that it uses.
        plan: The kind of plan that the grant needs: `BUILD` asks the engine whether it is Docker, `COPY_FILES` is for a
            container that must not start meanwhile, `START` waits until its files are copied.
        is_final: No further grant would allow the request.
        walks: The body is an archive of which the engine gets only what was walked.
    """

    allowed: bool
    sources: tuple[Source, ...] = ()
    denied: Denied | None = None
    told: Denied | None = None
    status: int = 403
    about_object: bool = False
    content: bytes | None = None
    query: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    fixed: Mapping[str, str] = MappingProxyType({})
    shows: tuple[Mapping[str, Condition], ...] = ()
    copies: tuple[str, ...] | None = None
    uses: Uses = NO_USES
    plan: PlanKind | None = None
    is_final: bool = False
    walks: bool = False

    @property
    def source(self) -> str:
        """The sources as text; empty if no line mentions the operation."""
        return " or ".join(map(str, self.sources))

    @property
    def message(self) -> str:
        """The denial for the client; empty without one."""
        denied = self.told or self.denied
        return "" if denied is None else denied.text

    @property
    def reason(self) -> str:
        """The denial for the log, if the client may not know all of it; else empty."""
        return "" if self.told is None or self.denied is None else self.denied.text
