"""An ordinary body for each operation that has one, and an engine that knows every object by the name that is asked."""

from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.owner_labels import NEW
from dockerproxy.policy.claim import Known
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.wire.document import Json

BODY_OF: Final[dict[str, Json]] = {
    "ContainerCreate": {"Image": "nginx"},
    "ContainerExec": {"Cmd": ["true"]},
    "NetworkCreate": {"Name": "front"},
    "NetworkConnect": {"Container": "web"},
    "NetworkDisconnect": {"Container": "web"},
    "VolumeCreate": {"Name": "data"},
}
"""Of others it is an object without fields."""


class Named(Mapping[tuple[Kind, str], ResolvedObject]):
    """Answers each lookup: there is an object of that name, of which nothing else is said, nor whose it is."""

    def __getitem__(self, key: tuple[Kind, str]) -> ResolvedObject:
        return ResolvedObject(key[1], (key[1],), subject=key[1], belongs_to=NEW)

    def __iter__(self) -> Iterator[tuple[Kind, str]]:
        return iter(())

    def __len__(self) -> int:
        return 0


def body_of(name: str) -> Json:
    """Return an ordinary body of an operation; None if it has none."""
    return BODY_OF.get(name, {}) if name in BODIES and BODIES[name].is_read else None


def ordinary(name: str, found: ResolvedObject | None) -> Known:
    """Return what is known of an ordinary request of an operation."""
    return Known(found=found, body=(body_of(name),), answers=Named())
