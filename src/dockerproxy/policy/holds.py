"""Holds on volumes, own networks and containers, by which requests through this process wait for each other.

A volume has no id. Podman removes the one volume whose name begins with what it is given, if none has that very name.
So what removes `db` because a condition allows `db` must find it there still, or it removes `db-secret`.

Attacks: docs/attacks.md, policy/holds.
"""

from typing import Final, NamedTuple

from dockerproxy.api.podman import begins_as
from dockerproxy.policy.objects import BY_NAME, SWEEPING

REMOVING: Final = BY_NAME | SWEEPING
"""Operations that may remove volumes."""

VOLUME: Final = "volume/"
_CONTAINER: Final = "container/"


class Hold(NamedTuple):
    """What a request may remove, or needs to be there still.

    Attributes:
        name: The kind and name of one object, like `volume/db`, or the beginning of all that it may remove.
        was_judged: Whether it may remove no other than the one of that name.
        uses: Whether it removes nothing, but needs the object to be there still.
    """

    name: str
    was_judged: bool = True
    uses: bool = False

    def precedes(self, later: "Hold") -> bool:
        """Whether a later one must wait for it: one of them was judged by a volume that the other may remove."""
        if self.uses and later.uses:
            return False
        if self.was_judged and later.was_judged:
            return self.name == later.name
        judged, other = (self, later) if self.was_judged else (later, self)
        return judged.was_judged and other.may_remove(judged.name)

    def may_remove(self, name: str) -> bool:
        """Whether the engine may remove an object of that name; for Docker, this is too wide."""
        return not name.startswith(_CONTAINER) and begins_as(name, self.name)


def hold_network(identity: str, *, uses: bool = False) -> Hold:
    """Return a hold on one network."""
    return Hold(f"network/{identity}", uses=uses)


def hold_container(identity: str, *, uses: bool = False) -> Hold:
    """Return a hold on one container: no files are copied while it starts, and it does not start while they are."""
    return Hold(f"{_CONTAINER}{identity}", uses=uses)


def hold_volume(name: str, *, uses: bool = False) -> Hold:
    """Return a hold on one volume. Both engines keep `data` and `Data` apart when they get an exact name."""
    return Hold(f"{VOLUME}{name}", uses=uses)
