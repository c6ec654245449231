"""Each line of the log reaches a file by the journal and a collector as it was written, and no line of another.

journald, rsyslog and syslog-ng are the real ones, with the configuration of examples/audit, in namespaces of their own.
"""

import json
import socket
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.programs import engine_of, environment_of, run
from e2e.engines import NAMESPACES
from folders import short_folder
from jsonschema import Draft202012Validator
from waiting import PATIENCE, wait_until

from dockerproxy.observe.record import Outcome

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
AUDIT = ROOT / "examples" / "audit"
COLLECTORS = ROOT / ".collectors"
SINK = "/var/log/dockerproxy.jsonl"
ID = "0123456789ab" * 5 + "0123"
CREATED = f'{{"Id":"{ID}"}}'
ANSWER = (
    f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(CREATED)}\r\n\r\n{CREATED}".encode()
)
LAST = '"text":"stopped"'
FORGED = '{"event":"exchange","decision":"allowed","target":"/forged"}'

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"

POLICY = """\
sockets:
  enforces: {path: FOLDER/enforces.sock, allow: [preset:ping, ContainerList, SystemEvents]}
  reports: {path: FOLDER/reports.sock, mode: report, allow: []}
"""

MACHINE = r"""
set -e
folder=$0 cgroup=$(findmnt -rno TARGET -t cgroup2 | head -n 1)/system.slice/dockerproxy.service
export LD_LIBRARY_PATH=$(echo "$1"/usr/lib/*-linux-gnu):$1/usr/lib/syslog-ng
for each in /run /var/log /var/lib; do mount -t tmpfs none $each; done
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal /var/lib/rsyslog "$cgroup"
trap 'rmdir "$cgroup"' EXIT
cp "$folder/journald.conf" /run/systemd/journald.conf.d
# What a libsystemd that lacks zstd can read, whatever journald has. The kernel's lines are none of the test's.
printf '[Journal]\nReadKMsg=no\nAudit=no\nStorage=volatile\n' >/run/systemd/journald.conf.d/z.conf
SYSTEMD_JOURNAL_COMPRESS=NONE /usr/lib/systemd/systemd-journald &
until [ -S /run/systemd/journal/stdout ]; do sleep 0.05; done
"$1"/usr/sbin/rsyslogd -n -f "$folder/rsyslog.conf" -i /run/rsyslog.pid -M "$(echo "$1"/usr/lib/*-linux-gnu/rsyslog)" &
"$1"/usr/sbin/syslog-ng -F --no-caps -f "$folder/syslog-ng.conf" --module-path "$1/usr/lib/syslog-ng/4.8" \
  --persist-file /run/persist --control /run/control --pidfile /run/syslog-ng.pid 2>"$folder/complaints" &
systemd-cat -t dockerproxy echo "$2"
(echo 0 >"$cgroup/cgroup.procs"; shift 2; exec systemd-cat -t dockerproxy "$@") &
proxy=$!
read -r _
kill $proxy
wait $proxy
read -r _
"""
"""Until it is told to stop the proxy, and then to end. Its words: the folder of its configuration, where the collectors
are installed, a line of another process, and the proxy."""

LONG_FOR_SYSLOG = 8192
"""Bytes to which collectors cut a line if nobody tells them."""

CHECK = Draft202012Validator(json.loads(run("schema", "log").out)).validate

HEADS = {"journald": "", "rsyslog": 'global(workDirectory="/var/lib/rsyslog")\n', "syslog-ng": "@version: 4.8\n"}
"""What the rest of the configuration of each says."""


@contextmanager
def machine(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run journald, both collectors and the proxy, as a service, until the block ends."""
    (folder / "policy.yaml").write_text(POLICY.replace("FOLDER", str(folder)))
    for name, head in HEADS.items():
        text = (AUDIT / f"{name}.conf").read_text()
        (folder / f"{name}.conf").write_text(head + text.replace(SINK, str(folder / f"{name}.jsonl")))
    proxy = (sys.executable, "-m", "dockerproxy", "serve")
    settings = {"POLICY_FILE": str(folder / "policy.yaml"), "DOCKER_SOCKET_PATH": str(folder / "engine.sock")}
    with (
        (folder / "printed").open("w") as printed,
        subprocess.Popen(
            [*NAMESPACES, "sh", "-c", MACHINE, str(folder), str(COLLECTORS), FORGED, *proxy],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment_of({**settings, "LOG_FORMAT": "json", "LOG_POLLS": "collapse"}),
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.communicate("\n\n", timeout=PATIENCE)


class Answering(socketserver.StreamRequestHandler):
    """An engine whose events do not end."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            self.wfile.write(STREAM if b"/events" in line else ANSWER)


def ask(path: Path, *heads: bytes) -> None:
    """Send requests, each on a connection of its own, and read of the answers what comes first."""
    for head in heads:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(head + b" HTTP/1.1\r\nHost: docker\r\n\r\n")
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 ")


def test_every_line_reaches_the_files_of_both_collectors_as_it_was_written_and_no_line_of_another() -> None:
    with short_folder() as folder, engine_of(folder / "engine.sock", Answering), machine(folder) as process:
        wait_until((folder / "reports.sock").exists, "the proxy listens")
        ask(folder / "enforces.sock", *[b"GET /containers/json"] * 3, b"GET /events", b"POST /containers/web/stop")
        ask(folder / "enforces.sock", b"GET /\xff%\x00" + b"\xff" * 60_000, b'GET /a\\"%n/../' + b"x" * 60_000)
        ask(folder / "reports.sock", b"POST /volumes/create?name=web")
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        files = [folder / f"{name}.jsonl" for name in ("rsyslog", "syslog-ng")]
        wait_until(lambda: all(file.exists() and LAST in file.read_text() for file in files), "all lines")
        first, second = (file.read_text() for file in files)
    assert first == second
    assert "forged" not in first
    lines = [json.loads(line) for line in first.splitlines()]
    for line in lines:
        CHECK(line)
    assert {line["event"] for line in lines} == {"exchange", "start", "message"}
    assert {line["decision"] for line in lines if "decision" in line} == set(Outcome)
    assert max(map(len, first.splitlines())) > LONG_FOR_SYSLOG
    assert any("times" in line for line in lines)
