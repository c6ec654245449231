"""Compile a policy to a table: for each operation, the cases in order, and the answer if none matches.

Everything that does not depend on a request is computed here, once.

Attacks: docs/attacks.md, policy/compile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import islice
from typing import Final, NamedTuple

from dockerproxy.api.answers import COUNTING
from dockerproxy.api.bodies.tables import BODIES, SEALED, Body
from dockerproxy.api.catalog import BUILD_TUNNELS, HEALTH, OPERATIONS, UNKNOWN
from dockerproxy.policy.claim import Reading
from dockerproxy.policy.image_grants import SEEN, list_seen, needs_tags, show_images
from dockerproxy.policy.list_filters import LISTED
from dockerproxy.policy.model import (
    NOBODYS,
    Decision,
    Denied,
    Grant,
    Mode,
    Policy,
    Source,
    Tenancy,
    values_of,
)
from dockerproxy.policy.nesting import find_roots, list_binds
from dockerproxy.policy.objects import (
    BUILD,
    KINDS,
    OWN,
    PULL,
    PUSH,
    REMOVAL,
    SERVICES,
    TAGGING,
    Lookup,
    words_of_object,
)
from dockerproxy.policy.steps import PlanKind
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.vocabulary import CONSTRAINTS, SWITCHED, UNRESTRICTED, is_about_object, is_of_body
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.images import sent_by
from dockerproxy.policy.words.own import Own, own_by
from dockerproxy.policy.words.parameters import EITHER
from dockerproxy.policy.words.running import RUNNING_PROGRAMS, STARTING, keeps_stopped
from dockerproxy.policy.words.user import CLIENT
from dockerproxy.response_filters.hiding import find_bar

_SENDING: Final = SERVICES | {PULL, PUSH}
"""Operations with which the engine pulls or pushes images by name."""

_ANY: Final = ("**",)

_CONTAINERS: Final = ("ContainerList", "ContainerListLibpod")
"""If these lists are incomplete, counts are hidden."""

_REACHING: Final = frozenset(
    {"CheckpointCreate", "CheckpointDelete", "CheckpointList", "ContainerChanges", "ContainerChangesLibpod"}
)
"""Operations that reach any host directory: by name, or by a link that an engine follows to find changes."""

_FORCED: Final = Condition(EITHER, value=True)
_UNFORCED: Final = {"force": "", "noprune": "1"}
"""A removal by `tags` accepts force, which the docker command line sends, but does not force, or remove parents."""

_FIXED_OF_BUILDS: Final = {"nocache": "1", "rm": "1", "forcerm": "1", "pull": ""}
"""A build runs all its steps, leaves no containers, and replaces no image by a newer one from a registry."""

_ALWAYS: Final = Source("always")

OF_OBJECTS: Final = {name for name in OPERATIONS if OWN in (words_of_object(name) or LISTED.get(name, ()))}

OWN_GRANT: Final = Grant(
    frozenset(OF_OBJECTS - {*SEALED, *_REACHING} | SEEN),
    Source(OWN),
    (Condition(CONSTRAINTS[OWN], value=True),),
)
"""The grant behind the word `own`: everything that can be done to existing objects, for those of this socket's clients.

