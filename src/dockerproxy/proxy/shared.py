"""What all client connections share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dockerproxy.observe.log import Log
from dockerproxy.proxy.connections import Connections
from dockerproxy.proxy.tasks import Tasks

QUESTIONS: Final = 32
"""That the engine is asked at one time. An answer comes in a millisecond, unless the engine is stuck."""


@dataclass(slots=True)
class Shared:
    """The few long-lived objects of the data path.

    Attributes:
        engines: Paths where the engine may be; a reload may change them.
        connections: The registry of client connections.
        tasks: The owner of tasks.
        log: Where records go.
        now: A clock that only goes forward, in seconds.
        questions: Bounds how many the engine is asked at one time: each takes a descriptor, and memory for its answer.
    """

    engines: tuple[str, ...]
    connections: Connections
    tasks: Tasks
    log: Log
    now: Callable[[], float]
    questions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(QUESTIONS))
