"""What client connections share: those of one socket, its policy and what was worked out already, and those of all.

Attacks: docs/attacks.md, proxy/sockets.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Final
from weakref import WeakValueDictionary

from dockerproxy.api.secrets import redact
from dockerproxy.builds.extra import is_installed
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import JournalPort, LogPort
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.creating import mount_unread
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Mode
from dockerproxy.policy.nesting import Mount, find_nested, list_mounts
from dockerproxy.policy.objects import BUILD
from dockerproxy.policy.phases import Judged, Phase, Verdict
from dockerproxy.policy.steps import Fills
from dockerproxy.proxy.connections import PATIENCE, Connections
from dockerproxy.proxy.control import Control
from dockerproxy.proxy.holding import Holding
from dockerproxy.proxy.resolver import Resolver
from dockerproxy.proxy.scheduling import Line, Tasks, Turns, Worker
from dockerproxy.proxy.usage import Usage
from dockerproxy.settings import SocketSettings
from dockerproxy.views.lists import Remembered
from dockerproxy.wire.document import count_parts

LOOKUPS: Final = 8
"""That the engine is asked at one time for a socket. An answer comes in a millisecond, unless the engine is stuck."""

REMOVALS: Final = 8
"""Requests of a socket that remove volumes at one time. The engine may still be at it when their clients have gone."""

_SHORT: Final = 1024
"""Bytes of a head that is taken at once, whatever else has come. Most have a few hundred."""

LONG_HEAD: Final = 8 * 1024
"""Bytes of a head that is judged at once. One of so many takes a millisecond at worst, and only credentials and filters
are longer. Where nothing is refused it is read many times, and only short ones are judged at once."""

_LONG_BODY: Final = 16 * 1024
_MANY_PARTS: Final = 512
"""Of a body that is judged at once, for all cases of its operation together: a port takes three parts and 30 µs. What
makes a container has 200."""

_REMEMBERED = 1024
_LONGEST = 2048


class SocketState:
    """What the clients of one socket share: its policy, its limits and what is used up of them.

    Programs poll: the same bytes come again and again. The answer to a head is a pure function of its bytes and
    the policy, so it is remembered under them. Heads that carry credentials are not kept in memory.

    Attributes, besides those of `SocketSettings`:
        shared: What it has in common with all others.
        patience: Seconds in which the engine must have answered all that it is asked for one request.
        simple: Short heads that came before, which are simple to pass on.
        listed: Lists of the engine's that were read, by operation and version.
        told: Operations of which the log says already that lists lack elements that are too long.
        short_head: Bytes of a head that is taken before those who wait for a turn.
        long_head: Bytes of a head above which it is judged beside the loop.
        refuses_nothing: Whether its mode is to report or to learn.
        is_gone: Whether it was removed; a connection that was accepted just before then ends unheard.
        is_replaced: Whether another proxy has taken it over, whose clients go on.
        lookups: Bounds how many are asked at one time for its clients, so that others are not kept waiting by them.
        judging: The long jobs of its clients that wait for the worker.
        removals: Bounds how many remove volumes at one time for its clients.
        approved_mounts: Paths of the host that a person allowed. Their containers may outlast every policy.
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
        self.removals = asyncio.Semaphore(REMOVALS)
        self.approved_mounts: tuple[Mount, ...] = ()
        self.replace(settings)

    def replace(self, settings: SocketSettings) -> None:
        """Judge by other settings from now on; an exchange that has begun keeps what was decided."""
        self.journal.replace(settings)
        self.name: str = settings.name
        self.remark: str = settings.remark
        self.policy: CompiledPolicy = settings.policy
        if self.policy.reads_builds and self.policy.allows(BUILD) and is_installed():
            import_module("dockerproxy.proxy.building")  # Not when the first build comes, while others wait.
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
        """Whose the names are that clients of builds make up."""
        return f"own_as {self.policy.owner}" if self.policy.owner else f"socket {self.name}"

    def find_nested(self, policy: CompiledPolicy) -> Iterator[str]:
        """Say which mounts of a policy nest with those that containers may have by this one, or by an answer."""
        old, new = (list_mounts(each.grants, each.places) for each in (self.policy.policy, policy.policy))
        had = (*old, *self.approved_mounts)
        for nested in (*find_nested(new, had), *find_nested(had, new)):
            yield f"{nested.describe()}; remove the containers from before this reload"

    def shed_soon(self) -> None:
        """Have those give way for which most is held, until it is not too much."""
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
        """Decide about a request head."""
        found = self._judged.get(head)
        if found is not None:
            return found
        judged = judge(self.policy, head)
        if isinstance(judged, Judged) and len(head) <= _LONGEST and not _has_credentials(judged):
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
    """Whether a request can be judged at once, by its body. Where nothing is refused it is read many times.

    Judging is pure, so it may run anywhere: a request has the policy that it came under. Its client waits in HELD
    meanwhile, and what it sends behind the request waits in its inbox.
    """
    name = judged.operation.name
    if len(content) > _LONG_BODY or (content and judged.mode is not Mode.ENFORCE):
        return False
    return count_parts(content) * max(1, len(judged.policy.cases.get(name, ()))) <= _MANY_PARTS


def make_nonce() -> str:
    """Return 16 random bytes in hexadecimal, for the stamp of an object that a request creates."""
    return os.urandom(16).hex()


def _has_credentials(judged: Judged) -> bool:
    if redact(judged.target) is not judged.target:
        return True
    return any(name.startswith((b"x-registry", b"authorization", b"cookie")) for name, _ in judged.head.fields)


class Shared:
    """The few long-lived objects of the data path.

    Attributes:
        engines: Paths where the engine may be; a reload may change them.
        now: A clock that only goes forward, in seconds.
        remark: What its health check says of the process besides; empty if nothing.
        counting: By owner, what is held from counting for a quota to the engine's answer.
    """

    def __init__(self, engines: tuple[str, ...], tasks: Tasks, log: LogPort, now: Callable[[], float]) -> None:
        self.engines = engines
        self.tasks = tasks
        self.log = log
        self.now = now
        self.remark = ""
        self.turns = Turns()
        self.worker = Worker(now)
        self.holding = Holding()
        self.fills = Fills()
        self.resolver = Resolver()
        self.control = Control(log)
        self.counting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def has_plan(self, verdict: Verdict) -> bool:
        """Whether more is done with a request than to pass it on.

        Which volumes an unjudged body mounts is only read while a volume may be filled, or is held.
        """
        return verdict.plan is not None and (verdict.plan is not mount_unread or bool(self.fills or self.holding))
