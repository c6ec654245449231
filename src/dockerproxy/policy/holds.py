"""Holds on volumes, own networks and containers, by which requests through this process wait for each other.

A volume has no id. Podman removes the one volume whose name begins with what it is given, if none has that very name.
So what removes `db` because a condition allows `db` must find it there still, or it removes `db-secret`.

- Attack: a second removal of `db`, a shorter name, a prune, on this socket or another -> Defence: each holds what it
  may remove before the engine is asked, and waits for the holds before it that matter.
  (test: test_a_volume_that_only_begins_so_stays_however_its_removals_end)
- Attack: end the connection, by whatever means, so that the next one begins too early or none ever does -> Defence: a
  hold lasts as long as the block of one coroutine, which nothing but the engine ends once the engine has the request.
  (test: test_whenever_a_removal_is_ended_others_can_remove, test_a_sweep_is_over_when_the_engine_is_done_with_it)
- Attack: a removal whose body never comes -> Defence: it is held when all of it is there.
  (test: test_a_sweep_whose_body_does_not_come_keeps_nobody_waiting)
- Attack: one volume under two names, or under one with a blank of SQL in it (`_` is any character to Podman 5.4)
  -> Defence: what was judged is held under the name that the engine gives it, and `may_remove` reads the blank.
  (test: test_a_volume_is_claimed_by_its_own_name, test_an_underscore_may_stand_for_any_character)
- Attack: remove an own volume while an own container is created with it, so that the container gets the next one of
  that name, which is another's -> Defence: a create holds the volumes that it mounts since they are its client's
  (test: test_a_volume_is_not_replaced_while_a_create_uses_it)
- Attack: the same with an own network, which engines look for by its name at each start -> Defence: a create holds
  the networks that it joins, and none is removed while a container would join it, running or not
  (test: test_no_container_waits_for_the_network_of_another)
- Attack: hold what one may not remove, to keep others waiting -> Defence: only what is allowed holds anything.
  (test: test_who_may_not_remove_a_volume_keeps_nobody_waiting)
- Attack: keep the creates of others waiting with a volume `Data` for their `data`, or with a prune of volumes for their
  networks -> Defence: a hold on one object has its kind and exact name
  (test: test_two_names_that_differ_in_capitals_are_claimed_apart, test_only_a_prune_that_removes_networks_claims_them)
"""

from typing import Final, NamedTuple

from dockerproxy.policy.objects import BY_NAME, SWEEPING
from dockerproxy.text import lower

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
        """Whether Podman may remove an object of that name: SQLite's LIKE ignores case, and `_` matches any character.

        Docker compares exact names. There this is too wide, but only for clients that may remove any volume.
        """
        return (
            not name.startswith(_CONTAINER)
            and len(self.name) <= len(name)
            and all(ours in {"_", own} for ours, own in zip(lower(self.name), lower(name), strict=False))
        )


def hold_network(identity: str, *, uses: bool = False) -> Hold:
    """Return a hold on one network."""
    return Hold(f"network/{identity}", uses=uses)


def hold_container(identity: str, *, uses: bool = False) -> Hold:
    """Return a hold on one container: no files are copied while it starts, and it does not start while they are."""
    return Hold(f"{_CONTAINER}{identity}", uses=uses)


def hold_volume(name: str, *, uses: bool = False) -> Hold:
    """Return a hold on one volume. Both engines keep `data` and `Data` apart when they get an exact name."""
    return Hold(f"{VOLUME}{name}", uses=uses)
