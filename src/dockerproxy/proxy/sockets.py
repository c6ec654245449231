"""State that client connections share: for each socket, its policy and cached results; and for the process.

Attacks: docs/attacks.md, proxy/sockets.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from dockerproxy.api.secrets import redact
from dockerproxy.builds.extra import is_installed
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import JournalPort, LogPort
from dockerproxy.policy.asking import Propose
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.lists import Remembered
from dockerproxy.policy.model import Mode
from dockerproxy.policy.nesting import Mount, find_nested, list_mounts
from dockerproxy.policy.objects import BUILD
from dockerproxy.policy.phases import Judged, Phase, Verdict
from dockerproxy.policy.steps import Fills, PlanKind
from dockerproxy.proxy.connections import PATIENCE, Connections
from dockerproxy.proxy.control import Control
from dockerproxy.proxy.holding import Holding
from dockerproxy.proxy.pending import Places
from dockerproxy.proxy.resolver import Resolver
from dockerproxy.proxy.scheduling import Line, Tasks, Turns, Worker
from dockerproxy.proxy.usage import Usage
from dockerproxy.settings import SocketSettings
from dockerproxy.wire.document import count_parts

LOOKUPS: Final = 8
"""Concurrent lookups for a socket. An answer takes a millisecond, unless the engine is stuck."""

REMOVALS: Final = 8
"""Concurrent requests of a socket that remove volumes. The engine may continue after their clients leave."""

PENDING: Final = 32
"""Connections of a socket for starts that are pending after their clients left, and to inspect these."""

_Value = TypeVar("_Value")

_SHORT_ANSWER: Final = 16 * 1024
"""Bytes of an answer that is processed at once."""

_SHORT: Final = 1024
"""Bytes of a head that is processed at once, before waiting clients. Most have a few hundred."""

LONG_HEAD: Final = 8 * 1024
"""Bytes of a head that is judged at once. This takes a millisecond at worst, and only credentials and filters are
longer. Modes that deny nothing read it several times, so only short heads are judged at once."""

_LONG_BODY: Final = 16 * 1024
_MANY_PARTS: Final = 512
"""Parts of a body that is judged at once, times the cases of its operation: a port takes three parts and 30 µs. A body
for a container has 200."""

_REMEMBERED: Final = 1024
_LONGEST: Final = 2048
_MOST_PARTS: Final = 32
"""Heads that are remembered, their bytes, and their fields and parameters. Each of these takes 80 bytes and more."""


class SocketState:
    """The shared state of a socket's clients: its policy, its limits, and their use.

    Programs poll, with the same bytes each time. The answer to a head is a pure function of its bytes and the policy,
    so it is cached. Heads with credentials are not kept in memory.

    Attributes, besides those of `SocketSettings`:
        shared: The state of the process.
        patience: Seconds for all answers of the engine that one request needs.
        simple: Short heads of earlier simple requests.
        listed: Lists of the engine that were read, by operation and version.
        told: Operations that were already logged for leaving out long list elements.
        short_head: Bytes of a head that is processed before clients that wait for a turn.
        long_head: Heads with more bytes are judged in the worker's thread.
        refuses_nothing: Whether its mode is report or learn.
        is_gone: Whether it was removed. A connection that was accepted just before then ends unanswered.
        is_replaced: Whether another proxy has taken it over. Its clients continue.
        lookups: Limits the concurrent lookups of its clients, and the answers in memory.
        judging: Long jobs of its clients that wait for the worker.
        prunes: Limits its clients' concurrent prunes, each of which keeps a list.
        removals: Limits its clients' concurrent removals of volumes.
        approved_mounts: Host paths that a person allowed. Their containers may outlast every policy.
    """

    def __init__(self, settings: SocketSettings, journal: JournalPort, shared: "Shared") -> None:
        self.journal = journal
        self.shared = shared
        self.patience = PATIENCE
        self._judged: dict[bytes, Judged] = {}
        self.simple: dict[bytes, Verdict] = {}
        self.listed: Remembered = {}
        self.is_gone = self.is_replaced = False
        self._sheds = False
        self.connections = Connections(settings.limits)
        self.usage = Usage(settings.limits)
        self.lookups = asyncio.Semaphore(LOOKUPS)
        self.judging = Line()
        self.told: set[str] = set()
        self.prunes = asyncio.Semaphore(REMOVALS)
        self.removals = asyncio.Semaphore(REMOVALS)
        self.approved_mounts: tuple[Mount, ...] = ()
        self.replace(settings)

    def replace(self, settings: SocketSettings) -> None:
        """Judge by new settings from now on. An exchange that has begun keeps its decision."""
        self.journal.replace(settings)
        self.name: str = settings.name
        self.remark: str = settings.remark
        self.policy: CompiledPolicy = settings.policy
        self.limits = settings.limits
        self.sweep, self.idle_after = settings.sweep, settings.idle_after
        self.short_head = min(_SHORT, settings.limits.head)
        self.connections.bound_by(settings.limits)
        self.usage.bound_by(settings.limits)
        self.refuses_nothing: bool = settings.policy.mode is not Mode.ENFORCE
        self.notes_created = self.refuses_nothing or settings.notes_created
        self.long_head = _SHORT if self.refuses_nothing else LONG_HEAD
        self._forget()

    @property
    def scope(self) -> str:
        """The scope of names that build clients choose."""
        return f"own_as {self.policy.owner}" if self.policy.owner else f"socket {self.name}"

    @property
    def judges_builds(self) -> bool:
        """Whether it judges builds of BuildKit's clients, some of which may be allowed."""
        return is_installed() and self.policy.reads_builds and self.policy.allows(BUILD)

    async def process(self, content: bytes, work: Callable[[], _Value]) -> _Value:
        """Process a content; a long one in a thread, so that others do not wait."""
        return work() if len(content) <= _SHORT_ANSWER else await self.shared.worker.run(self.judging, work)

    def find_places(self, what: str) -> Places:
        """Return the places of its owner, or of the socket without one, that a key of `quota` limits."""
        return self.shared.places.setdefault(f"{what} of {self.scope}", Places())

    def find_nested(self, policy: CompiledPolicy) -> Iterator[str]:
        """Describe mounts of a policy that nest with those of this one, or of a person's answers."""
        old, new = (list_mounts(each.grants, each.places) for each in (self.policy.policy, policy.policy))
        had = (*old, *self.approved_mounts)
        for nested in (*find_nested(new, had), *find_nested(had, new)):
            yield f"{nested.describe()}; remove the containers from before this reload"

    def shed_soon(self) -> None:
        """Close the connections with the most buffered data, until it is within the limit."""
        if not self._sheds:
            self._sheds = True
            asyncio.get_running_loop().call_soon(self._shed)

    def _shed(self) -> None:
        for connection in self.connections.list_by_weight():
            if not (self.usage.is_too_much and connection.buffers.size):
                break
            connection.give_way()
        self._sheds = False

    def judge(self, head: bytes) -> Judged | Refusal:
        """Judge a request head."""
        found = self._judged.get(head)
        if found is not None:
            return found
        judged = judge(self.policy, head)
        if isinstance(judged, Judged) and _is_short(head) and not _has_credentials(judged):
            if len(self._judged) >= _REMEMBERED:
                self._forget()
            self._judged[head] = judged
            if isinstance(judged, Verdict) and judged.is_simple and not self.refuses_nothing:
                self.simple[head] = judged
        return judged

    def _forget(self) -> None:
        self._judged.clear()
        self.simple.clear()


