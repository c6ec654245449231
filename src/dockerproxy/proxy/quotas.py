"""Quotas: before a request goes on that adds to one, what is there is counted, and what is asked for is reserved.

The engine is asked for what is an owner's, under a lock of that owner. What a request adds is reserved until the engine
is done with it, and counted beside what the engine lists; by its marks it is known there, so it counts once. The lock
is held as long as it takes to count, and no longer.

- Attack: many creates at once, on several sockets of one owner -> Defence: one counts after the other, and each counts
  what those before it have reserved (test: test_creates_at_once_do_not_pass_a_quota).
- Attack: end the connection while the engine works -> Defence: what is reserved is so until the engine is done
  (test: test_what_a_client_left_is_counted_until_the_engine_is_done).
- Attack: have a request end between being listed and being counted -> Defence: reservations count as they were before
  the engine was asked (test: test_a_create_that_ends_while_another_one_counts_is_not_missed).
- Attack: have the engine work for hours, to keep others waiting -> Defence: none waits for the engine's work, and a
  socket has a bound of requests that it works on (test: test_a_slow_engine_keeps_no_other_create_waiting).
- Attack: an engine that says nothing while it is asked -> Defence: it has its time, then the request is denied
  (test: test_what_cannot_be_counted_is_denied).
Two proxies before one engine know nothing of what is under way through the other.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.lists import write_filters
from dockerproxy.policy.objects import get_object
from dockerproxy.policy.phases import Verdict, deny
from dockerproxy.policy.quota import Quota
from dockerproxy.policy.uses import Item, count_object, find_asked, find_excess, is_counted
from dockerproxy.proxy.resolver import UnknownObjectError
from dockerproxy.proxy.views import find_labels, read_listing

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.sockets import SocketState

_LISTS: Final = {
    "containers": ("ContainerList", "/containers/json?all=1&"),
    "networks": ("NetworkList", "/networks?"),
    "volumes": ("VolumeList", "/volumes?"),
}
"""By what is counted: how the engine is asked for it. Docker's API, which Podman serves as well."""


class Ledger:
    """What is under way for one owner.

    Attributes:
        lock: Held while one counts.
        pending: What is reserved.
        users: How many requests need it.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.pending: list[tuple[Item, ...]] = []
        self.users = 0

    @contextmanager
    def keep(self, items: tuple[Item, ...]) -> Iterator[None]:
        """Reserve something inside of the block."""
        self.pending.append(items)
        try:
            yield
        finally:
            self.pending.remove(items)


class Ledgers:
    """The ledgers of all owners of whom something is under way that adds to a quota."""

    def __init__(self) -> None:
        self._ledgers: dict[str, Ledger] = {}

    def __len__(self) -> int:
        return len(self._ledgers)

    @contextmanager
    def open(self, owner: str) -> Iterator[Ledger]:
        """Have the ledger of an owner inside of the block."""
        ledger = self._ledgers.setdefault(owner, Ledger())
        ledger.users += 1
        try:
            yield ledger
        finally:
            ledger.users -= 1
            if not ledger.users:
                del self._ledgers[owner]


async def reserve(stack: AsyncExitStack, client: "Client", policy: CompiledPolicy, verdict: Verdict) -> Verdict:
    """Reserve what a request adds until the stack ends; return its verdict, or a denial if that is too much."""
    socket = client.socket
    if policy.policy.quota is None:
        return verdict
    quota = policy.policy.quota.for_operation(verdict.operation.name)
    ledger = stack.enter_context(socket.shared.ledgers.open(policy.owner))
    try:
        async with asyncio.timeout(socket.patience):
            await stack.enter_async_context(socket.counted)
            async with ledger.lock:
                pending = tuple(item for items in ledger.pending for item in items)
                listed = await _count(socket, quota, policy.owner)
                asked = find_asked(verdict.request, verdict.decision, verdict.known)
                excess = find_excess(quota, listed, pending, asked)
                if not excess:
                    stack.enter_context(ledger.keep(asked))
    except TimeoutError:
        reason = f"what counts for quota of socket {quota.socket} is not counted within {socket.patience:g} seconds"
        return deny(verdict, f"{reason}; try again later", HTTPStatus.SERVICE_UNAVAILABLE)
    except UnknownObjectError as error:
        reason = f"what counts for quota of socket {quota.socket} is not known: {error}"
        return deny(verdict, reason, HTTPStatus.SERVICE_UNAVAILABLE)
    return deny(verdict, excess) if excess else verdict


async def _count(socket: "SocketState", quota: Quota, owner: str) -> tuple[Item, ...]:
    """Return all of an owner's that a quota is about."""
    found: list[Item] = []
    for word in quota.most:
        name, target = _LISTS[word]
        async with socket.lookups:
            status, content = await socket.shared.resolver.ask(
                socket.shared.engines, f"{target}filters={write_filters(owner)}"
            )
        if status != HTTPStatus.OK:
            raise UnknownObjectError(f"asked for all {word}, the engine answered {status}")
        listing = await read_listing(socket, OPERATIONS[name], content)
        async with socket.lookups:
            labels = await find_labels(socket, listing, owner)
        counted = (each.found for each in listing.elements if is_counted(each.found, owner, labels))
        found += [count_object(word, get_object(each)) for each in counted]
    return tuple(found)
