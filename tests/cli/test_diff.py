"""`diff` says what two policies allow differently, socket by socket."""

import os
from pathlib import Path

import pytest
from cli.files import POLICY, policy_in, write
from cli.programs import run, run_here
from waiting import PATIENCE

from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.process_settings import LogFormat
from dockerproxy.settings import Level

NEW = """\
sockets:
  traefik:
    path: FOLDER/other.sock
    permissions: "0600"
    allow: [preset:ping, ContainerList]

  backup:
    path: FOLDER/backup.sock
    mode: learn
    allow:
      - containers:read: {containers: ["db-*", web]}
      - ContainerRestart: {containers: [web, "db-*"]}
      - ContainerKill: {signal: [HUP]}
      - ExecStart
    deny: [ContainerArchive, ContainerExport, ContainerStats]

  pinger:
    path: FOLDER/pinger.sock
    allow: [SystemPing]
"""


def write_log(path: Path, *records: Record, style: LogFormat = LogFormat.JSON) -> str:
    with path.open("wb") as file:
        log = Log(Level.INFO, style, file.fileno())
        for record in records:
            log.exchange(record)
        log.close(PATIENCE)
    return str(path)


def record(socket: str, method: str, target: str, name: str) -> Record:
    return Record(socket, Peer(0, 0, 0), method, target, "", name, Outcome.ALLOWED, "", "", 200, 0, 0, 1.0)


def test_every_difference_is_said_where_it_is() -> None:
    with policy_in() as folder:
        done = run("diff", f"{folder}/policy.yaml", write(folder / "new.yaml", NEW))
    assert (done.status, done.err) == (1, "")
    out = done.out.replace(str(folder), "FOLDER")
    out = out.replace(f"uid {os.geteuid()}", "uid 0").replace(f"gid {os.getegid()}", "gid 0")
    assert (
        out
        == """\
socket traefik
  path  FOLDER/other.sock, was FOLDER/traefik.sock
  file  0600, uid 0, gid 0; was 0660, uid 0, gid 4321

socket backup
  mode  learn, was enforce
  - ContainerLogs: {follow: false}
  - ContainerStats: {containers: ["db-*", web]}
  + ContainerKill: {signal: [HUP]}
  - ContainerRestart: {containers: ["db-*"]}
  + ContainerRestart: {containers: ["db-*", web]}
  - ContainerStart
  - ExecStart: {containers: ["db-*"]}
  + ExecStart
  operations: 1 gained, 2 lost, 3 under other conditions

socket pinger: new
  path  FOLDER/pinger.sock
  file  0660, uid 0, gid 0
  mode  enforce
  + SystemPing

socket new-thing: removed
  path  FOLDER/new-thing.sock
  file  0660, uid 0, gid 0
  mode  report
  - ContainerList
"""
    )


def test_what_is_the_same_is_not_said() -> None:
    same = POLICY.replace("group: 4321", "group:  4321   # the same")
    with policy_in() as folder:
        done = run("diff", f"{folder}/policy.yaml", write(folder / "new.yaml", same))
    assert (done.status, done.out, done.err) == (0, "nothing differs\n", "")


ONE = "sockets: {NAME: {path: FOLDER/NAME.sock, allow: [preset:ping, SystemEvents, ContainerList]}}"


def test_the_one_socket_of_each_is_the_same_whatever_it_is_called() -> None:
    with policy_in(ONE.replace("NAME", "web")) as folder:
        done = run_here("diff", "environment", f"{folder}/policy.yaml", ALLOW="ContainerList", LIBPOD_PING="0")
    assert done.status == 1
    assert done.out == (
        f"socket web, was docker\n  path  {folder}/web.sock, was /proxied/docker.sock\n"
        "  - SystemVersionLibpod\n  operations: 1 lost\n"
    )


def test_a_socket_with_another_name_on_the_same_path_is_the_same() -> None:
    new = POLICY.replace("traefik:", "backup2:").replace("backup:", "traefik:").replace("backup2:", "edge:")
    new = new.replace("FOLDER/traefik.sock", "FOLDER/edge.sock").replace("new-thing:", "newer:")
    with policy_in() as folder:
        done = run_here("diff", f"{folder}/policy.yaml", write(folder / "new.yaml", new))
    heads = [line for line in done.out.splitlines() if line.startswith("socket")]
    assert heads == ["socket edge: new", "socket traefik", "socket newer, was new-thing", "socket backup: removed"]


def test_all_mistakes_in_both_are_said_at_once() -> None:
    with policy_in("sockets: {a: {path: x}}") as folder:
        done = run("diff", f"{folder}/policy.yaml", f"{folder}/nowhere", "--log", f"{folder}/nothing")
        again = run("diff", f"{folder}/policy.yaml", f"{folder}/policy.yaml")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"{folder}/policy.yaml:1:")
    assert again.err in done.err, "a mistake is said once"
    assert f"\n{folder}/nowhere: file not found\n" in done.err


