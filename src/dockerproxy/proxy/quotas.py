"""Quotas: before a create goes on that adds to one, what is there is counted, under a lock of the owner.

The lock is held until the engine has answered, so that the next one counts what this one made.

- Attack: many creates at once, on several sockets of one owner -> Defence: one lock for all of them
  (test: test_creates_at_once_do_not_pass_a_quota).
- Attack: end the connection while the engine works -> Defence: the lock stays until the engine is done
  (test: test_what_a_client_left_is_counted_when_the_engine_is_done).
- Attack: have the engine work for hours, to keep others waiting -> Defence: only creates of the same owner wait, and
  are denied after a while (test: test_creates_of_one_owner_wait_for_a_slow_one_and_those_of_others_do_not).
- Attack: an engine that says nothing while it is asked -> Defence: it has its time, then the request is denied
  (test: test_an_engine_that_says_nothing_is_not_waited_for_and_the_lock_is_free_then).
- Attack: delete the image of a container, so that its stamp proves nothing -> Defence: it counts all the same
  (test: test_a_forged_stamp_does_not_count_and_one_that_cannot_be_proven_does).
Two proxies before one engine know nothing of what is under way through the other.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.anonymous import list_nonces
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.lists import write_filters
from dockerproxy.policy.objects import Lookup, ResolvedObject, get_object
from dockerproxy.policy.phases import Verdict, deny
from dockerproxy.policy.stamps import find_owner
from dockerproxy.proxy.resolver import UnknownObjectError
from dockerproxy.proxy.views import find_labels, read_listing
from dockerproxy.wire.document import object_of

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.sockets import SocketState

_LISTS: Final = {
    "containers": ("ContainerList", "/containers/json?all=1&"),
    "networks": ("NetworkList", "/networks?"),
    "volumes": ("VolumeList", "/volumes?"),
}
"""By what is counted: how the engine is asked for it. Docker's API, which Podman serves as well."""


async def keep_quota(stack: AsyncExitStack, client: "Client", policy: CompiledPolicy, verdict: Verdict) -> Verdict:
    """Hold the lock of the owner until the stack ends; return the verdict, or a denial if the request adds too much."""
    socket, quota = client.socket, policy.policy.quota
    if quota is None:
        return verdict
    try:
        async with asyncio.timeout(socket.patience):
            await stack.enter_async_context(socket.shared.counting.setdefault(policy.owner, asyncio.Lock()))
            for word, most in quota.for_operation(verdict.operation.name).most.items():
                there = await _list_ids(socket, word, policy.owner)
                added = _count_added(verdict, word, there)
                if added and len(there) + added > most:
                    reason = f"{len(there)} of {most} {word} are there"
                    return deny(verdict, f'{reason}; remove one, or raise quota of socket "{quota.socket}"')
    except TimeoutError:
        reason = f"what counts for quota of socket {quota.socket} is not counted within {socket.patience:g} seconds"
        return deny(verdict, f"{reason}; try again later", HTTPStatus.SERVICE_UNAVAILABLE)
    except UnknownObjectError as error:
        reason = f"what counts for quota of socket {quota.socket} is not known: {error}"
        return deny(verdict, reason, HTTPStatus.SERVICE_UNAVAILABLE)
    return verdict


async def _list_ids(socket: "SocketState", word: str, owner: str) -> set[str]:
    """Return the ids of all that an owner has; those of volumes are their names."""
    name, target = _LISTS[word]
    async with socket.lookups:
        target = f"{target}filters={write_filters(owner)}"
        status, content = await socket.shared.resolver.ask(socket.shared.engines, target)
    if status != HTTPStatus.OK:
        raise UnknownObjectError(f"asked for all {word}, the engine answered {status}")
    listing = await read_listing(socket, OPERATIONS[name], content)
    async with socket.lookups:
        labels = await find_labels(socket, listing, owner)
    return {get_object(each.found).id for each in listing.elements if is_counted(each.found, owner, labels)}


def is_counted(found: ResolvedObject | Lookup, owner: str, labels: Mapping[str, Mapping[str, object] | None]) -> bool:
    """Whether something counts as an owner's: it has the stamp, and nothing proves that the stamp is its image's."""
    inherited = labels.get(found.target) if isinstance(found, Lookup) else None
    return find_owner(get_object(found).labels, inherited or {}) == owner


def _count_added(verdict: Verdict, word: str, there: set[str]) -> int:
    """Return how many a request adds to those that are there, by what goes to the engine."""
    if word != "volumes":
        return 1
    content, named = object_of(json.loads(verdict.decision.content or b"{}")), {*verdict.decision.mounts}
    if verdict.operation.name == "VolumeCreate":
        named.add(str(content.get("Name") or ""))  # One without a name is new.
    return len(named - there) + len(list_nonces(content))
