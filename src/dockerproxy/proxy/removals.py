"""Claims on volumes, own networks and containers, by which requests through this process wait for each other.

A volume has no id. Podman removes the one volume whose name begins with what it is given, if none has that very name.
So what removes `db` because a condition allows `db` must find it there still, or it removes `db-secret`.

- Attack: a second removal of `db`, a shorter name, a prune, on this socket or another -> Defence: each claims what it
  may remove before the engine is asked, and waits for the claims before it that matter.
  (test: test_a_volume_that_only_begins_so_stays_however_its_removals_end)
- Attack: end the connection, by whatever means, so that the next one begins too early or none ever does -> Defence: a
  claim lasts as long as the block of one coroutine, which nothing but the engine ends once the engine has the request.
  (test: test_whenever_a_removal_is_ended_others_can_remove, test_a_sweep_is_over_when_the_engine_is_done_with_it)
- Attack: a removal whose body never comes -> Defence: it claims when all of it is there.
  (test: test_a_sweep_whose_body_does_not_come_keeps_nobody_waiting)
- Attack: one volume under two names, or under one with a blank of SQL in it (`_` is any character to Podman 5.4)
  -> Defence: what was judged is claimed under the name that the engine gives it, and `may_remove` reads the blank.
  (test: test_a_volume_is_claimed_by_its_own_name, test_an_underscore_may_stand_for_any_character)
- Attack: remove an own volume while an own container is created with it, so that the container gets the next one of
  that name, which is another's -> Defence: a create claims the volumes that it mounts since they are its client's
  (test: test_a_volume_is_not_replaced_while_a_create_uses_it)
- Attack: the same with an own network, which engines look for by its name at each start -> Defence: a create claims
  the networks that it joins, and none is removed while a container would join it, running or not
  (test: test_no_container_waits_for_the_network_of_another)
- Attack: claim what one may not remove, to keep others waiting -> Defence: only what is allowed claims anything.
  (test: test_who_may_not_remove_a_volume_keeps_nobody_waiting)
- Attack: keep the creates of others waiting with a volume `Data` for their `data`, or with a prune of volumes for their
  networks -> Defence: a claim on one object has its kind and exact name
  (test: test_two_names_that_differ_in_capitals_are_claimed_apart, test_only_a_prune_that_removes_networks_claims_them)
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from dockerproxy.policy.objects import SWEEPING, VOLUME_PRUNES, name_in
from dockerproxy.policy.phases import Verdict
from dockerproxy.text import lower

_VOLUME: Final = "volume/"
_CONTAINER: Final = "container/"


class StillRemovingError(Exception):
    """A removal that came before does not end."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What a request may remove.

    Attributes:
        name: The kind and name of one object, like `volume/db`, or the beginning of all that it may remove.
        was_judged: Whether it may remove no other than the one of that name.
        uses: Whether it removes nothing, but needs the volume to be there still.
        over: Set when the engine is done with it.
    """

    name: str
    was_judged: bool
    uses: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def precedes(self, later: "Claim") -> bool:
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


class Removals:
    """All claims on volumes that are being removed, in the order in which they were made."""

    def __init__(self) -> None:
        self._claims: list[Claim] = []

    def __len__(self) -> int:
        return len(self._claims)

    @asynccontextmanager
    async def claim(self, claim: Claim, patience: float) -> AsyncIterator[None]:
        """Remove volumes inside of the block, and nowhere else; `StillRemovingError` if those before take too long."""
        earlier = [each.over for each in self._claims if each.precedes(claim)]
        self._claims.append(claim)
        try:
            try:
                async with asyncio.timeout(patience):
                    for over in earlier:
                        await over.wait()
            except TimeoutError:
                raise StillRemovingError from None
            yield
        finally:
            self._claims.remove(claim)
            claim.over.set()


def claim_network(identity: str, *, uses: bool = False) -> Claim:
    """Return a claim on one network."""
    return Claim(f"network/{identity}", was_judged=True, uses=uses)


def claim_container(identity: str, *, uses: bool = False) -> Claim:
    """Return a claim on one container: no files are copied while it starts, and it does not start while they are."""
    return Claim(f"{_CONTAINER}{identity}", was_judged=True, uses=uses)


def claim_volume(name: str, *, uses: bool = False) -> Claim:
    """Return a claim on one volume. Both engines keep `data` and `Data` apart when they get an exact name."""
    return Claim(f"{_VOLUME}{name}", was_judged=True, uses=uses)


def claim_for(verdict: Verdict) -> Claim:
    """Return what a request may remove that is allowed to."""
    operation, found = verdict.operation, verdict.known.found
    if verdict.removes_network and found is not None:
        return claim_network(found.id)
    if operation.name in SWEEPING:
        return Claim(_VOLUME if operation.name in VOLUME_PRUNES else "", was_judged=False)
    if found is None or not verdict.decision.about_object:  # It goes on under the name that the client spells.
        return Claim(f"{_VOLUME}{name_in(verdict.request.path, operation)}", was_judged=False)
    return claim_volume(found.id)
