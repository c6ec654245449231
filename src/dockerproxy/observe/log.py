"""The log: one line per record, written by a thread.

The data path only appends to a bounded queue, so a slow or closed reader of stdout never stalls it. Lines that do not
fit are dropped, counted and reported.
"""

import json
import os
import threading
import time
from collections import deque
from typing import Final

from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.model import Pairs, Value
from dockerproxy.settings import Level, LogFormat
from dockerproxy.text import escape

_QUEUE_LIMIT: Final = 4 * 1024 * 1024
"""Characters that may wait for the reader."""

_GATHER: Final = 0.02
"""Seconds that lines wait to be written together: one system call for many."""


class Log:
    """Writes lines to a descriptor.

    Attributes:
        dropped: Lines that found no room since the last report.
    """

    def __init__(self, level: Level, style: LogFormat, descriptor: int = 1) -> None:
        self.dropped = 0
        self._json = style is LogFormat.JSON
        self._descriptor = descriptor
        self._shown = frozenset(other for other in Level if other.rank >= level.rank)
        self._queue: deque[str] = deque()
        self._queued = 0
        self._written = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._millisecond = 0
        self._clock = ""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def open(self) -> None:
        """Start to write. Until then lines wait: what restricts the process is there before its second thread."""
        self._thread.start()

    def exchange(self, record: Record, level: Level = Level.INFO) -> None:
        """Write the line of a finished exchange."""
        if level in self._shown:
            self._write(self._format(record, level, "exchange"))

    def start(self, record: Record) -> None:
        """Write the line of a stream or tunnel that has begun; it may last for weeks."""
        if Level.INFO in self._shown:
            self._write(self._format(record, Level.INFO, "start"))

    def message(self, level: Level, text: str) -> None:
        """Write something else than an exchange. Each line of the text becomes a line of the log."""
        if level not in self._shown:
            return
        for line in text.rstrip("\n").split("\n"):
            self._write(self._format_message(level, line))

    def close(self, patience: float = 1.0) -> None:
        """Write what is queued, waiting no longer than `patience` seconds for a slow reader."""
        self._report_dropped()
        self._closing.set()
        self._wake.set()
        if self._thread.ident is None:
            self.open()
        self._thread.join(patience)

    def _write(self, line: str) -> None:
        if self._queued - self._written > _QUEUE_LIMIT:
            self.dropped += 1
            return
        if self.dropped:
            self._report_dropped()
        self._queued += len(line)
        self._queue.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def _report_dropped(self) -> None:
        """Say how many lines are missing here; this line itself always finds room."""
        if self.dropped and Level.WARNING in self._shown:
            text = f"{self.dropped} lines dropped here: whatever reads this log is too slow"
            line = self._format_message(Level.WARNING, text)
            self._queued += len(line)
            self._queue.append(line)
        self.dropped = 0

    def _run(self) -> None:
        """Write until closed. Runs in the thread, which alone takes from the queue and counts what is written."""
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(_GATHER)
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        lines = [self._queue.popleft() for _ in range(len(self._queue))]
        text = "".join(lines)
        data = memoryview(text.encode(errors="backslashreplace"))
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                self._closing.wait(_GATHER)
            except OSError:
                break  # The reader is gone; serving goes on.
        self._written += len(text)

    def _now(self) -> str:
        now = int(time.time() * 1000)
        if now != self._millisecond:
            self._millisecond = now
            self._clock = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 1000))}.{now % 1000:03d}Z"
        return self._clock

    def _format_message(self, level: Level, text: str) -> str:
        if self._json:
            return _dump({"time": self._now(), "level": level.value, "event": "message", "text": text})
        return f"{self._now()} {level} {escape(text)}\n"

    def _format(self, record: Record, level: Level, event: str) -> str:
        if self._json:
            return _dump(_fields(record, self._now(), level, event))
        uid, gid, pid = record.peer
        method, target = record.method, record.target
        if record.decision is Outcome.REFUSED:  # As sent; all others are canonical.
            method, target = escape(method).replace(" ", "\\x20"), escape(target).replace(" ", "\\x20")
        named = f" of {escape(record.object)}" if record.object else ""
        source = f" by {record.source}" if record.source else ""
        end = f" {record.milliseconds:.1f}ms" if event == "exchange" else " begins"
        reason = f": {escape(record.reason)}" if record.reason else ""
        return (
            f"{self._now()} {level} {record.socket} uid={uid} gid={gid} pid={pid}"
            f" {method or '-'} {target or '-'} {record.operation or '-'}{named} {record.decision}{source}"
            f" {record.status} in={record.received} out={record.sent}{end}{reason}\n"
        )


def _fields(record: Record, now: str, level: Level, event: str) -> dict[str, object]:
    body = {} if record.body is None else {"body": {word: _plain(value) for word, value in record.body.items()}}
    return {
        "time": now,
        "level": level.value,
        "event": event,
        "socket": record.socket,
        **record.peer._asdict(),
        "method": record.method,
        "target": record.target,
        "operation": record.operation,
        "object": record.object,
        "decision": record.decision.value,
        "source": record.source,
        "reason": record.reason,
        "status": record.status,
        "received": record.received,
        "sent": record.sent,
        "ms": round(record.milliseconds, 1),
        **body,
    }


def _plain(value: Value) -> object:
    """Return a value as JSON has it."""
    return dict(value.items) if isinstance(value, Pairs) else value


def _dump(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"
