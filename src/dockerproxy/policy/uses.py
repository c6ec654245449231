"""What is used of a quota: by objects, as the engine describes them, and by a request that would add to them.

A request is read in what goes to the engine, so that what is counted is what is made. Requests that the engine works on
are counted beside what it lists. Each has a mark that the object has, too: none is counted twice, and none is missed.

Attack: a bound in the other of two fields that mean the same -> Defence: the larger counts
(test: test_what_is_counted_of_a_create_is_what_goes_to_the_engine).
Attack: change a quota of processors and its period one after the other -> Defence: only both together count as a bound.
Attack: have the engine start containers by itself -> Defence: one with a restart policy counts as running; and those
that it joins, which Podman starts first, start with it (test: test_what_a_container_joins_starts_with_it).
Attack: delete the image of a container, so that its stamp proves nothing -> Defence: it counts all the same
(test: test_a_forged_stamp_does_not_count_and_one_that_cannot_be_proven_does).
Attack: call a volume like the mark of another one -> Defence: names and marks are told apart.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.anonymous import list_nonces
from dockerproxy.policy.claim import Known
from dockerproxy.policy.claims.parameters import reaches
from dockerproxy.policy.constraints.amounts import PERIOD
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Lookup, ResolvedObject, get_object
from dockerproxy.policy.quota import BOUNDS, MAKES, STARTS, UPDATES, Quota, write
from dockerproxy.policy.stamps import NONCE, OWNER, find_owner
from dockerproxy.wire.document import object_of

UNBOUNDED: Final = 2**80
"""More than any quota, also if it is added up with others."""

_AT_REST: Final = frozenset({"configured", "created", "dead", "exited", "initialized", "removing", "stopped"})
"""States in which a container runs nothing, of Docker and Podman."""

_JOINED: Final = "container:"

Mark = tuple[str, str, str]
"""What kind of object it is, `id` or `nonce`, and that. The id of a volume is its name."""


class Item(NamedTuple):
    """Something that is counted: marks, by any of which it is the same as another one, and its use of each quota."""

    marks: tuple[Mark, ...]
    uses: Mapping[str, int]


def add_up(listed: Iterable[Item], pending: Iterable[Item]) -> Counter[str]:
    """Return how much is used: by what is listed, and by what is or may be under way, as if that were done."""
    known: dict[Mark, dict[str, int]] = {}
    distinct = []
    for is_listed, items in ((True, listed), (False, pending)):
        for item in items:
            same = None if is_listed else next((known[mark] for mark in item.marks if mark in known), None)
            uses = {} if same is None else same
            if same is None:
                distinct.append(uses)
            for word, amount in item.uses.items():
                uses[word] = max(uses.get(word, 0), amount)
            for mark in item.marks:
                known.setdefault(mark, uses)
    total = Counter[str]()
    for uses in distinct:
        total.update(uses)
    return total


def find_excess(quota: Quota, listed: tuple[Item, ...], pending: tuple[Item, ...], asked: tuple[Item, ...]) -> str:
    """Say of which quota a request asks for more than is left, as a clause with a way out; empty if of none."""
    before, after = add_up(listed, pending), add_up(listed, (*pending, *asked))
    for word, most in quota.most.items():
        if after[word] > max(most, before[word]):
            return _explain(word, most, before[word], after[word], quota.socket)
    return ""


def _explain(word: str, most: int, used: int, wanted: int, socket: str) -> str:
    raising = f'raise quota of socket "{socket}"'
    if word == "running":
        return f"{used} of {most} containers run, or have a restart policy; stop or remove one, or {raising}"
    if word not in BOUNDS:
        return f"{used} of {most} {word} are there; remove one, or {raising}"
    if used >= UNBOUNDED:
        return f"a container has no bound of {word}, of which there is a quota; remove or update it"
    if wanted >= UNBOUNDED:
        return f"it bounds no {word}, of which there is a quota; set a bound"
    amounts = f"{write(word, used) if used else 0} of {write(word, most)} {word} are used, and it asks for"
    return f"{amounts} {write(word, wanted - used)} more; ask for less, remove a container, or {raising}"


# What there is


def is_counted(found: ResolvedObject | Lookup, owner: str, labels: Mapping[str, Mapping[str, object] | None]) -> bool:
    """Whether something counts as an owner's: it has the stamp, and nothing proves that the stamp is its image's."""
    inherited = labels.get(found.target) if isinstance(found, Lookup) else None
    return find_owner(get_object(found).labels, inherited or {}) == owner


def count_object(word: str, found: ResolvedObject, document: Mapping[str, object]) -> Item:
    """Return what an object uses; of a container what an inspection says of it, or nothing if that does not matter."""
    marks = ((word, "id", found.id), (word, "nonce", str(found.labels.get(NONCE))))
    if not document:
        return Item(marks, {word: 1})
    host, state = object_of(document.get("HostConfig")), object_of(document.get("State"))
    runs = state.get("Status") not in _AT_REST or _restarts(object_of(host.get("RestartPolicy")).get("Name"))
    return Item(marks, {word: 1, "running": runs, **_read_bounds(_name_limits(host))})


# What a request adds


def find_asked(
    request: CanonicalRequest, decision: Decision, known: Known, documents: Mapping[str, Mapping[str, object]]
) -> tuple[Item, ...]:
    """Return what a request would add that goes on by this decision.

    The documents are inspections of all own containers, by their IDs.
    """
    name, content, found = request.operation.name, object_of(json.loads(decision.content or b"{}")), known.found
    mounted = tuple(Item((("volumes", "id", each),), {"volumes": 1}) for each in decision.mounts)
    if name in MAKES:
        unnamed = (Item((("volumes", "nonce", nonce),), {"volumes": 1}) for nonce in list_nonces(content))
        return (*mounted, *unnamed, _make(MAKES[name], content, known.nonce))
    if found is None or found.labels.get(OWNER) != decision.counts_for:
        return mounted
    if name in UPDATES:
        return (Item((("containers", "id", found.id),), _read_update(content)),)
    started = documents.keys() if reaches(request, "all") is not False else _join(found.id, documents)
    return tuple(Item((("containers", "id", each),), {"running": 1}) for each in started) if name in STARTS else mounted


def _make(word: str, content: Mapping[str, object], nonce: str) -> Item:
    """Return what one object of a kind adds. A volume may be there already, and then its name says which it is."""
    name = content.get("Name") if word == "volumes" else ""
    mark = (word, "id", str(name)) if name else (word, "nonce", nonce)
    if word != "containers":
        return Item((mark,), {word: 1})
    host = object_of(content.get("HostConfig"))
    restarts = _restarts(object_of(host.get("RestartPolicy")).get("Name"))
    return Item((mark,), {word: 1, "running": restarts, **_read_bounds(_name_limits(host))})


def _join(identity: str, documents: Mapping[str, Mapping[str, object]]) -> set[str]:
    """Return a container and the own ones that it joins, and that these join: Podman starts them first."""
    found, left = set[str](), [identity]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            modes = map(str, object_of(documents.get(one, {}).get("HostConfig")).values())
            joined = (mode.removeprefix(_JOINED) for mode in modes if mode.startswith(_JOINED))
            left += [each for each in joined if each in documents]
    return found


def _restarts(policy: object) -> bool:
    """Whether an engine may start a container by itself that has this restart policy."""
    return policy not in {None, "", "no"}


def _name_limits(host: Mapping[str, object]) -> tuple[object, ...]:
    """Return the bounds of Docker's API: memory, processes, billionths, a quota of microseconds, its period."""
    return tuple(host.get(name) for name in ("Memory", "PidsLimit", "NanoCpus", "CpuQuota", "CpuPeriod"))


def _read_bounds(limits: tuple[object, ...]) -> dict[str, int]:
    memory, pids, *cpus = limits
    return {"memory": _bound(memory), "pids": _bound(pids), "cpus": _bound_cpus(*cpus)}


def _bound(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else UNBOUNDED


def _bound_cpus(billionths: object, quota: object, period: object) -> int:
    """Return the larger of two ways to say a bound, in billionths of a processor."""
    if not quota:
        return _bound(billionths)
    length = _bound(period) if period else PERIOD
    share = UNBOUNDED if length >= UNBOUNDED else -(-_bound(quota) * 10**9 // length)
    return max(share, _bound(billionths) if billionths else 0)


def _read_update(content: Mapping[str, object]) -> dict[str, int]:
    """Return what a container uses after an update, of what that changes."""
    limits = _name_limits(content)
    memory, pids, billionths, quota, period = limits
    bounds = _read_bounds(limits)
    if bool(quota) != bool(period):
        bounds["cpus"] = UNBOUNDED
    given = {"memory": memory, "pids": pids is not None, "cpus": billionths or quota or period}
    policy = object_of(content.get("RestartPolicy")).get("Name")
    return {**{word: bound for word, bound in bounds.items() if given[word]}, "running": _restarts(policy)}
