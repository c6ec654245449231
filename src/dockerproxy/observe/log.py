"""The log: one line per record, written by a separate thread.

The data path only appends to a queue. A slow or absent reader of stdout never stalls it. The queue is bounded: lines
that do not fit are dropped, counted, and reported when there is room again.

Both formats are read back (`reading.py`), so a client must not be able to write a record of its own:

Attacks: docs/attacks.md, observe/log.
"""

import functools
import json
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from dockerproxy.observe.polls import Line, Polls, Repeated
from dockerproxy.observe.record import Outcome, Peer, Record, Said, plain_body
from dockerproxy.process_settings import LogFormat, LogPolls
from dockerproxy.settings import Level
from dockerproxy.text import escape, shorten_ids

_QUEUE_LIMIT: Final = 4 * 1024 * 1024
"""Characters that may be queued for the reader."""

_REMEMBERED: Final = 256
"""Clients, and requests, whose formatted part of a line is cached."""

_LONGEST: Final = 1024
"""The longest target and name that are cached. A client may choose one of a quarter of a megabyte."""

_GATHER: Final = 0.02
"""Seconds for which lines are collected, to write many of them with one system call."""


class Log:
    """Writes lines to a descriptor, and queues those that wait.

    Attributes:
        dropped: Lines dropped since the last report.
        watch: Gets each record as a line of JSON, at any log level; None without a watcher.
    """

    def __init__(self, level: Level, style: LogFormat, descriptor: int = 1, *, polls: LogPolls = LogPolls.EACH) -> None:
        self.dropped = self._dropped_before = 0
        self.watch: Callable[[str], None] | None = None
        self._json = style is LogFormat.JSON
        self._format = _write_json if self._json else _write_line
        self._descriptor = descriptor
        self._polls = Polls() if polls is LogPolls.COLLAPSE else None
        self.show_from(level)
        self._queue: deque[str] = deque()
        self._queued = 0
        self._written = 0
        self._failed = self._failed_before = 0
        self._error = ""
        self._is_cut = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._millisecond = 0
        self._clock = ""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def open(self) -> None:
        """Start the thread. Until then lines are queued, because the sandbox closes before there are threads."""
        self._thread.start()

    @property
    def lost(self) -> int:
        """All lines since the start that were dropped, or could not be written."""
        return self._dropped_before + self.dropped + self._failed_before + self._failed

    def show_from(self, level: Level) -> None:
        """From now on, write lines of this level and more severe ones."""
        self._shown = frozenset(other for other in Level if other.rank >= level.rank)

    def exchange(self, record: Record, level: Level = Level.INFO) -> None:
        """Write the line of a finished exchange."""
        if self.watch is not None:
            self.watch(_write_json(record, self._now(), level, ""))
        if level not in self._shown:
            return
        if self._polls is None or level is not Level.INFO:
            self._write(self._format(record, self._now(), level, ""))
        else:
            self._write_all(self._polls.take(record, time.time()))

    def start(self, record: Record) -> None:
        """Write the line for the beginning of a stream or tunnel, which may last for weeks."""
        if self.watch is not None:
            self.watch(_write_json(record, self._now(), Level.INFO, _BEGINS))
        if Level.INFO in self._shown:
            self._write(self._format(record, self._now(), Level.INFO, _BEGINS))

    def message(self, level: Level, text: str) -> None:
        """Write a message. Each line of the text becomes a line of the log."""
        if level not in self._shown:
            return
        for line in text.rstrip("\n").split("\n"):
            self._write(self._format_message(level, line, self._now()))

    def tell(self, said: Iterable[tuple[Level, str]]) -> None:
        """Write several messages."""
        for level, text in said:
            self.message(level, text)

    def close(self, patience: float = 1.0) -> None:
        """Write the queued lines; wait at most `patience` seconds for a slow reader."""
        if self._polls is not None:
            self._write_all(self._polls.finish())
        self._report_dropped()
        self._closing.set()
        self._wake.set()
        if self._thread.ident is None:
            self.open()
        self._thread.join(patience)

    def _write_all(self, lines: Iterable[Line]) -> None:
        for record, repeated in lines:
            self._write(self._format(record, self._now(), Level.INFO, "", repeated))

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
        """Log how many lines were dropped here; this line always fits."""
        if self.dropped and Level.WARNING in self._shown:
            text = f"{self.dropped} lines dropped here, because the reader of this log is too slow"
            line = self._format_message(Level.WARNING, text, self._now())
            self._queued += len(line)
            self._queue.append(line)
        self._dropped_before += self.dropped
        self.dropped = 0

    def _run(self) -> None:
        """Write until closed. Runs in the thread; nothing else takes from the queue or counts written lines."""
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(_GATHER)
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        lines = [self._queue.popleft() for _ in range(len(self._queue))]
        text = "".join(lines)
        report = self._report_failed() if lines else ""
        content = "".join(("\n" if self._is_cut and lines else "", report, text)).encode(errors="backslashreplace")
        data = memoryview(content)
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                self._closing.wait(_GATHER)
            except OSError as error:  # The disk is full, or the reader has gone; serving continues.
                self._error = str(error.strerror)
                break
        if lines:
            self._note_unwritten(content[: len(content) - len(data)], len(lines), has_report=bool(report))
        self._written += len(text)

    def _report_failed(self) -> str:
        """Return a line that says how many lines before it could not be written. Only the thread calls it."""
        if not self._failed or Level.WARNING not in self._shown:
            return ""
        text = f"{self._failed} lines lost here, because the log could not be written: {self._error}"
        return self._format_message(Level.WARNING, text, _write_time(time.time()))

    def _note_unwritten(self, written: bytes, count: int, *, has_report: bool) -> None:
        """Count the lines that are not written completely, and remember whether the last one was cut."""
        if written:
            self._is_cut = not written.endswith(b"\n")
        ends = written.removeprefix(b"\n").count(b"\n")
        if ends or not has_report:  # The report is written, if there was one.
            self._failed_before += self._failed * has_report
            self._failed *= not has_report
        self._failed += count - max(ends - has_report, 0)

    def _now(self) -> str:
        now = int(time.time() * 1000)
        if now != self._millisecond:
            self._millisecond = now
            self._clock = _write_time(now / 1000)
        return self._clock

    def _format_message(self, level: Level, text: str, now: str) -> str:
        if self._json:
            return _dump({"time": now, "level": level.value, "event": "message", "text": text}) + "\n"
        return f"{now} {level} {escape(text).replace(_HEAD, _NO_HEAD)}\n"


