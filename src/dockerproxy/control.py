"""Open the control socket, on which operators watch the proxy and answer questions."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final

from dockerproxy.host.listen import Listening, listen
from dockerproxy.observe.log import Log
from dockerproxy.process_settings import Settings
from dockerproxy.proxy.control import MOST_READERS, Control, Reader
from dockerproxy.settings import Level, SocketFile
from dockerproxy.version import VERSION

_EVERY: Final = 1.0
"""Seconds between two lists of open connections."""

_MODE: Final = 0o600
"""Only our user may connect, because a reader sees all requests and can allow them."""

PROTOCOL: Final = 1


class ControlSocket:
    """The control socket of a proxy, and its connections.

    Args:
        settings: Its path, if any, and whether it replaces that of another proxy.
        log: The log.
        control: The connected readers.
        describe_open: Returns a description of the open connections.
    """

    def __init__(
        self, settings: Settings, log: Log, control: Control, describe_open: Callable[[], dict[str, object]]
    ) -> None:
        self._path, self._takes_over = settings.control_socket, settings.takes_over
        self._log = log
        self._control = control
        self._describe_open = describe_open
        self._hello = {"protocol": PROTOCOL, "version": VERSION, "pid": os.getpid(), "started": time.time()}
        self.listening: Listening[SocketFile] | None = None
        self._acceptor: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Open the socket without accepting connections yet; a socket in use stays in place.

        Raises:
            UserError: It cannot be opened.
        """
        if not self._path:
            return
        place = SocketFile(path=self._path, permissions=_MODE, uid=None, gid=None)
        self.listening = listen(place, MOST_READERS, takes_over=self._takes_over)
        self._acceptor = await asyncio.get_running_loop().create_unix_server(
            lambda: Reader(self._control, self._greet),
            sock=self.listening.socket,
            backlog=MOST_READERS,
            start_serving=False,
        )
        self._log.message(Level.NOTICE, f"operators connect to {self._path} with mode {_MODE:04o}")

    async def run(self) -> None:
        """Accept operators, and send them the list of open connections periodically."""
        if self._acceptor is None:
            return
        await self._acceptor.start_serving()
        while True:
            await asyncio.sleep(_EVERY)
            if self._control.readers:
                self._control.tell_open(self._describe_open())

    def close(self) -> None:
        """Stop accepting, and disconnect the readers."""
        if self.listening is not None:
            self.listening.remove()
        if self._acceptor is not None:
            self._acceptor.close()
        for reader in tuple(self._control.readers):
            reader.abort()

    def _greet(self, reader: Reader) -> None:
        reader.tell("hello", self._hello)
        reader.tell("open", {**self._describe_open(), "lost": 0})