def test_what_is_unrestricted_now_and_which_limits_are_others_is_said() -> None:
    before = "sockets: {a: {path: /a, allow: [ContainerCreate, ContainerExec: {containers: [web]}, NodeUpdate: %s]}}"
    after = (
        "sockets: {a: {path: /a, limits: {body: 4KiB}, allow: [ContainerCreate: %s, ContainerExec: %s, SwarmInit: %s]}}"
    )
    run_in_web = "{containers: [web], unrestricted: true}"
    with policy_in(before % "unrestricted") as folder:
        new = write(folder / "new.yaml", after % ("unrestricted", run_in_web, "unrestricted"))
        done = run_here("diff", f"{folder}/policy.yaml", new)
        back = run_here("diff", new, f"{folder}/policy.yaml")
    assert done.out.splitlines() == [
        "socket a",
        "  limit  body 4KiB, was 1MiB",
        "  - ContainerCreate",
        "  + ContainerCreate: unrestricted",
        "  - ContainerExec: {containers: [web]}",
        "  + ContainerExec: {containers: [web], unrestricted: true}",
        "  - NodeUpdate: unrestricted",
        "  + SwarmInit: unrestricted",
        "  operations: 1 gained, 1 lost, 2 under other conditions, 3 newly unrestricted",
    ]
    assert back.out.endswith("2 under other conditions, 1 newly unrestricted\n")


def test_another_quota_is_a_difference() -> None:
    text = "sockets: {a: {path: /a, %s allow: [own]}%s}"
    with policy_in(text % ("quota: {networks: 2},", "")) as folder:
        new = write(folder / "new.yaml", text % ("", ", b: {path: /b, quota: {volumes: 2}, allow: [own]}"))
        done = run_here("diff", f"{folder}/policy.yaml", new)
    assert "  quota  none, was networks 2\n" in done.out
    assert "  quota  volumes 2\n" in done.out


def test_recorded_requests_are_decided_by_both() -> None:
    with policy_in() as folder:
        log = write_log(
            folder / "proxy.log",
            record("backup", "POST", f"/containers/{'0' * 64}/restart", "web"),
            record("new-thing", "GET", "/v1.45/containers/json", ""),
            record("backup", "POST", f"/containers/{'0' * 64}/restart", "web"),
            record("backup", "GET", "/v1.45/containers/web/json", "web"),
            record("other", "GET", "/_ping", ""),
        )
        with open(log, "a", encoding="utf-8") as file:
            file.write("Killed\n")
        done = run("diff", f"{folder}/policy.yaml", write(folder / "new.yaml", NEW), "--log", log)
    assert done.status == 1
    assert done.err == f"{log}: ignored 1 line with no valid record\n"
    assert (
        done.out.rpartition("\n\n")[2]
        == """\
3 of 4 recorded requests would be decided differently:
  + 2 x POST /containers/000000000000/restart of web, socket backup
        allowed by ContainerRestart (new.yaml:12)
  - 1 x GET /v1.45/containers/json, socket new-thing
        the socket does not exist
left out, because neither policy has the socket other: 1 request
"""
    )


@pytest.mark.parametrize("style", LogFormat)
def test_where_nothing_would_be_decided_differently_that_is_said(style: LogFormat) -> None:
    with policy_in() as folder:
        log = write_log(folder / "proxy.log", record("traefik", "GET", "/_ping", ""), style=style)
        done = run_here("diff", f"{folder}/policy.yaml", f"{folder}/policy.yaml", "--log", log)
    assert (done.status, done.out) == (
        0,
        "nothing differs\n\n0 of 1 recorded request would be decided differently\n",
    )


@pytest.mark.parametrize("exists", [True, False])
def test_a_log_without_requests_is_something_to_mend(exists: bool) -> None:  # noqa: FBT001 (a value)
    with policy_in() as folder:
        path = folder / "proxy.log"
        if exists:
            write_log(path)
        done = run("diff", f"{folder}/policy.yaml", f"{folder}/policy.yaml", "--log", str(path))
    assert (done.status, done.out) == (2, "")
    said = "no recorded requests" if exists else "file not found"
    assert f"{path}: {said}\n" in done.err


def test_another_engine_is_a_difference() -> None:
    with policy_in() as folder:
        text = (folder / "policy.yaml").read_text()
        there = write(folder / "there.yaml", f"engine: /run/engine.sock\n{text}")
        done = run("diff", f"{folder}/policy.yaml", there)
        assert (done.status, done.out) == (1, "engine  /run/engine.sock, was as the environment says\n")
        assert run("diff", there, there).out == "nothing differs\n"


def test_what_is_hidden_is_a_difference() -> None:
    hiding = POLICY.replace("mode: report", "mode: report\n    hide: [labels]")
    with policy_in() as folder:
        new = write(folder / "new.yaml", hiding)
        assert "  hide  labels, was none\n" in run_here("diff", str(folder / "policy.yaml"), new).out