Images have no owner, so it shows those that the socket's grants name.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A decision with its conditions, all of which must hold.

    Attributes:
        conditions: Conditions on a request.
        decision: The answer if they hold.
        body: The table of the request's fields; None if they may be anything.
        by_word: The conditions by word.
        of_body: The same for claims of a body, with the one on own objects.
        judges_head: Some conditions are about the head, or the object in the path.
        beside: Condition that also admits objects in a body: the client's own.
        sends: Condition on images in a body that the engine pulls or pushes.
        stamped: Places of the stamp in an unread body; empty without ownership.
    """

    conditions: tuple[Condition, ...]
    decision: Decision
    body: Body | None = None
    judges_head: bool = field(default=False, compare=False)
    beside: Condition | None = field(default=None, compare=False)
    stamped: tuple[str, ...] = ()
    sends: Condition | None = None
    by_word: Mapping[str, Condition] = field(init=False, compare=False, repr=False)
    of_body: Mapping[str, Condition] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Index the conditions."""
        by_word = {condition.word: condition for condition in self.conditions}
        of_body = by_word if self.beside is None else {self.beside.word: self.beside, **by_word}
        of_body = of_body if self.sends is None else {**of_body, self.sends.word: self.sends}
        object.__setattr__(self, "by_word", by_word)  # Sets computed fields of a frozen value.
        object.__setattr__(self, "of_body", of_body)

    @property
    def source(self) -> Source:
        """The line that allows it."""
        return self.decision.sources[0]

    @property
    def reads_body(self) -> bool:
        """Whether the decision needs the body."""
        return bool(self.stamped) or (self.body is not None and self.body.is_read)


class CompiledPolicy(NamedTuple):
    """The policy in the form that judges requests.

    Attributes:
        policy: The source policy.
        cases: Cases that may allow each operation, cheapest first.
        denials: The denials of operations that no case allows, made at first use.
        tenancy: Ownership of what clients create.
    """

    policy: Policy
    cases: Mapping[str, tuple[Case, ...]]
    denials: dict[str, Decision]
    tenancy: Tenancy = NOBODYS

    @property
    def owner(self) -> str:
        """The owner of what clients create; empty without ownership."""
        return self.tenancy.owner

    @property
    def mode(self) -> Mode:
        """What happens to requests that are not allowed."""
        return self.policy.mode

    @property
    def hides(self) -> frozenset[str]:
        """Words to hide in the engine's answers, in every mode."""
        return self.policy.hides

    @property
    def reads_builds(self) -> bool:
        """Whether calls of BuildKit's clients are judged: they do not pass unread, and might be allowed."""
        is_denied = any(name in denial.operations for denial in self.policy.denials for name in BUILD_TUNNELS)
        is_open = bool(self.cases["Grpc"]) or (is_denied and self.mode is Mode.ENFORCE)
        is_granted = any(case.body is not None for case in self.cases[BUILD])
        return not is_open and (is_granted or self.mode is not Mode.ENFORCE or self.policy.asks)

    def find_needs(self, read: Reading, *, asks: bool = True) -> Mapping[str, Value] | Lookup:
        """Return the words of the smallest contained grant that lets a request pass, or the lookup to do first."""
        granted = [each for case in self.cases[read.request.operation.name] for each in case.conditions]
        return self.policy.advice.find_needs(read, granted, asks=asks)

    def allows(self, name: str) -> bool:
        """Whether some request of this operation is allowed."""
        return bool(self.cases[name])

    def deny(self, name: str) -> Decision:
        """Return the denial of an operation that no case allows."""
        if name not in self.denials:
            rules = (denial.source for denial in self.policy.denials if name in denial.operations)
            grants = tuple(grant.source for grant in self.policy.grants if name in grant.operations)
            self.denials[name] = Decision(
                allowed=False, sources=(*islice(rules, 1),) or grants, denied=Denied(name, self)
            )
        return self.denials[name]


class _Grants(NamedTuple):
    """What the cases of one operation depend on.

    Attributes:
        policy: The source policy.
        tenancy: Ownership of what clients create.
        granted: The grants of each operation that is not denied.
        used: Patterns of the images that clients see by `own`.
        runs: Whether starting what was not judged alone would make clients root.
    """

    policy: Policy
    tenancy: Tenancy
    granted: Mapping[str, Sequence[Grant]]
    used: tuple[str, ...]
    runs: bool

    def compile(self, name: str) -> tuple[Case, ...]:
        """Compile the grants of an operation to its cases, cheapest first."""
        tenancy = self.tenancy
        grants = show_images(name, self.granted.get(name, ()), self.used)
        grants = [each for each in grants if not _is_void(tenancy, name, each)]
        grants = list(tenancy.bound(name, grants, self.granted))
        grants = [] if find_bar(self.policy.hides, name) else grants
        compiled = [_compile(name, each, tenancy.owner, self.policy.taken, runs=self.runs) for each in grants]
        shown = _show_some(name, compiled)
        return tuple(sorted(shown, key=_cost) if len(compiled) > 1 else shown)


