"""What the client connections of all sockets share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from dockerproxy.observe.log import Log
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
        removals: Has volumes removed one after the other where a condition is about them.
    """

    engines: tuple[str, ...]
    tasks: Tasks
    log: Log
    now: Callable[[], float]
    remark: str = ""
    removals: asyncio.Lock = field(default_factory=asyncio.Lock)