_BEGINS: Final = " begins"


def _write_time(seconds: float) -> str:
    """Return a time since 1970 as text, in UTC."""
    milliseconds = round(seconds * 1000)
    return f"{_write_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@functools.lru_cache(1)
def _write_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _write_line(record: Record, now: str, level: Level, begins: str, repeated: Repeated | None = None) -> str:
    """Return a line in the text format. The parts for client and request are cached, because they repeat."""
    socket, peer, method, target, operation, name, decision, source, reason, status, got, sent, ms, needs, new, id_ = (
        record
    )
    created = f" created={_write_word(new)}" if new else ""
    body = "" if needs is None else f" body={_dump(plain_body(needs))}"
    because = f": {_write_text(reason)}" if reason else ""
    times = "" if repeated is None else f" times={repeated.times} since={_write_time(repeated.since)}"
    write_said = _write_said if len(target) + len(name) <= _LONGEST else _write_said.__wrapped__
    return (
        f"{now} {level} {_write_client(socket, peer)} {write_said(method, target, operation, name, decision, source)}"
        f" {status}{created} in={got} out={sent} {ms:.1f}ms id={id_}{begins}{times}{body}{because}\n"
    )


@functools.lru_cache(_REMEMBERED)
def _write_client(socket: str, peer: Peer) -> str:
    return f"{socket} uid={peer.uid} gid={peer.gid} pid={peer.pid}"


