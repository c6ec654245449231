"""Claims: what a request asks for, one by one, in the same form for every engine and policy.

A request is read once into claims, and into violations that no condition covers. Then a policy judges them. So
enforcing, explaining, learning and comparing judge the same claims by the same rules.

Attacks: docs/attacks.md, policy/claim.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias, TypedDict, Unpack

from dockerproxy.api.request import CanonicalRequest, Version, read_version
from dockerproxy.api.secrets import HIDDEN, is_secret
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject, ask
from dockerproxy.policy.places import NOWHERE, Places
from dockerproxy.policy.values import Value
from dockerproxy.text import lower, shorten_ids
from dockerproxy.wire.document import Json, list_of, object_of, show

Object: TypeAlias = dict[str, Json]
Answers: TypeAlias = Mapping[tuple[Kind, str], ResolvedObject]
MOST_LOOKUPS: Final = 32
"""Lookups for one body. Honest clients name fewer objects at once."""

MOST_PORTS: Final = 64
"""Ports that a container publishes. For each, Docker runs two processes on the host."""

MOST_FAULTS: Final = 128
"""Faults to record. A hostile body could cause tens of thousands."""


class Keep:
    """Keeps a value as it is."""


KEEP: Final = Keep()

Substitute: TypeAlias = Json | Keep | Callable[[int], Json]
"""The replacement of a value; a function makes it from the granted amount if an amount is missing."""


class Known(NamedTuple):
    """Known facts about a request besides its head.

    Attributes:
        found: The object in its path; None if still unknown, or there is none.
        body: The body as the only item; None if it has not arrived. An empty body is None in that item.
        answers: Answers to lookups of names in the body.
        nonce: A fresh unguessable text for the stamp; empty if nothing is created.
        places: Where the engine finds the paths that the client mounts.
        most_ports: The ports that a container may publish.
        client: The client's user and group, like `1000:1000`; empty if unknown, or if a container may not have them.
    """

    found: ResolvedObject | None = None
    body: tuple[Json] | None = None
    answers: Answers = MappingProxyType({})
    nonce: str = ""
    places: Places = NOWHERE
    most_ports: int = MOST_PORTS
    client: str = ""


class Fault(NamedTuple):
    """A part of a request that a grant does not allow.

    Attributes:
        path: Its place, like `HostConfig.Binds[0]`; query parameters begin with `?`.
        shown: The parsed value, cut short.
        says: The problem, as a clause.
        word: Word of the condition that could allow it; empty if only `unrestricted` does.
        value: The least value of the condition that would allow it; empty if no list can contain it.
        fix: What the client can write instead, as a clause after "to allow it"; empty without advice.
        is_pattern: The wildcards in the value are not the client's.
    """

    path: str
    shown: str
    says: str
    word: str = ""
    value: Value = ""
    fix: str = ""
    is_pattern: bool = False

    def __str__(self) -> str:
        return f"{self.path} is {self.shown}, {self.says}" if self.shown else f"{self.path} {self.says}".lstrip(" ")

    def name_place(self) -> str:
        """Return the fault for a person who sees all values; without those that are cut or hidden here."""
        return f"{self.path}: {self.says}" if self.shown.endswith(HIDDEN) else str(self)


ENGINE: Final = "the engine"
"""The path of a fault of the engine, which no client can leave out."""


def show_value(path: str, value: Json) -> str:
    """Write a value for a message. Secrets are hidden, and full IDs cut to 12 digits."""
    if value is None:
        return ""
    return HIDDEN if is_secret(path) else shorten_ids(show(value))


def find_fault(path: str, value: Json, says: str, fix: str = "") -> Fault:
    """Return a fault that only an unrestricted grant allows, like `Reading.violate`."""
    return Fault(path, show_value(path, value), says, fix=fix)


class Claim(NamedTuple):
    """One thing that a request asks for. A body has dozens, and named tuples are fast to make.

    Attributes:
        word: Word of the condition that judges it.
        options: Its possible meanings, each with the text's replacement if granted: the first granted one counts. Empty
            if the meaning is uncertain, so that no condition admits it.
        path: Its place.
        shown: The parsed value; None without one.
        says: The problem if it is not granted, as a clause.
        lookup: The lookup that must come before all options are known.
        later: The lookup to do once it is granted, since it may turn out to be a violation; or None.
        target: Path in the body for the engine where a substitute is put; empty if there is none.
        wrong: A fault even if it is granted, except by `unrestricted`; or None.
        without: Default verdict if the grant omits this word; None asks the constraint.
        unless: A word of the grant that judges it elsewhere, so that it is admitted here.
        owned: Its object, or the lookup for it: on a socket with `own`, it is admitted if the client owns the object.
            None if ownership does not apply.
    """

    word: str
    options: tuple[tuple[Hashable, Substitute], ...]
    path: str
    shown: Json
    says: str
    lookup: Lookup | None = None
    later: Lookup | None = None
    wrong: Fault | None = None
    target: str = ""
    without: bool | None = None
    unless: str = ""
    owned: ResolvedObject | Lookup | None = None

    def fault(self, says: str, word: str = "", value: Value = "") -> Fault:
        """Return the fault if it is not granted."""
        return Fault(self.path, show_value(self.path, self.shown), says, word, value)


class More(TypedDict, total=False):
    """Optional attributes of `Claim`."""

    lookup: Lookup | None
    later: Lookup | None
    wrong: Fault | None
    target: str
    without: bool | None
    unless: str
    owned: ResolvedObject | Lookup | None


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Reading:
    """The claims and violations of a request.

    Attributes:
        request: The request's head.
        answers: Answers to lookups of names in it.
        found: The object in its path, if known.
        places: Where the engine finds the paths that the client mounts.
        most_ports: The ports that a container may publish.
        client: The client's user and group, if a container may have them.
        claims: What the request asks for.
        violations: Faults under every grant except `unrestricted`.
        content: The body for the engine, before substitutes of claims.
        query: Replacements of some parameters, by name; empty ones are removed.
    """

    request: CanonicalRequest
    answers: Answers
    found: ResolvedObject | None = None
    places: Places = NOWHERE
    most_ports: int = MOST_PORTS
    client: str = ""
    claims: list[Claim] = field(default_factory=list)
    violations: list[Fault] = field(default_factory=list)
    content: Json = None
    query: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def violate(self, path: str, value: Json, says: str, fix: str = "") -> None:
        """Record a violation, as a clause that follows the value, if there is one."""
        if len(self.violations) < MOST_FAULTS:
            self.violations.append(find_fault(path, value, says, fix))

    def claim(self, word: str, value: Hashable, path: str, shown: Json, says: str = "", **more: Unpack[More]) -> None:
        """Record a claim, with attributes of `Claim`. The value is None if the meaning is uncertain."""
        options = () if value is None else ((value, KEEP),)
        self.claims.append(Claim(word, options, path, shown, says, **more))

    def claim_since(self, word: str, since: Version, path: str) -> None:
        """Record that the engine ignores a field of a condition under API versions older than `since`."""
        version = read_version(self.request.version)
        if version is not None and version < since:
            self.claim(word, None, path, None, f"is ignored by the engine under {self.request.version}")

    def header(self, name: str) -> list[Json]:
        """Return all values of a header field, with a name like `#Host`."""
        wanted = lower(name.removeprefix("#")).encode()
        return [value.decode("latin-1") for key, value in self.request.fields if key == wanted]

    def lookup(self, kind: Kind, name: str) -> Lookup:
        """Return the lookup for a name."""
        return ask(kind, name, self.request.version, self.request.operation)

    def find(self, kind: Kind, name: str) -> ResolvedObject | None:
        """Return the answer to a lookup; None if there was none."""
        return self.answers.get((kind, name))

    def resolve(self, kind: Kind, name: str) -> tuple[ResolvedObject | None, Lookup | None]:
        """Return the answer to a lookup, or the lookup."""
        found = self.find(kind, name)
        return found, self.lookup(kind, name) if found is None else None


def owned(found: ResolvedObject | None, lookup: Lookup | None) -> ResolvedObject | Lookup | None:
    """Return the value of `Claim.owned` for an object that a body names. A missing object is unowned."""
    return lookup if found is None else found if found.document else replace(found, belongs_to="")


class LeaveOut:
    """Removes a value."""


LEAVE_OUT: Final = LeaveOut()

Check: TypeAlias = Callable[[Reading, Json, str, Object], Json | LeaveOut]
"""Reads a value. Returns its replacement for the engine under every grant; None keeps it.

Its arguments are the reading, the value (None if missing), its path, and the surrounding object.
"""


def run_check(check: Check, reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """Run a check on a value. Returns the value for the engine."""
    result = check(reading, value, path, parent)
    return value if result is None else None if isinstance(result, LeaveOut) else result


def items_at(value: object, path: str) -> list[tuple[str, Json]]:
    """Return the items of a list, each with its path."""
    return [(f"{path}[{number}]", item) for number, item in enumerate(list_of(value))]


def objects_at(value: object, path: str) -> list[tuple[str, Object]]:
    """Return the objects of a list, each with its path."""
    return [(where, item) for where, item in items_at(value, path) if isinstance(item, dict)]


def pairs_at(value: object, path: str) -> list[tuple[str, str, Json]]:
    """Return the keys and values of an object, each with its path."""
    return [(f"{path}[{show(key)}]", key, item) for key, item in object_of(value).items()]
