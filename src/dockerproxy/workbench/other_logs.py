"""Read requests in the logs of other proxies: HAProxy's (Tecnativa, LinuxServer) and wollomatic's.

They have no clients and no bodies. HAProxy, as configured in these images, writes no time zone; their containers use
UTC. CetusGuard's log is not read: it writes paths unescaped, line breaks included, so its clients can forge lines.

Formats: HAProxy 3.2 (`option httplog`), wollomatic/socket-proxy 1.13 (Go's slog, as text and JSON).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import quote

from dockerproxy.api.request import canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.workbench.reading import parse

SOCKET: Final = "docker"
"""The name of the socket in the records: these proxies have one socket."""

_ALLOWED: Final = 200, Outcome.ALLOWED
_DENIED: Final = 403, Outcome.DENIED
"""The status of a line without one, by the outcome."""

_HAPROXY: Final = re.compile(
    r"\[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3})\.\d+\] \S+ [^/ ]+/(?P<server>\S+)"
    r' [-+\d/]+ (?P<status>-?\d+) \+?\d+ - - \S+ \S+ \S+ "(?P<method>[A-Z]+) (?P<target>\S+) HTTP/1\.[01]"'
).search
_ESCAPED: Final = re.compile("#([0-9A-F]{2})")
"""An escaped byte of a request line, which could otherwise end the field."""

_NO_SERVER: Final = "<NOSRV>"
"""The server in a line for a request that HAProxy denied."""

_SLOG: Final = re.compile(
    r'time=(?P<time>[-+.:0-9TZ]+) level=\S+ msg="(?P<msg>allowed|blocked) request"(?: reason=(?:"[^"]*"|\S+))?'
    r' method=(?P<method>[A-Z]+) URL=(?P<url>"[^"\\]*"|\S+) client='
).search


def read_other(line: str) -> Mapping[str, object]:
    """Return the fields of a record, as in our JSON log; empty if the line has no request to another proxy."""
    fields = parse(line)
    if isinstance(fields.get("log"), str):
        return read_other(cast("str", fields["log"]))
    found = next((each for read in (_read_haproxy, _read_slog) for each in read(line)), None)
    if found is None:
        found = next(_read_slog_json(fields), None)
    return {} if found is None else _make_record(*found)


_Request = tuple[str, str, str, tuple[int, Outcome]]
"""Time, method, target and outcome."""


def _read_haproxy(line: str) -> Iterator[_Request]:
    if found := _HAPROXY(line):
        time = datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S").replace(tzinfo=UTC)
        passed = int(found["status"]), Outcome.ALLOWED
        target = _ESCAPED.sub(r"%\1", found["target"])
        yield time.isoformat(), found["method"], target, _DENIED if found["server"] == _NO_SERVER else passed


def _read_slog(line: str) -> Iterator[_Request]:
    if found := _SLOG(line):
        became = _ALLOWED if found["msg"] == "allowed" else _DENIED
        yield found["time"], found["method"], found["url"].strip('"'), became


def _read_slog_json(fields: Mapping[str, object]) -> Iterator[_Request]:
    url, said = fields.get("URL"), fields.get("msg")
    if isinstance(url, dict) and said in ("allowed request", "blocked request"):
        path, query = str(url.get("RawPath") or quote(str(url.get("Path")), safe="/:@")), str(url.get("RawQuery", ""))
        became = _ALLOWED if said == "allowed request" else _DENIED
        yield str(fields.get("time")), str(fields.get("method")), path + (f"?{query}" if query else ""), became


def _make_record(time: str, method: str, target: str, became: tuple[int, Outcome]) -> Mapping[str, object]:
    request, (status, outcome) = canonicalise(method, target), became
    record = {
        **dict.fromkeys(("uid", "gid", "pid", "received", "sent", "ms"), 0),
        "event": "exchange",
        "time": time,
        "socket": SOCKET,
        "method": method,
        "source": "",
        "status": status,
    }
    if isinstance(request, Refusal):
        refused = {"target": target, "operation": "", "decision": Outcome.REFUSED.value, "reason": request.reason}
        return {**record, **refused, "status": request.status}
    judged = {"target": request.target, "operation": request.operation.name, "decision": outcome.value}
    return {**record, **judged, "reason": ""}
