"""Lines as the control socket tells them, for tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

START = 1_795_685_400.0
"""2026-11-26 09:30:00."""

HELLO = {"kind": "hello", "protocol": 1, "version": "0.2.0", "pid": 812, "started": START - 93_600}


@dataclass(frozen=True)
class Program:
    """A client."""

    name: str
    uid: int
    pid: int
    socket: str


TRAEFIK = Program("traefik", 0, 2214, "traefik")
CI = Program("docker", 1000, 48113, "ci")
RUNNER = Program("act_runner", 1000, 3120, "ci")
BACKUP = Program("restic", 34, 9022, "backup")
PROGRAMS = {each.pid: each.name for each in (TRAEFIK, CI, RUNNER, BACKUP)}
DENIED = 'ContainerExport denied: no rule allows it; to allow it, add "ContainerExport" to "allow" of socket "backup"'
MOUNTS = (
    'ContainerCreate denied: HostConfig.Binds[0] is "/srv/cache", a host path that no rule allows; to allow it, remove '
    'its line and add "ContainerCreate: {images: [app], binds: [/srv/cache]}" to "allow" of socket "ci"'
)


def line(kind: str, **fields: object) -> str:
    return json.dumps({"kind": kind, **fields})


def hello(**changes: object) -> str:
    return json.dumps({**HELLO, **changes})


def record(
    program: Program, what: str, operation: str, second: int = 0, *, decision: str = "allowed", **fields: object
) -> str:
    """Return the line of a record."""
    method, _, target = what.partition(" ")
    said = {
        "time": f"2026-11-26T09:{30 + second // 60:02d}:{second % 60:02d}.100Z",
        "level": "info" if decision == "allowed" else "warning",
        "event": "exchange",
        "socket": program.socket,
        "uid": program.uid,
        "gid": program.uid,
        "pid": program.pid,
        "method": method,
        "target": target,
        "operation": operation,
        "object": "",
        "decision": decision,
        "source": "policy.yaml:7" if decision == "allowed" else "",
        "reason": "",
        "status": 200 if decision == "allowed" else 403,
        "received": 0,
        "sent": 980,
        "ms": 0.7,
        "id": f"4KD7Q-{second:02d}",
    }
    return line("record", **{**said, **fields})


def connection(program: Program, number: int, since: float, **fields: object) -> dict[str, object]:
    """Return what is told of a connection."""
    who = {"uid": program.uid, "gid": program.uid, "pid": program.pid}
    return {"socket": program.socket, "id": number, **who, "since": since, **fields}


def under_way(operation: str, shape: str, target: str, **fields: object) -> dict[str, object]:
    """Return what is told besides of a connection with a request under way."""
    said = {"method": "GET", "target": target, "operation": operation, "object": "", "shape": shape}
    return {**said, "state": "sent", "received": 0, "sent": 0, **fields}


def opened(second: int, *connections: dict[str, object]) -> str:
    """Return the line of what is open."""
    sockets = [
        {
            "name": name,
            "mode": mode,
            "connections": sum(each["socket"] == name for each in connections),
            "exchanges": {},
            "policy": "3f9a2b77c01d",
            "since": START,
        }
        for name, mode in (("traefik", "enforce"), ("ci", "enforce"), ("backup", "report"))
    ]
    return line("open", time=START + second, sockets=sockets, connections=list(connections), more=0, lost=0)


EVENTS = under_way("SystemEvents", "stream", "/v1.45/events", sent=48_213)
LOGS = under_way("ContainerLogs", "stream", "/v1.45/containers/db/logs?follow=1", object="db", sent=88_310)
WAIT = under_way("ContainerWait", "wait", "/v1.45/containers/build/wait", object="build")
ATTACH = under_way(
    "ContainerAttach", "tunnel", "/v1.45/containers/build/attach", object="build", received=1_204, sent=3_480_112
)


def play() -> Iterator[tuple[str, float]]:
    """Yield the lines of a minute, each with when it comes."""
    yield hello(), 0.0
    always = (
        connection(TRAEFIK, 1, START - 90_000, **EVENTS),
        connection(RUNNER, 4, START - 724, **ATTACH),
        connection(RUNNER, 5, START - 724, **WAIT),
        connection(BACKUP, 2, START - 65, **LOGS),
        connection(CI, 9, START - 1),
    )
    for second in range(60):
        yield opened(second, *always), float(second)
        for _ in range(second % 7 + second // 9):
            yield record(TRAEFIK, "GET /v1.45/containers/json", "ContainerList", second), second + 0.1
        if second % 3 == 0:
            yield record(RUNNER, "GET /v1.45/containers/build/json", "ContainerInspect", second, ms=2.4), second + 0.2
        if second % 20 == 7:
            yield record(CI, "POST /v1.45/containers/create", "ContainerCreate", second, ms=38.0, received=912), second
            yield (
                record(
                    CI, "POST /v1.45/containers/create", "ContainerCreate", second, decision="denied", reason=MOUNTS
                ),
                second + 0.5,
            )
        if second == 31:
            target = "GET /v1.45/containers/db/export"
            yield record(BACKUP, target, "ContainerExport", second, decision="reported", reason=DENIED), second + 0.3
        if second == 44:
            target, reason = "GET /containers/\x1b[31mweb\u202e/json", "unsupported character in the path"
            yield record(CI, target, "", second, decision="refused", status=400, reason=reason), second + 0.3