def _collect(policy: Policy) -> _Grants:
    granted: dict[str, list[Grant]] = {}
    denied = frozenset[str]().union(*(denial.operations for denial in policy.denials))
    for grant in policy.grants:
        for name in grant.operations - denied:
            granted.setdefault(name, []).append(grant)
    owns = any(condition.word == OWN for grant in policy.grants for condition in grant.conditions)
    tenancy = policy.tenancy if owns else NOBODYS
    runs_openly = [UNRESTRICTED in each.conditions for name in RUNNING_PROGRAMS for each in granted.get(name, ())]
    runs = tenancy.owner != "" or (bool(runs_openly) and not any(runs_openly))
    used = list_seen(tuple(grant._replace(operations=grant.operations - denied) for grant in policy.grants))
    return _Grants(policy, tenancy, granted, used, runs)


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Compile a policy. Every operation of the catalog gets an answer."""
    grants = _collect(policy._replace(places=find_roots(list_binds(policy.grants), policy.places)))
    cases: dict[str, tuple[Case, ...]] = dict.fromkeys((UNKNOWN.name, *OPERATIONS), ())
    cases[HEALTH.name] = (Case((), Decision(allowed=True, sources=(_ALWAYS,))),)
    cases |= {name: grants.compile(name) for name in grants.granted}
    cases |= {name: _count(name, cases) for name in COUNTING}
    return CompiledPolicy(grants.policy, cases, {}, grants.tenancy)


def extend(policy: CompiledPolicy, grant: Grant) -> CompiledPolicy:
    """Return a policy with one more grant of one operation. The cases of all others stay."""
    (name,), source = grant.operations, policy.policy
    grants = (*source.grants, grant)
    source = source._replace(grants=grants, places=find_roots(list_binds(grants), source.places))
    cases = {**policy.cases, name: _collect(source).compile(name)}
    cases[name] = _count(name, cases)
    return policy._replace(policy=source, cases=cases, denials={})


def _count(name: str, cases: Mapping[str, tuple[Case, ...]]) -> tuple[Case, ...]:
    """Return an operation's cases. If lists of containers are incomplete, its answers are counted from them."""
    if name not in COUNTING:
        return cases[name]
    listed = (case.decision.shows for each in _CONTAINERS for case in cases[each])
    shows = next(filter(None, listed), ())
    return tuple(replace(case, decision=case.decision._replace(shows=shows)) for case in cases[name])


@lru_cache(maxsize=64)
def own_policy(tenancy: Tenancy) -> CompiledPolicy:
    """Return an enforcing policy for actions in an owner's name, with only the grant `own`."""
    return compile_policy(Policy(grants=(OWN_GRANT,), denials=(), tenancy=tenancy))


def _is_void(tenancy: Tenancy, name: str, grant: Grant) -> bool:
    """Whether a grant allows no request of an operation, for instance because only an unrestricted one does."""
    is_open = UNRESTRICTED in grant.conditions
    words, owns = values_of(grant.conditions), tenancy.owner != ""
    is_sealed = name in SEALED and not is_open
    return is_sealed or bool(tenancy.refuses(name, is_open=is_open)) or needs_tags(name, words, owns=owns)


def _show_some(name: str, cases: list[Case]) -> Iterable[Case]:
    """Limit a list or prune to what its cases admit, if each of them has conditions."""
    if name not in LISTED or not all(case.conditions for case in cases):
        return cases
    shows = tuple(case.by_word for case in cases)
    return [replace(case, decision=case.decision._replace(shows=shows)) for case in cases]


