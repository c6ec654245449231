"""What the client connections of all sockets share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dockerproxy.observe.log import Log
from dockerproxy.proxy.removals import Removals
from dockerproxy.proxy.resolver import Resolver
from dockerproxy.proxy.tasks import Tasks
from dockerproxy.proxy.turns import Turns
from dockerproxy.proxy.worker import Worker


@dataclass(slots=True)
class Shared:
    """The few long-lived objects of the data path.

    Attributes:
        engines: Paths where the engine may be; a reload may change them.
        tasks: The owner of tasks.
        log: Where records go.
        now: A clock that only goes forward, in seconds.
        remark: What its health check says of the process besides; empty if nothing.
        turns: Those that have much to do with what has come.
        worker: Does what takes long beside the event loop.
        removals: What is removing volumes now.
        resolver: Asks the engine what names mean.
    """

    engines: tuple[str, ...]
    tasks: Tasks
    log: Log
    now: Callable[[], float]
    remark: str = ""
    turns: Turns = field(default_factory=Turns)
    worker: Worker = field(default_factory=Worker)
    removals: Removals = field(default_factory=Removals)
    resolver: Resolver = field(default_factory=Resolver)
