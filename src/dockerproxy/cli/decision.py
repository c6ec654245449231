"""Find a decision in the log by its ID, and describe its record."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.cli.lines import HOW_TO_RECORD, read_lines
from dockerproxy.config.near import show
from dockerproxy.observe.decisions import read_id
from dockerproxy.observe.record import Record, plain_body
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.problems import Problem, UserError
from dockerproxy.workbench.bearing import Line
from dockerproxy.workbench.needs import find_named
from dockerproxy.workbench.reading import Records


def find_decision(text: str, logs: Sequence[str]) -> tuple[Record, list[float]]:
    """Return the record of a decision, and the times of its lines: a stream has two.

    Raises `UserError` if the text is not an ID, no log has it, or several exchanges have it.
    """
    decision = read_id(text)
    if not decision:
        hint = "copy it from the end of a denial's message, like 4KD7Q-2F"
        raise UserError(Problem("--decision", f"invalid decision ID {show(text)}", hint))
    lines = [line for line in read_lines(logs) if decision in line]
    found = [each for line in lines for each in Records([line]) if each[0].id == decision]
    where = ", ".join(logs)
    if not found:
        raise UserError(Problem(where, f"no decision {decision}", f"pass the logs of that day; {HOW_TO_RECORD}"))
    if len({(record.socket, record.peer, record.target) for record, _ in found}) > 1:
        raise UserError(Problem(where, f"several requests have the ID {decision}", "pass fewer logs"))
    return found[-1][0], [when for _, when in found]


def describe_record(record: Record, times: Sequence[float]) -> Iterator[Line]:
    """Yield every field of a record."""
    peer = record.peer
    lines: Mapping[str, object] = {
        "id": record.id,
        "time": ", started ".join(map(_write_time, (times[-1], *times[:-1]))),
        "socket": record.socket,
        "client": f"uid {peer.uid}, gid {peer.gid}, pid {peer.pid}",
        "request": f"{record.method} {record.target}",
        "operation": record.operation,
        "object": record.object,
        "outcome": record.decision,
        "source": record.source,
        "reason": record.reason,
        "status": record.status,
        "bytes": f"{record.received} received, {record.sent} sent",
        "duration": f"{record.milliseconds:.1f} ms",
        "body": "" if record.body is None else json.dumps(plain_body(record.body)),
        "created": record.created,
    }
    for name, value in lines.items():
        if value != "":
            yield name, str(value)


def _write_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_recorded(record: Record) -> ResolvedObject | None:
    """Return the object that the engine resolved at that time; None if it was not asked."""
    request = canonicalise(record.method, record.target)
    return find_named(request, record) if record.object and isinstance(request, CanonicalRequest) else None
