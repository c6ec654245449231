"""Events of the engine: which object each is about, so that it is judged like one that a client names.

Attack: an event about several objects, or none that is known -> Defence: it is judged by its own object alone, and
hidden if that is not of a kind that conditions speak of. Those of images are judged in `policy/image_events`.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from dockerproxy.policy.image_events import ImageEvent, read_image_event
from dockerproxy.policy.objects import Kind

_KINDS: Final[Mapping[str, Kind]] = {
    "config": Kind.CONFIG,
    "container": Kind.CONTAINER,
    "network": Kind.NETWORK,
    "volume": Kind.VOLUME,
    "service": Kind.SERVICE,
    "pod": Kind.POD,
    "secret": Kind.SECRET,
}

_IMAGE: Final = "image"

_LAST: Final = frozenset({"destroy", "remove"})
"""What happens to an object at its end; the next one of its name is another."""


class Event(NamedTuple):
    """What an event says.

    Attributes:
        kind: Of its object.
        id: Of its object; of a volume its name.
        is_last: Whether the object is no more.
    """

    kind: Kind
    id: str
    is_last: bool


def read_event(line: bytes) -> Event | ImageEvent | None:
    """Read one event; None if it is about nothing that conditions speak of."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    actor = fields.get("Actor") if isinstance(fields, dict) else None
    kind, identity = fields.get("Type") if isinstance(actor, dict) else None, actor and actor.get("ID")
    if kind == _IMAGE and isinstance(actor, dict):
        return _read_image(fields.get("Action"), identity, actor.get("Attributes"))
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(identity, str) or not identity:
        return None
    return Event(_KINDS[kind], identity, fields.get("Action") in _LAST)


def _read_image(action: object, identity: object, attributes: object) -> ImageEvent | None:
    name = attributes.get("name", "") if isinstance(attributes, dict) else ""
    if not isinstance(action, str) or not isinstance(identity, str) or not isinstance(name, str):
        return None
    return read_image_event(identity, action, name)
