"""What the client connections of all sockets share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from dockerproxy.observe.ports import LogPort
from dockerproxy.proxy.control import Control
from dockerproxy.proxy.quotas import Ledgers
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
        now: A clock that only goes forward, in seconds.
        remark: What its health check says of the process besides; empty if nothing.
        naming: Held while a client gives or takes away names of images.
        runs: Names of images by which containers are being created, or that are being saved or sent.
    """

    engines: tuple[str, ...]
    tasks: Tasks
    log: LogPort
    now: Callable[[], float]
    remark: str = ""
    turns: Turns = field(default_factory=Turns)
    worker: Worker = field(default_factory=Worker)
    removals: Removals = field(default_factory=Removals)
    resolver: Resolver = field(default_factory=Resolver)
    ledgers: Ledgers = field(default_factory=Ledgers)
    naming: asyncio.Lock = field(default_factory=asyncio.Lock)
    runs: list[str] = field(default_factory=list)
    control: Control = field(init=False)

    def __post_init__(self) -> None:
        """Let operators watch the records of this log."""
        self.control = Control(self.log)
