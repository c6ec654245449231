"""Learning: record the requests on a socket, and write the smallest policy that allows them and their next variants.

Each operation gets one grant, with every condition that all its requests met. Requests that differ in two conditions
(`web` with follow, `db` without) allow the other combinations too, so that the line stays readable. Comments name other
cases in which a grant is wider than the requests. Grants for bodies are contained, with the narrowest words, or
unrestricted with a reason in the header of the file. Names that an engine or a library generated are never listed.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from dockerproxy.advice.needs import restricts
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.config.document import read_file
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import CREATES, Outcome, Record
from dockerproxy.policy.compile import OWN_GRANT, Case, CompiledPolicy
from dockerproxy.policy.differences import covers
from dockerproxy.policy.image_grants import needs_tags
from dockerproxy.policy.list_filters import LISTS, PRUNED
from dockerproxy.policy.model import CREATED_BY, Policy, values_of
from dockerproxy.policy.nesting import (
    REPLACEABLE,
    Mount,
    Nested,
    find_nested,
    find_roots,
    list_given,
    make_mount,
    without_roots,
)
from dockerproxy.policy.objects import BUILD, KINDS, OWN, REMOVAL, RUNNING, SERVICES, WORDS, Kind
from dockerproxy.policy.places import NOWHERE, Places
from dockerproxy.policy.values import Value, items_of, split_mode, write_value
from dockerproxy.policy.vocabulary import UNRESTRICTED, conditions_of, find_words, is_of_body
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.learned import LearnedGrant, LearnedSocket, read_counts, write_policy
from dockerproxy.workbench.needs import NO_NAME, REACHING, UNTOLD, Impossible, Need, find_need
from dockerproxy.workbench.owned import Owned
from dockerproxy.workbench.remarks import share
from dockerproxy.workbench.rounds import Rounds, describe
from dockerproxy.workbench.seen import Settled, begin

_MOST_TOLD_APART: Final = 50
"""Kinds of impossible requests, and reasons for unrestricted grants, that are kept."""

_MOST_EXPLAINED: Final = 3
"""Reasons that are written for an unrestricted grant."""

_BINDS: Final = "binds"
_NETWORKS: Final = WORDS[Kind.NETWORK]

_FEWEST_OWN: Final = 3

_USED: Final = frozenset(WORDS[kind] for kind in (Kind.CONTAINER, Kind.NETWORK, Kind.VOLUME))
"""Words for objects that bodies name. With `own`, the client's own objects need not be listed, except those that a
swarm uses, which `own` does not cover."""

_NOT_FOUND: Final = 404
"""The engine lacks the object, and answers so itself."""

_EARLIER: Final = "learned before a restart"

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 512


class Learner:
    """Records the requests on one socket. Repeated requests are cheap, because programs poll.

    `changed` is true if there is news since the last `text`. A remark is a line in the header of the file. With
    `demands`, grants keep the demands of the socket's policy as far as the requests met them.
    """

    def __init__(self, settings: SocketSettings, remark: str = "", *, demands: bool = False) -> None:
        self.changed = False
        self._demands = demands
        self._settings = settings
        self._remark = remark
        self._usages: dict[str, _Usage] = {}
        self._impossible: Counter[str] = Counter()
        self._others = 0
        self._known: dict[tuple[object, ...], Need | Impossible | None] = {}
        self._owned = Owned()
        self._rounds = Rounds()
        self._own: tuple[int, float] | None = None

    @property
    def name(self) -> str:
        """Name of the socket."""
        return self._settings.name

    def note(self, record: Record, when: float) -> None:
        """Note a request at `when`, in seconds since 1970. A stream counts once, when it begins or ends."""
        need = self._find_need(record)
        if need is None:
            return
        self.changed = True
        if isinstance(need, Impossible):
            is_told = need.text in self._impossible or len(self._impossible) < _MOST_TOLD_APART
            self._impossible.update([need.text] if is_told else [])
            self._others += not is_told
            return
        usage = self._usages.get(need.operation.name)
        if usage is None:
            usage = self._usages[need.operation.name] = _Usage(need.operation, self._owned)
            case = find_contained(self._settings.policy, need.operation.name) if self._demands else None
            usage.demand({} if case is None else values_of(case.conditions))
        is_own = self._owned.owns(record, need)
        in_round = self._rounds.note(record, need, when, is_own=is_own)
        denied = record.decision is Outcome.DENIED and record.status != _NOT_FOUND
        if is_own or in_round:
            need = replace(need, is_own=is_own, in_round=in_round)
        usage.note(need, when, denied=denied)
        self._owned.note(record, need)

    def resume(self, policy: Policy, told: Mapping[str, tuple[int, float]]) -> None:
        """Continue from a policy; `told` has the count of requests and the last time for each operation."""
        self._own = told.get(OWN)
        for grant in policy.grants:
            if len(grant.operations) > 1:  # This grant is `own`.
                continue
            for name in grant.operations:
                usage = self._usages.setdefault(name, _Usage(OPERATIONS[name], self._owned))
                usage.resume(values_of(grant.conditions), *told.get(name, (1, 0.0)))

    def resume_from(self, path: str) -> None:
        """Continue from the policy file of an earlier run. Raises `UserError` if it cannot be read."""
        text = read_file(path)
        sockets = read_policy(text, path).sockets
        if len(sockets) != 1:
            raise UserError(Problem(path, f"has {len(sockets)} sockets, but a learned file has one"))
        self.resume(sockets[0].policy.policy, read_counts(text))

    def text(self) -> str:
        """Return a policy file with this socket."""
        self.changed = False
        return write_policy([self.learned()], self._remark)

    def learned(self, beside: Sequence[Mount] = ()) -> LearnedSocket:
        """Return the learned grants, in the order of the catalog. `own` replaces the grants that it covers, if several.

        Nested binds are left out, also those that nest with the mounts `beside`.
        """
        usages = self._usages
        stamped = {word for name, word in CREATES.items() if name in usages}
        others = {usage.named for usage in usages.values() if not usage.is_own}
        listed = {name for name, usage in usages.items() if usage.lists in stamped - others}
        owned = listed | {name for name, usage in usages.items() if usage.is_own and usage.named in stamped}
        stamps = bool(owned) or self._own is not None or (self._demands and self._settings.policy.owner != "")
        grants = [usages[name].grant(owns=name in owned, stamps=stamps) for name in OPERATIONS if name in usages]
        places = self._settings.policy.policy.places
        return LearnedSocket(
            settings=self._settings,
            grants=tuple(leave_out_nested(list(gather(grants, self._own)), places, beside)),
            impossible=tuple(sorted(self._impossible.items(), key=lambda each: (-each[1], each[0]))),
            others=self._others,
        )

    def _find_need(self, record: Record) -> Need | Impossible | None:
        if record.body is not None:
            return find_need(record)
        asked = (record.method, record.target, record.object, record.operation)
        key = (*asked, record.decision, record.status, record.reason)
        known = self._known.get(key)
        if known is None:
            known = find_need(record)
            if len(record.target) + len(record.object) + len(record.reason) <= _LONGEST_REMEMBERED:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        return known


def find_contained(policy: CompiledPolicy, name: str) -> Case | None:
    """Return the contained case of an operation with the most demands; None if it has none."""
    cases = [case for case in policy.cases.get(name, ()) if case.body is not None]
    return max(cases, key=lambda case: sum(each.constraint.narrows for each in case.conditions), default=None)


def gather(grants: Sequence[LearnedGrant], before: tuple[int, float] | None) -> Iterator[LearnedGrant]:
    """Yield the grants, with `own` in place of those that it covers, if there are several or it was granted before."""
    own = [grant for grant in grants if not grant.doubts and _is_covered(grant)]
    if sum(grant.conditions == {OWN: True} for grant in own) < _FEWEST_OWN and before is None:
        yield from grants
        return
    count, last = before or (0, 0.0)
    counts, times = (count, *(grant.count for grant in own)), (last, *(grant.last for grant in own))
    used = (f"used for {', '.join(grant.operation for grant in own)}",) if own else ()
    yield LearnedGrant(operation=OWN, conditions={}, remarks=used, count=sum(counts), last=max(times))
    yield from (grant for grant in grants if grant not in own)


def leave_out_nested(
    grants: Sequence[LearnedGrant], places: Places, beside: Sequence[Mount] = ()
) -> Sequence[LearnedGrant]:
    """Leave out binds that a policy cannot combine, parent directories first, with a remark for each.

    Another remark names binds that need Docker 26 (`policy/subtrees`).
    """
    listed = [(grant.operation, item) for grant in grants for item in items_of(grant.conditions.get(_BINDS))]
    items = sorted({item for _, item in listed}, key=lambda bind: (bind.rstrip("/").count("/"), bind))
    serving = {item for name, item in listed if name in SERVICES}
    granted = [f"{mount.path}:{'rw' if mount.writes else 'ro'}" for mount in beside]
    left_out, below = dict[str, Nested](), set[str]()
    for each in (places, NOWHERE):  # A learned file has no `paths`.
        rooted, given = find_roots((*items, *granted), each), (*list_given(each), *REPLACEABLE)
        kept = [m if m.path == each.own_socket else make_mount(rooted, m.path, writes=m.writes) for m in beside]
        for item in (item for item in items if item not in left_out):
            path, mode = split_mode(item)
            mount = make_mount(without_roots(each) if item in serving else rooted, path, writes=mode == "rw")
            found = (*find_nested((mount,), (mount, *kept, *given)), *find_nested(kept, (mount,)))
            if found:
                left_out[item] = found[0]
            else:
                kept.append(mount)
                below |= {item} if mount.begins != mount.hosts else set()
    return [_without_binds(grant, left_out, below) for grant in grants] if left_out or below else grants


def _without_binds(grant: LearnedGrant, left_out: Mapping[str, Nested], below: Container[str]) -> LearnedGrant:
    listed = items_of(grant.conditions.get(_BINDS))
    kept = tuple(item for item in listed if item not in left_out)
    needing = tuple(item for item in kept if item in below)
    needs = f"{_BINDS}: below a writable directory, which needs Docker 26 and API 1.45: {write_value(needing)}"
    remarks = (
        f"{_BINDS}: {write_value(item)} is left out, because {left_out[item].describe()}; {left_out[item].hint}"
        for item in listed
        if item in left_out
    )
    conditions = {word: value for word, value in grant.conditions.items() if word != _BINDS or kept}
    conditions |= {_BINDS: kept} if kept else {}
    return replace(grant, conditions=conditions, remarks=(*grant.remarks, *remarks, *((needs,) if needing else ())))


def _is_covered(grant: LearnedGrant) -> bool:
    """Whether `own` admits everything that a grant admits; it limits requests that update an object further."""
    if grant.conditions == {OWN: True}:
        return grant.operation in OWN_GRANT.operations
    is_free = grant.operation in OWN_GRANT.operations - CREATED_BY.keys()
    return is_free and covers(grant.operation, OWN_GRANT.conditions, conditions_of(grant.conditions))


class _Usage:
    """The observed requests of an operation."""

    def __init__(self, operation: Operation, owned: Owned) -> None:
        self._name = operation.name
        self.named = WORDS[KINDS[self._name]] if self._name in KINDS else ""
        listed = PRUNED[self._name][0] if self._name in PRUNED else LISTS.get(self._name)
        self.lists = "" if listed is None else WORDS[listed]
        self._owned = owned
        self._others: set[str] = set()
        self._known = find_words(operation)
        self._leave = self._known.keys() & {"force"}
        self._of_body = {name for name in self._known if is_of_body(operation, name)}
        self._used = _USED & self._of_body if operation.section != "services" else frozenset[str]()
        self._words = {name: begin(word, owned, of_body=name in self._of_body) for name, word in self._known.items()}
        self._count = self._denied = self._reaching = self._beyond = self._untold = self._own = self._in_rounds = 0
        self._openings: Counter[str] = Counter()
        self._demands: Counter[str] = Counter()
        self._last = 0.0

    def note(self, need: Need, when: float, *, denied: bool) -> None:
        self._count += 1
        self._denied += denied
        self._own += need.is_own
        self._in_rounds += need.in_round
        self._last = max(self._last, when)
        self._reaching += need.reaches
        self._beyond += need.values.get(self.named) is REACHING
        self.lists = "" if need.needs_all else self.lists
        self._untold += need.is_untold
        self._demands.update(need.demands)
        if need.opening:
            self._open(need.opening, 1)
        for word, value in need.values.items():
            self._words[word].note(value, doubtful=need.is_doubtful)
            if word in self._used and not self._owned.owns_all(word, value):
                self._others.add(word)

    @property
    def is_own(self) -> bool:
        """Whether all requests concerned objects that the client had created."""
        return 0 < self._own == self._count

    @property
    def _may_reach(self) -> bool:
        """Whether requests may act on more than they name, without a word for that in the grant."""
        return any(self._words[name].settle(self._count).value is None for name in self._leave)

    def _open(self, reason: str, count: int) -> None:
        is_told = reason in self._openings or len(self._openings) < _MOST_TOLD_APART
        self._openings[reason if is_told else "others"] += count

    def demand(self, values: Mapping[str, Value]) -> None:
        for word in values.keys() & self._words.keys():
            if restricts(OPERATIONS[self._name], self._known[word]):
                self._words[word].resume(values[word], 0)

    def resume(self, values: Mapping[str, Value], count: int, last: float) -> None:
        self._count += count
        self._last = max(self._last, last)
        if values.get(OWN) is True:
            self._own += count
        else:
            self.lists = ""  # Perhaps by its filters, which the policy does not have.
        if any(values.get(name) is True for name in self._leave):
            self._reaching += count
        if UNRESTRICTED.word in values:
            self._open(_EARLIER, count)
        self._others |= {
            word for word in self._used if word in values or (OWN not in values and self._known[word].narrows)
        }
        for name, word in self._words.items():
            word.resume(values.get(name), count)

    def grant(self, *, owns: bool = False, stamps: bool = False) -> LearnedGrant:
        """Return the grant that allows all requests.

        `owns`: the requests concern the client's own objects. `stamps`: the socket records ownership.
        """
        settled = {name: word.settle(self._count) for name, word in self._words.items()}
        remarks = [] if owns else [*self._leave_out_names(settled)]
        told = ({self.named} if owns else set()) | (self._used - self._others if stamps else set())
        if _NETWORKS in told - {self.named} and settled[_NETWORKS].value is not None:
            remarks.append(f"{_NETWORKS}: left out, since all were own; the engine's default network is allowed, too")
        settled |= dict.fromkeys(told & settled.keys(), Settled(None))
        if owns:
            settled[OWN] = Settled(value=True)
        openings = self._openings + Counter({each.fault: self._count for each in settled.values() if each.fault})
        openings += Counter(
            {
                f"{word}: nothing can be listed": count
                for word, count in self._demands.items()
                if settled[word].value is None and word not in told
            }
        )
        if RUNNING in settled and (openings or not (owns or stamps)):
            settled[RUNNING] = Settled(None)
        elif RUNNING in settled and settled[RUNNING].value is not None:
            remarks.append("running: a container had run; on a rootful engine, this makes clients root on the host")
        written = {name: each for name, each in settled.items() if not (openings and name in self._of_body)}
        conditions = {name: each.value for name, each in written.items() if each.value is not None}
        remarks = [*(remark for each in written.values() for remark in each.remarks), *remarks]
        if openings:
            conditions[UNRESTRICTED.word] = True
            remarks += ["BuildKit's builds need Grpc and Session, unrestricted, too"] if self._name == BUILD else []
        elif self._name == REMOVAL:
            conditions = {name: each for name, each in conditions.items() if (name == "tags") is stamps}
        if needs_tags(self._name, conditions.keys(), owns=stamps):
            conditions["tags"] = NO_NAME
            remarks.append("tags: no name was seen; list the names that clients may give to images, or remove it")
        return LearnedGrant(
            operation=self._name,
            conditions=conditions,
            remarks=tuple(remarks),
            doubts=tuple(self._doubt(owns=owns, contained=not openings)),
            openings=tuple(self._explain(openings)),
            count=self._count,
            last=self._last,
        )

    def _doubt(self, *, owns: bool, contained: bool) -> Iterator[str]:
        beyond = self._beyond + (self._reaching if self._may_reach else 0)
        if owns and beyond:
            yield f"{share(beyond, self._count)} {REACHING.reason}; with `own`, as here, they may be denied"
        if self._untold and contained:
            yield f"{share(self._untold, self._count)} {UNTOLD.reason}; contained, as here, they may be denied"
        if self._denied:
            were = "was denied when it" if self._denied == 1 else "were denied when they"
            yield f"{self._denied} of {self._count} {were} came"

    def _leave_out_names(self, settled: dict[str, Settled]) -> Iterator[str]:
        """Leave out names of objects that predict nothing, and describe them instead."""
        named = self.named
        if not named:
            return
        if self._in_rounds:
            settled[named] = Settled(None)
            yield describe(self._name)
        elif self._reaching and self._may_reach:
            why = f"{share(self._reaching, self._count)} {REACHING.reason}"
            if settled[named].value is not None:
                yield f"{named}: left out, since {why}"
            settled[named] = Settled(None, settled[named].remarks)

    def _explain(self, openings: Counter[str]) -> Iterator[str]:
        """Yield why the grant is unrestricted, the reasons of most requests first."""
        reasons = sorted(openings.items(), key=lambda each: (-each[1], each[0]))
        yield from (f"{reason} ({share(count, self._count)})" for reason, count in reasons[:_MOST_EXPLAINED])
        if len(reasons) > _MOST_EXPLAINED:
            yield "other reasons"
