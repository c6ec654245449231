"""Streams of JSON lines of which a client may see only a part: events, and the result of a wait.

A client gets events of objects that it may see, without hidden fields. Each object is looked up once, at its first
event, and judged as if the client had named it. If it is gone by then, its events are hidden; Podman's come up to 250
ms late. Events of a container have its labels, which cannot change. If the labels rule it out, there is no lookup, so
that watchers on a busy engine do not query each other's containers. Labels alone never admit an object: the stamp may
come from the image.

Attacks: docs/attacks.md, plans/watching.
"""

from collections.abc import Generator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.owner_labels import RESERVED, find_owner
from dockerproxy.plans.showing import edit
from dockerproxy.policy.descriptions import find_time
from dockerproxy.policy.list_filters import EVENTS
from dockerproxy.policy.lists import admits
from dockerproxy.policy.objects import Kind, ResolvedObject, ask
from dockerproxy.policy.phases import Plan, Verdict
from dockerproxy.policy.steps import Find, Open, Scene, Steps, Stream, UnknownObjectError, Work
from dockerproxy.policy.subtrees import is_ours
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.response_filters.hiding import hide_line
from dockerproxy.wire.document import object_of, read_engine_json

_KINDS: Final = frozenset({Kind.CONFIG, Kind.CONTAINER, Kind.NETWORK, Kind.VOLUME, Kind.SERVICE, Kind.POD, Kind.SECRET})

_LAST: Final = frozenset({"destroy", "remove"})
"""The last actions of an object. Another object may then use its name."""

_UNLABELLED: Final = frozenset({"die", "died", "exec_die", "exec_died"})
"""Events of containers that Podman before 4.3 sends without labels."""


_KNOWN: Final = 4096
"""Objects for which it is known whether the client may see them. The oldest is forgotten first."""

_SEPARATOR: Final = b"\x1e"
"""Comes before each line if the client asks for `application/json-seq` (RFC 7464), as Docker 29 does."""


_OURS: Final = RESERVED.encode()
"""Part of each event of a volume of the proxy. The engine writes the name without escapes."""


class Event(NamedTuple):
    """The contents of an event.

    Attributes:
        kind: Kind of the object.
        id: ID of the object; name of a volume.
        is_last: Whether the object is gone.
        time: Seconds since 1970; 0 if missing.
        labels: Of a container, together with the engine's own, which may replace some; None if they may be missing.
        container: The container that mounts or unmounts a volume, if the engine names it.
    """

    kind: Kind
    id: str
    is_last: bool
    time: int = 0
    labels: Mapping[str, object] | None = None
    container: str = ""


def read_event(line: bytes) -> Event | None:
    """Read an event; None if no condition is about its object."""
    fields = object_of(read_engine_json(line))
    actor, kind, action = object_of(fields.get("Actor")), fields.get("Type"), fields.get("Action")
    identity, attributes = actor.get("ID"), actor.get("Attributes")
    if kind == Kind.VOLUME and not identity:  # Podman gives only its name.
        identity = object_of(attributes).get("name")
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(identity, str) or not identity:
        return None
    has_labels = kind == Kind.CONTAINER and str(action) not in _UNLABELLED
    labels = attributes if has_labels and isinstance(attributes, dict) else None
    time, user = fields.get("time"), object_of(attributes).get("container")
    container = user if kind == Kind.VOLUME and isinstance(user, str) else ""
    return Event(Kind(kind), identity, str(action) in _LAST, time if isinstance(time, int) else 0, labels, container)


def rules_out(shows: Sequence[Mapping[str, Condition]], event: Event) -> bool:
    """Whether an event's labels alone rule its object out under every grant, whatever its image."""
    if event.labels is None:
        return False
    best = ResolvedObject(event.id, (), belongs_to=find_owner(event.labels, {}), labels=event.labels)
    decidable = ({word: each for word, each in conditions.items() if _is_decidable(each)} for conditions in shows)
    return not any(admits(conditions, best) for conditions in decidable)


def _is_decidable(condition: Condition) -> bool:
    """Whether events contain the labels of a condition. Labels that engines replace have no dot."""
    return not isinstance(condition.value, Pairs) or all("." in name for name, _ in condition.value.items)


def watch(verdict: Verdict, _scene: Scene) -> Plan:
    """Pass on the part of a stream that a client may see."""
    answer = yield from Open(verdict.to_engine, waits=verdict.operation.name not in EVENTS)
    if answer is None:
        return Stream(_Watch(verdict).show, is_plain=bool(verdict.hides))
    if answer.status == HTTPStatus.OK and verdict.decision.shows:
        raise UnknownObjectError("the engine's answer to events is not a stream")
    return (yield from edit(verdict, answer))


class _Watch:
    """Decides which events a client may see."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self._shows = verdict.decision.shows
        self._shown: dict[tuple[str, str], bool] = {}

    def show(self, line: bytes) -> Steps[bytes]:
        """Return the part of a line that the client may see; may be empty."""
        before, line = line[: line.startswith(_SEPARATOR)], line.removeprefix(_SEPARATOR)
        event, left = yield from Work(line, partial(self._read, line))
        if event is not None and event.kind is Kind.VOLUME and is_ours(event.id):
            return b""
        if self._shows and not (event is not None and (yield from self._is_shown(event))):
            return b""
        return before + left if left else b""

    def _read(self, line: bytes) -> tuple[Event | None, bytes | None]:
        """Return the event of a line, if it matters, and the line without what is hidden; None to leave it out."""
        hides = self._verdict.hides
        event = read_event(line) if self._shows or _OURS in line else None
        return event, hide_line(self._verdict.operation, hides, line) if hides else line

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
        """Whether the client may see an object in its current state, and the container that mounts it."""
        try:
            found = user = yield from self._ask(event.kind, event.id)
            if found is None or (event.kind is Kind.VOLUME and event.time + 1 <= find_time(found)):
                return False  # The event is about an earlier volume of the same name.
            if event.container and event.time <= find_time(found):  # Within the same second, it may be this one.
                user = yield from self._ask(Kind.CONTAINER, event.container)
        except UnknownObjectError:
            return False
        return user is not None and any(admits(each, found) and admits(each, user) for each in self._shows)

    def _ask(self, kind: Kind, name: str) -> Find:
        """Return the step that finds an object in its current state."""
        return Find(ask(kind, name, self._verdict.request.version, self._verdict.operation))
