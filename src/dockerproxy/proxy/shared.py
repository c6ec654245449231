"""What the client connections of all sockets share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dockerproxy.observe.log import Log
from dockerproxy.proxy.removals import Removals
from dockerproxy.proxy.tasks import Tasks


@dataclass(slots=True)
class Shared:
    """The few long-lived objects of the data path.

    Attributes:
        engines: Paths where the engine may be; a reload may change them.
        tasks: The owner of tasks.
        log: Where records go.
        now: A clock that only goes forward, in seconds.
        remark: What its health check says of the process besides; empty if nothing.
        removals: What is removing volumes now.
    """

    engines: tuple[str, ...]
    tasks: Tasks
    log: Log
    now: Callable[[], float]
    remark: str = ""
    removals: Removals = field(default_factory=Removals)
