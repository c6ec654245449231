"""Export metrics: on a socket, and to a file that node_exporter reads."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dockerproxy.host.files import check_directory, write_atomically
from dockerproxy.host.listen import Listening, listen
from dockerproxy.host.process import Process
from dockerproxy.observe.exposition import Family, Kind, write_metrics
from dockerproxy.observe.log import Log
from dockerproxy.problems import UserError
from dockerproxy.process_settings import Settings
from dockerproxy.proxy.metrics import Measured, collect
from dockerproxy.proxy.scrape import Scrape
from dockerproxy.settings import Level, SocketFile
from dockerproxy.version import VERSION

_EVERY: Final = 15.0
"""Seconds between two versions of the file; by default, Prometheus scrapes node_exporter no more often."""

_BACKLOG: Final = 16
_SOCKET_MODE: Final = 0o660
_FILE_MODE: Final = 0o644
"""node_exporter runs as another user."""


class Exporter:
    """Exports the metrics of sockets, as configured.

    Args:
        settings: The paths of socket and file.
        log: The log, for failures to write the file.
        list_measured: Returns the currently served sockets.
    """

    def __init__(self, settings: Settings, log: Log, list_measured: Callable[[], Sequence[Measured]]) -> None:
        self._path, self._file = settings.metrics_socket, settings.metrics_file
        self._takes_over = settings.takes_over
        self._log = log
        self._list_measured = list_measured
        self._process = Process()
        self.listening: Listening[SocketFile] | None = None
        self._acceptor: asyncio.AbstractServer | None = None
        self._scrapes: set[Scrape] = set()
        self._failed = False
        self._wrote: tuple[int, ...] = ()

    async def open(self) -> None:
        """Open the socket without accepting connections yet; a socket in use stays in place.

        Raises:
            UserError: It cannot be opened, or the file's directory cannot be written to.
        """
        problems = check_directory(os.path.dirname(self._file)) if self._file else ()
        if problems:
            raise UserError(*problems)
        if self._path:
            place = SocketFile(path=self._path, permissions=_SOCKET_MODE, uid=None, gid=None)
            self.listening = listen(place, _BACKLOG, takes_over=self._takes_over)
            self._acceptor = await asyncio.get_running_loop().create_unix_server(
                lambda: Scrape(self._scrapes, self._write_openmetrics),
                sock=self.listening.socket,
                backlog=_BACKLOG,
                start_serving=False,
            )
            self._log.message(Level.NOTICE, f"metrics are on {self._path} with mode {_SOCKET_MODE:04o}")

    async def run(self) -> None:
        """Accept clients, and write the file periodically."""
        if self._acceptor is not None:
            await self._acceptor.start_serving()
        while self._file:
            await self._write_file()
            await asyncio.sleep(_EVERY)

    def close(self) -> None:
        """Stop accepting, and remove the file, so that the proxy does not seem to run."""
        if self.listening is not None:
            self.listening.remove()
        if self._acceptor is not None:
            self._acceptor.close()
        for scrape in tuple(self._scrapes):
            scrape.abort()
        if self._wrote and self._find_version() == self._wrote:
            with contextlib.suppress(OSError):
                os.unlink(self._file)
        self._process.close()

    async def _write_file(self) -> None:
        """Write the file, unless another proxy took over and wrote it after us; log a failure once.

        A thread writes, so that a slow disk delays no client.
        """
        if self._wrote and self._find_version() not in {self._wrote, ()}:
            return
        text = write_metrics(self._collect(), openmetrics=False)
        try:
            await asyncio.to_thread(write_atomically, self._file, text, _FILE_MODE)
        except OSError as error:
            if not self._failed:
                text = f"cannot write {self._file}: {error.strerror or error}; retrying"
                self._log.message(Level.ERR, text)
            self._failed = True
        else:
            self._failed, self._wrote = False, self._find_version()

    def _find_version(self) -> tuple[int, ...]:
        """Return the identity of the file's version, not only the inode, which may be reused; () without a file."""
        try:
            status = os.stat(self._file)
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns

    def _write_openmetrics(self) -> str:
        return write_metrics(self._collect(), openmetrics=True)

    def _collect(self) -> Iterator[Family]:
        yield from collect(self._list_measured())
        text = "Lines lost because the log's reader is slow, or writing failed."
        yield Family("dockerproxy_log_lines_dropped", Kind.COUNTER, text).add(self._log.lost)
        text = "Version of the proxy; always 1."
        yield Family("dockerproxy_build_info", Kind.GAUGE, text).add(1, version=VERSION)
        # With a prefix, because node_exporter has the same metrics about itself.
        yield Family("dockerproxy_process_cpu_seconds", Kind.COUNTER, "Processor time.").add(time.process_time())
        memory = self._process.find_memory()
        yield Family("dockerproxy_process_resident_memory_bytes", Kind.GAUGE, "Bytes in memory.").add(memory)
        text = "When it was started, since 1970."
        yield Family("dockerproxy_process_start_time_seconds", Kind.GAUGE, text).add(self._process.started)
