"""Claims: what a request asks for, one by one, whatever an engine calls it and whatever a policy grants.

A request is read once into claims, and into violations that no condition covers. A policy is asked afterwards. So
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
"""That one body may make us ask the engine. No honest client names so many objects at once."""

MOST_FAULTS: Final = 128
"""That are noted. A body of nothing else would have us write ten thousands of them."""


class Keep:
    """Nothing takes the place of a value."""


KEEP: Final = Keep()

Substitute: TypeAlias = Json | Keep | Callable[[int], Json]
"""What takes the place of a value; of an amount that is missing, made of what the grant says."""


class Known(NamedTuple):
    """What is known of a request besides its head.

    Attributes:
        found: The object that its path names; None if that is not known yet, or it names none.
        body: Its body, as the only item; None if it has not come yet. A body of no bytes is None itself.
        answers: What the engine said of names in the body.
        nonce: A fresh text that nobody can guess, for the stamp; empty where nothing is made.
        places: Where the engine finds what its client mounts.
    """

    found: ResolvedObject | None = None
    body: tuple[Json] | None = None
    answers: Answers = MappingProxyType({})
    nonce: str = ""
    places: Places = NOWHERE


class Fault(NamedTuple):
    """Something in a request that a grant does not let through.

    Attributes:
        path: Where, like `HostConfig.Binds[0]`; a parameter of the query begins with `?`.
        shown: Its value as understood, cut short.
        says: What is wrong with it, as a clause.
        word: Of the condition that could allow it; empty if only `unrestricted` does.
        value: What the condition would have to say at least; nothing if no list can have it.
        fix: What the client would write instead, as a clause that follows "to allow it"; empty if it meant this.
    """

    path: str
    shown: str
    says: str
    word: str = ""
    value: Value = ""
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.path} is {self.shown}, {self.says}" if self.shown else f"{self.path} {self.says}"

    def name_place(self) -> str:
        """Say it to a person who sees all values: of one that is cut or hidden here, only where it stands."""
        return f"{self.path}: {self.says}" if self.shown.endswith(HIDDEN) else str(self)


def show_value(path: str, value: Json) -> str:
    """Write a value for a message; nothing of a secret, and of a whole id 12 digits."""
    if value is None:
        return ""
    return HIDDEN if is_secret(path) else shorten_ids(show(value))


def find_fault(path: str, value: Json, says: str, fix: str = "") -> Fault:
    """Return what only an unrestricted grant allows, as `Reading.violate` notes it."""
    return Fault(path, show_value(path, value), says, fix=fix)


class Claim(NamedTuple):
    """One thing that a request asks for. A body makes dozens, and a named tuple is made in no time.

    Attributes:
        word: Of the condition that speaks of it.
        options: What it may mean, each with what takes the place of the text if that is granted: the first that is
            granted counts. None if nothing certain can be said, so that no condition admits it.
        path: Where it stands.
        shown: Its value as understood; None where nothing is.
        says: What is wrong if it is not granted, as a clause.
        lookup: What the engine must be asked before all options are known.
        later: What the engine must be asked once it is granted, since it may turn out to be a violation; or None.
        target: Path of the place in what goes to the engine where a substitute is put; empty if none is.
        wrong: What is wrong with it even if it is granted, short of `unrestricted`; or None.
        without: Whether it is admitted where no condition speaks of it; None if the constraint knows.
        unless: A word with which a grant speaks of it elsewhere, so that it is admitted here.
        owned: The object that it is about, or what the engine must be asked to know it: on a socket whose clients own
            what they create, it is admitted if it is theirs. None if nothing can be theirs.
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
        """Return what is wrong if it is not granted."""
        return Fault(self.path, show_value(self.path, self.shown), says, word, value)


class More(TypedDict, total=False):
    """What is to be said of some claims only: attributes of `Claim`."""

    lookup: Lookup | None
    later: Lookup | None
    wrong: Fault | None
    target: str
    without: bool | None
    unless: str
    owned: ResolvedObject | Lookup | None


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Reading:
    """What is read out of one request.

    Attributes:
        request: Its head.
        answers: What the engine said of names in it.
        found: The object that its path names, if that is known.
        places: Where the engine finds what its client mounts.
        claims: What it asks for.
        violations: What is wrong with it whatever is granted, short of `unrestricted`.
        content: What goes to the engine as its body, but for substitutes of claims.
        query: What goes to the engine in place of some parameters, by their names; nothing if they are left out.
    """

    request: CanonicalRequest
    answers: Answers
    found: ResolvedObject | None = None
    places: Places = NOWHERE
    claims: list[Claim] = field(default_factory=list)
    violations: list[Fault] = field(default_factory=list)
    content: Json = None
    query: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def violate(self, path: str, value: Json, says: str, fix: str = "") -> None:
        """Note what only an unrestricted grant allows, as a clause that goes on after the value, if there is one."""
        if len(self.violations) < MOST_FAULTS:
            self.violations.append(find_fault(path, value, says, fix))

    def claim(self, word: str, value: Hashable, path: str, shown: Json, says: str = "", **more: Unpack[More]) -> None:
        """Note what is asked for, by attributes of `Claim`; the value is None if nothing certain can be said."""
        options = () if value is None else ((value, KEEP),)
        self.claims.append(Claim(word, options, path, shown, says, **more))

    def claim_since(self, word: str, since: Version, path: str) -> None:
        """Note that an engine leaves out a field of which a condition speaks, under a version older than `since`."""
        version = read_version(self.request.version)
        if version is not None and version < since:
            self.claim(word, None, path, None, f"is ignored by the engine under {self.request.version}")

    def header(self, name: str) -> list[Json]:
        """Return all values that a field of the head has, called like `#Host`."""
        wanted = lower(name.removeprefix("#")).encode()
        return [value.decode("latin-1") for key, value in self.request.fields if key == wanted]

    def lookup(self, kind: Kind, name: str) -> Lookup:
        """Return what to ask the engine about a name."""
        return ask(kind, name, self.request.version, self.request.operation)

    def find(self, kind: Kind, name: str) -> ResolvedObject | None:
        """Return what the engine said of a name; None if it was not asked."""
        return self.answers.get((kind, name))

    def resolve(self, kind: Kind, name: str) -> tuple[ResolvedObject | None, Lookup | None]:
        """Return what the engine said of a name, or what to ask it."""
        found = self.find(kind, name)
        return found, self.lookup(kind, name) if found is None else None


def owned(found: ResolvedObject | None, lookup: Lookup | None) -> ResolvedObject | Lookup | None:
    """Return what `Claim.owned` is for an object that a body names. One that does not exist is nobody's."""
    return lookup if found is None else found if found.document else replace(found, belongs_to="")


class LeaveOut:
    """A value goes no further."""


LEAVE_OUT: Final = LeaveOut()

Check: TypeAlias = Callable[[Reading, Json, str, Object], Json | LeaveOut]
"""Reads a value, and returns what goes to the engine in its place whatever is granted; None if it stays as it is.

Its arguments are the reading, the value (None if there is none), its path, and the object around it.
"""


def run_check(check: Check, reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """Have a check read a value; return what goes to the engine in its place."""
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
