"""Events of the engine: which object each is about, so that it is judged like one that a client names.

An event of a container has its labels, which cannot change. What these rule out, the engine is not asked about. They
never admit anything: a stamp may be the image's.

Attacks: docs/attacks.md, views/events.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dockerproxy.policy.descriptions import find_time
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.stamps import find_owner
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.views.lists import admits
from dockerproxy.wire.document import object_of, read_engine_json

_KINDS: Final = frozenset({Kind.CONFIG, Kind.CONTAINER, Kind.NETWORK, Kind.VOLUME, Kind.SERVICE, Kind.POD, Kind.SECRET})

_LAST: Final = frozenset({"destroy", "remove"})
"""What happens to an object at its end; the next one of its name is another."""

_UNLABELLED: Final = frozenset({"die", "died", "exec_die", "exec_died"})
"""Events of containers that Podman before 4.3 tells without their labels."""


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


def is_of_before(event: Event, found: ResolvedObject) -> bool:
    """Whether an event is about another volume that was called like this one before."""
    return event.kind is Kind.VOLUME and event.time + 1 <= find_time(found)


def may_be_of_before(event: Event, found: ResolvedObject) -> bool:
    """Whether a container may have mounted such a volume in the second in which this one was made."""
    return event.container != "" and event.time <= find_time(found)


def _is_decidable(condition: Condition) -> bool:
    """Whether an event has the labels that a condition asks for. What engines put in place of labels has no dot."""
    return not isinstance(condition.value, Pairs) or all("." in name for name, _ in condition.value.items)