def _compile(name: str, grant: Grant, owner: str, taken: tuple[str, ...], *, runs: bool) -> Case:
    """Compile a grant for one of its operations: contained, unless it is unrestricted."""
    table, is_open = BODIES.get(name), UNRESTRICTED in grant.conditions
    body = None if is_open else table
    operation = OPERATIONS[name]
    own = Condition(own_by(owner), value=True)
    conditions = tuple(
        Condition(own_by(owner, of_tasks=each.constraint.of_tasks), value=True)
        if isinstance(each.constraint, Own)
        else each
        for each in grant.conditions
    )
    conditions = _name_images(name, conditions)
    said, starts = {condition.word for condition in conditions}, runs and name in STARTING
    is_kept = runs and keeps_stopped(name, said)
    is_by_tags = name == REMOVAL and "tags" in said
    speaks = any(is_about_object(operation, condition.word) for condition in conditions)
    keeps = (owner or not is_open) and name in KINDS and table is not None and find_places_of_labels(table)
    sees_mounts = name in KINDS and values_of(conditions).get("user") == CLIENT
    asks = (body is not None and body.asks) or bool(keeps) or sees_mounts
    decision = Decision(
        allowed=True,
        sources=(grant.source,),
        about_object=speaks or asks or starts or is_kept,
        fixed=_UNFORCED if is_by_tags else _FIXED_OF_BUILDS if body is not None and name == BUILD else {},
        plan=_find_plan(name, is_judged=body is not None, keeps=is_kept, starts=starts),
        walks=body is not None and body.is_walked,
    )
    about_head = (each for each in conditions if each != UNRESTRICTED and not is_of_body(operation, each.word))
    beside = own if owner and body is not None else None
    stamped = find_places_of_labels(table) if owner and is_open and table is not None else ()
    images = values_of(conditions).get("images", () if name == PUSH else _ANY)
    unsaid = () if "images" in values_of(conditions) else _ANY
    is_sent = body is not None and name in _SENDING and images != ()
    sends = Condition(sent_by(taken, unsaid), images) if is_sent else None
    return Case(conditions, decision, body, is_kept or any(about_head), beside, stamped, sends)


def _find_plan(name: str, *, is_judged: bool, keeps: bool, starts: bool) -> PlanKind | None:
    if is_judged and name == BUILD:
        return PlanKind.BUILD
    return PlanKind.COPY_FILES if keeps else PlanKind.START if starts else None


@cache
def find_places_of_labels(body: Body) -> tuple[str, ...]:
    """Return the places of new objects' labels in a body."""
    return tuple(each.path.removesuffix(".*") for each in body.fields if "labels" in each.words)


def _name_images(name: str, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Limit a tagged image to `images` or `tags`, and let a removal by `tags` accept force."""
    said = values_of(conditions)
    if "tags" not in said or UNRESTRICTED in conditions:
        return conditions
    if name == REMOVAL:
        return (*(each for each in conditions if each.word != _FORCED.word), _FORCED)
    if name == PULL and "images" not in said:
        return (Condition(CONSTRAINTS["images"], said["tags"]), *conditions)
    if name != TAGGING:
        return conditions
    images = tuple(dict.fromkeys((*items_of(said.get("images")), *items_of(said["tags"]))))
    others = (each for each in conditions if each.word != "images")
    return (Condition(CONSTRAINTS["images"], images), *others)


def _cost(case: Case) -> tuple[int, bool, bool, str]:
    """Rank cases: decided by the head, by the body, by a lookup.

    Of equal cases, unrestricted ones come first, then those that set labels or limits: the order of lines has no
    meaning.
    """
    asks, reads = case.decision.about_object, case.body is not None
    rank = 3 if asks else 2 if reads else 1 if set(case.conditions) - {SWITCHED, UNRESTRICTED} else 0
    acts = any(condition.constraint.acts for condition in case.conditions)
    return rank, reads, not acts, describe_conditions(case.conditions)


def describe_conditions(conditions: Iterable[Condition]) -> str:
    """Describe a case's conditions, as a clause after "if"."""
    said = (each for each in conditions if each not in (UNRESTRICTED, _FORCED) and each.word != SWITCHED.word)
    return " and ".join(map(str, said))
