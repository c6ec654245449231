"""What all client connections share."""

from collections.abc import Callable
from dataclasses import dataclass

from dockerproxy.observe.log import Log
from dockerproxy.proxy.connections import Connections
from dockerproxy.proxy.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Shared:
    """The few long-lived objects of the data path.

    Attributes:
        engines: Paths where the engine may be.
        connections: The registry of client connections.
        tasks: The owner of tasks.
        log: Where records go.
        now: A clock that only goes forward, in seconds.
    """

    engines: tuple[str, ...]
    connections: Connections
    tasks: Tasks
    log: Log
    now: Callable[[], float]