def is_quick(judged: Phase, content: bytes) -> bool:
    """Whether a request can be judged at once, by its body. Modes that deny nothing read it several times.

    Judging is pure, so it can run anywhere: a request keeps its policy. Meanwhile its client is in HELD, and later
    bytes wait in its inbox.
    """
    name = judged.operation.name
    if len(content) > _LONG_BODY or (content and judged.mode is not Mode.ENFORCE):
        return False
    return count_parts(content) * max(1, len(judged.policy.cases.get(name, ()))) <= _MANY_PARTS


def make_nonce() -> str:
    """Return 16 random bytes in hexadecimal, for the stamp of a new object."""
    return os.urandom(16).hex()


def _is_short(head: bytes) -> bool:
    """Whether a head takes little memory."""
    return len(head) <= _LONGEST and head.count(b"\n") + head.count(b"&") <= _MOST_PARTS


def _has_credentials(judged: Judged) -> bool:
    if redact(judged.target) is not judged.target:
        return True
    return any(name.startswith((b"x-registry", b"authorization", b"cookie")) for name, _ in judged.head.fields)


class Shared:
    """The few long-lived objects of the data path.

    Attributes:
        engines: Possible paths of the engine; a reload may change them.
        now: A monotonic clock, in seconds.
        propose: Finds the grant that a person is asked for (`advice/questions`).
        remark: What a health check adds about the process; empty if nothing.
        counting: By owner, the lock from counting for a quota to the engine's answer.
        places: By owner, the places for starts that are pending, and for builds.
    """

    def __init__(
        self, engines: tuple[str, ...], tasks: Tasks, log: LogPort, now: Callable[[], float], propose: Propose
    ) -> None:
        self.engines = engines
        self.tasks = tasks
        self.log = log
        self.now = now
        self.propose = propose
        self.remark = ""
        self.turns = Turns()
        self.worker = Worker(now)
        self.holding = Holding()
        self.fills = Fills()
        self.resolver = Resolver()
        self.control = Control(log)
        self.counting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.places: WeakValueDictionary[str, Places] = WeakValueDictionary()

    def has_plan(self, verdict: Verdict) -> bool:
        """Whether a request needs more than forwarding.

        The volumes of an unread body only matter while a volume may be filled, or is held.
        """
        return verdict.plan is not None and (
            verdict.plan is not PlanKind.MOUNT_UNREAD or bool(self.fills or self.holding)
        )
