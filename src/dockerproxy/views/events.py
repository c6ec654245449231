"""Streams of JSON lines, of which a client may not see all: events, and what a wait ends with.

A client gets the events about objects that it may see, without what its socket hides. Each object is looked up once,
when the first event about it comes, and judged as if the client had named it. An event of a container has its labels,
which cannot change. If these rule the container out, the engine is not asked, so that the watchers of a busy engine do
not ask about each other's containers. Labels never admit anything: a stamp may be the image's.

Attacks: docs/attacks.md, views/events.
"""

from collections.abc import Generator, Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.policy.descriptions import find_time
from dockerproxy.policy.objects import Kind, ResolvedObject, ask
from dockerproxy.policy.phases import Plan, Verdict
from dockerproxy.policy.stamps import RESERVED, find_owner
from dockerproxy.policy.steps import Find, Open, Scene, Stream, UnknownObjectError
from dockerproxy.policy.subtrees import is_ours
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.views.answers import edit
from dockerproxy.views.hiding import hide_line
from dockerproxy.views.lists import EVENTS, admits
from dockerproxy.wire.document import object_of, read_engine_json

_KINDS: Final = frozenset({Kind.CONFIG, Kind.CONTAINER, Kind.NETWORK, Kind.VOLUME, Kind.SERVICE, Kind.POD, Kind.SECRET})

_LAST: Final = frozenset({"destroy", "remove"})
"""What happens to an object at its end; the next one of its name is another."""

_UNLABELLED: Final = frozenset({"die", "died", "exec_die", "exec_died"})
"""Events of containers that Podman before 4.3 tells without their labels."""


_KNOWN: Final = 4096
"""Objects of which it is known whether the client may see them; the oldest is forgotten first."""

_SEPARATOR: Final = b"\x1e"
"""In front of each line, if the client asks for `application/json-seq` (RFC 7464), as that of Docker 29 does."""


_OURS: Final = RESERVED.encode()
"""What an event of a volume of ours has in it. The engine writes that name without escapes."""


class Event(NamedTuple):
    """What an event says.

    Attributes:
        kind: Of its object.
        id: Of its object; of a volume its name.
        is_last: Whether the object is no more.
        time: Seconds since 1970 when it happened; 0 if it does not say.
        labels: Those of a container, with what the engine adds or puts in their place; None if they may be left out.
        container: That mounts a volume or leaves it, if the engine says so.
    """

    kind: Kind
    id: str
    is_last: bool
    time: int = 0
    labels: Mapping[str, object] | None = None
    container: str = ""


def read_event(line: bytes) -> Event | None:
    """Read one event; None if it is about nothing that conditions speak of."""
    fields = object_of(read_engine_json(line))
    actor, kind, action = object_of(fields.get("Actor")), fields.get("Type"), fields.get("Action")
    identity, attributes = actor.get("ID"), actor.get("Attributes")
    if kind == Kind.VOLUME and not identity:  # Podman says its name alone.
        identity = object_of(attributes).get("name")
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(identity, str) or not identity:
        return None
    has_labels = kind == Kind.CONTAINER and str(action) not in _UNLABELLED
    labels = attributes if has_labels and isinstance(attributes, dict) else None
    time, user = fields.get("time"), object_of(attributes).get("container")
    container = user if kind == Kind.VOLUME and isinstance(user, str) else ""
    return Event(Kind(kind), identity, str(action) in _LAST, time if isinstance(time, int) else 0, labels, container)


def rules_out(shows: Sequence[Mapping[str, Condition]], event: Event) -> bool:
    """Whether an event alone tells that the conditions of no grant admit its object, whatever its image is."""
    if event.labels is None:
        return False
    best = ResolvedObject(event.id, (), belongs_to=find_owner(event.labels, {}), labels=event.labels)
    decidable = ({word: each for word, each in conditions.items() if _is_decidable(each)} for conditions in shows)
    return not any(admits(conditions, best) for conditions in decidable)


def _is_decidable(condition: Condition) -> bool:
    """Whether an event has the labels that a condition asks for. What engines put in place of labels has no dot."""
    return not isinstance(condition.value, Pairs) or all("." in name for name, _ in condition.value.items)


def watch(verdict: Verdict, _scene: Scene) -> Plan:
    """Pass on what of a stream a client may see."""
    answer = yield from Open(verdict.to_engine, waits=verdict.operation.name not in EVENTS)
    if answer is None:
        return Stream(_Watch(verdict).show, is_plain=bool(verdict.hides))
    if answer.status == HTTPStatus.OK and verdict.decision.shows:
        raise UnknownObjectError("the engine's events are no stream")
    return (yield from edit(verdict, answer))


class _Watch:
    """Says which events a client may see."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self._shows = verdict.decision.shows
        self._shown: dict[tuple[str, str], bool] = {}

    def show(self, line: bytes) -> Generator[Find, object, bytes]:
        """Return what the client may see of a line; nothing if that is nothing."""
        before, line = line[: line.startswith(_SEPARATOR)], line.removeprefix(_SEPARATOR)
        hides = self._verdict.hides
        event = read_event(line) if self._shows or _OURS in line else None
        if event is not None and event.kind is Kind.VOLUME and is_ours(event.id):
            return b""
        if self._shows and not (event is not None and (yield from self._is_shown(event))):
            return b""
        left = hide_line(self._verdict.operation, hides, line) if hides else line
        return before + left if left else b""

    def _is_shown(self, event: Event) -> Generator[Find, object, bool]:
        """Whether the client may see the object of an event."""
        key = event.kind, event.id
        shown = self._shown.pop(key, None)
        if shown is None or (event.kind is Kind.VOLUME and not event.is_last):
            shown = not rules_out(self._shows, event) and (yield from self._find(event))
        if not event.is_last:
            self._shown[key] = shown
            if len(self._shown) > _KNOWN:
                del self._shown[next(iter(self._shown))]
        return shown

    def _find(self, event: Event) -> Generator[Find, object, bool]:
        """Whether the client may see an object as the engine has it now, and the container that mounts it."""
        try:
            found = user = yield from self._ask(event.kind, event.id)
            if found is None or (event.kind is Kind.VOLUME and event.time + 1 <= find_time(found)):
                return False  # The event is about another volume that was called like this one before.
            if event.container and event.time <= find_time(found):  # In the same second, it may be.
                user = yield from self._ask(Kind.CONTAINER, event.container)
        except UnknownObjectError:
            return False
        return user is not None and any(admits(each, found) and admits(each, user) for each in self._shows)

    def _ask(self, kind: Kind, name: str) -> Find:
        """Return what finds an object as the engine has it now."""
        return Find(ask(kind, name, self._verdict.request.version, self._verdict.operation))