@functools.lru_cache(_REMEMBERED)
def _write_said(*said: *Said) -> str:
    method, target, operation, name, decision, source = said
    if decision is Outcome.REFUSED:  # Method and target as the client sent them; otherwise they are canonical.
        method, target = _write_word(method), _write_word(target)
    named = f" of {_write_object(name, target)}" if name else ""
    by = f" by {_write_text(source)}" if source else ""
    return f"{method} {target} {operation or '-'}{named} {decision}{by}"


_HEAD: Final = " uid="
_NO_HEAD: Final = "\\x20uid="
_IS_PLAIN: Final = re.compile(r"[ -\[\]-~]*").fullmatch
"""Printable ASCII without the backslash."""


def _write_text(text: str) -> str:
    """Escape a text of several words, so that it can be read back, and cannot look like another part of a line."""
    if text == "-":  # A dash means empty.
        return "\\x2d"
    if not _IS_PLAIN(text):
        text = text.encode("unicode_escape").decode()
    text = text.replace(_HEAD, _NO_HEAD).replace(" in=", "\\x20in=").replace('{"', '\\x7b"')
    return f"{text[:-1]}\\x20" if text[-1:] == " " else text


def _write_word(text: str) -> str:
    """Write a text as one word; an empty one is a dash."""
    return _write_text(text).replace(" ", "\\x20") or "-"


def _write_object(name: str, target: str) -> str:
    """Return the name of an object. An ID is cut to 12 digits if the target contains the full one."""
    if len(name) < _SHORT_ID and _IS_NAME(name):  # The common case.
        return name
    short = shorten_ids(name)
    if name != short and find_whole_id(short, target) == name:
        return short
    word = _write_word(name)
    # A name that looks like a short ID must not be read back as a full one.
    return f"\\x{ord(name[0]):02x}{word[1:]}" if find_whole_id(name, target) else word


def find_whole_id(short: str, target: str) -> str:
    """Return the first full ID in a target that begins with this short one; empty if there is none."""
    if _IS_SHORT_ID(short) is None:
        return ""
    found = re.search(rf"(?<![0-9A-Za-z]){short}[0-9a-f]{{52}}(?![0-9A-Za-z])", target)
    return found[0] if found is not None else ""


_SHORT_ID: Final = 12
_IS_NAME: Final = re.compile(r"[A-Za-z0-9_./:@][A-Za-z0-9_./:@-]*").fullmatch
_IS_SHORT_ID: Final = re.compile(r"(?:sha256:)?[0-9a-f]{12}").fullmatch


def _write_json(record: Record, now: str, level: Level, begins: str, repeated: Repeated | None = None) -> str:
    socket, peer, method, target, operation, name, decision, source, reason, status, got, sent, ms, needs, new, id_ = (
        record
    )
    event = "start" if begins else "exchange"
    dump_said = _dump_said if len(target) + len(name) <= _LONGEST else _dump_said.__wrapped__
    said = dump_said(method, target, operation, name, decision, source)
    created = f',"created":{_dump(new)}' if new else ""
    body = "" if needs is None else f',"body":{_dump(plain_body(needs))}'
    times = "" if repeated is None else f',"times":{repeated.times},"since":"{_write_time(repeated.since)}"'
    return (
        f'{{"time":"{now}","level":"{level}","event":"{event}",{_dump_client(socket, peer)},{said},'
        f'"reason":{_dump(reason) if reason else _NONE},"status":{status},"received":{got},"sent":{sent},'
        f'"ms":{ms:.1f},"id":"{id_}"{times}{body}{created}}}\n'
    )


_NONE: Final = '""'


@functools.lru_cache(_REMEMBERED)
def _dump_client(socket: str, peer: Peer) -> str:
    return _dump({"socket": socket, **peer._asdict()})[1:-1]


@functools.lru_cache(_REMEMBERED)
def _dump_said(*said: *Said) -> str:
    return _dump(dict(zip(Record._fields[2:8], said, strict=True)))[1:-1]


def _dump(value: object) -> str:
    return _dump_json(value).replace(_HEAD, _NO_HEAD_IN_JSON)


_NO_HEAD_IN_JSON: Final = "\\u0020uid="
_dump_json: Final = json.JSONEncoder(separators=(",", ":")).encode
