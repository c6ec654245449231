"""`suggest` makes a policy of a log, or says what a policy lacks."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.files import POLICY, policy_in
from cli.programs import environment_of, run, run_here
from folders import short_folder
from observe.records import ID, record_of, refused
from rows import for_each
from waiting import PATIENCE

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.problems import UserError
from dockerproxy.process_settings import LogFormat
from dockerproxy.settings import Level
from dockerproxy.wire.document import Json

SEEN = (
    record_of("GET /containers/json")._replace(socket="backup"),
    record_of("GET /containers/web/logs?follow=1", "web")._replace(socket="backup"),
    record_of("POST /containers/web/restart", "web", status=403, decision=Outcome.DENIED)._replace(
        socket="backup", id="4KD7Q-2F"
    ),
    record_of("GET /_ping")._replace(socket="traefik"),
    refused("GET /../x", "ambiguous path: a dot segment")._replace(socket="traefik"),
)

ALL = """\
# Learned by dockerproxy: the smallest policy that allows the observed requests.
# After each grant: the number of requests, and the time of the last one (UTC).
# If a grant allows more than these requests, a comment above it says why.
# A log does not say where a socket is: its path is a guess.

sockets:
  backup:
    path: /proxied/backup/docker.sock
    permissions: "0660"
    allow:
      - ContainerList
      - ContainerLogs: {containers: [web], follow: true}
      # 1 of 1 was denied when it came
      - ContainerRestart: {containers: [web]}

  traefik:
    path: /proxied/traefik/docker.sock
    permissions: "0660"
    allow:
      - SystemPing
    # Requests that no policy allows, with their number:
    # 1  GET /../x: ambiguous path: a dot segment
"""


def write_log(path: Path, *records: Record, style: LogFormat = LogFormat.JSON) -> str:
    """Write the log of exchanges; a stream has a line at its start too."""
    with path.open("wb") as file:
        log = Log(Level.INFO, style, file.fileno())
        log.message(Level.NOTICE, "listening on /proxied/backup.sock")
        for record in records:
            if record.operation == "ContainerLogs":
                log.start(record)
            log.exchange(record)
        log.close(PATIENCE)
    return str(path)


def suggest(log: str, *words: str) -> str:
    """Return what is printed, without counts and times."""
    done = run_here("suggest", log, *words)
    assert done.status == 0
    lines = (
        line if line.lstrip().startswith("#") else line.partition("  # ")[0].rstrip() for line in done.out.splitlines()
    )
    return "".join(f"{line}\n" for line in lines)


def missing(folder: Path, *records: Record, socket: str = "backup") -> list[str]:
    """Return what the policy of a socket lacks for the requests of a log."""
    log = write_log(folder / "proxy.log", *(record._replace(socket=socket) for record in records))
    out = suggest(log, "--policy", f"{folder}/policy.yaml", "--socket", socket).partition("# Not used")[0]
    return [line.strip().replace(str(folder), "FOLDER") for line in out.splitlines()]


# A policy for all that was asked for


@pytest.mark.parametrize("style", LogFormat)
def test_every_socket_of_a_log_gets_its_policy(style: LogFormat) -> None:
    with short_folder() as folder:
        text = suggest(write_log(folder / "proxy.log", *SEEN, style=style))
    assert text == ALL
    assert [socket.name for socket in read_policy(text, "x.yaml").sockets] == ["backup", "traefik"]


def test_one_socket_can_be_chosen() -> None:
    with short_folder() as folder:
        text = suggest(write_log(folder / "proxy.log", *SEEN), "--socket", "traefik")
    assert [socket.name for socket in read_policy(text, "x.yaml").sockets] == ["traefik"]


def test_a_stream_is_one_request_though_it_has_two_lines() -> None:
    with short_folder() as folder:
        done = run_here("suggest", write_log(folder / "proxy.log", *SEEN))
    assert "follow: true}  # 1  " in done.out


WRAPPED: tuple[Callable[[str], str], ...] = (
    str,
    lambda line: f"dockerproxy-1  | {line}",
    lambda line: f"\x1b[36mdockerproxy-1  |\x1b[0m {line}",
    lambda line: json.dumps({"log": line, "stream": "stdout", "time": "2026-11-24T12:00:00Z"}) + "\n",
)


@for_each("style", LogFormat)
@for_each("wrap", WRAPPED)
def test_a_log_is_read_as_it_is_kept_also_from_standard_input(wrap: Callable[[str], str], style: LogFormat) -> None:
    with short_folder() as folder:
        lines = Path(write_log(folder / "proxy.log", *SEEN, style=style)).read_text().splitlines(keepends=True)
    done = subprocess.run(
        [sys.executable, "-m", "dockerproxy", "suggest", "-"],
        input="".join(map(wrap, lines)).encode(),
        capture_output=True,
        env=environment_of({}),
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().count("      - ") == 4


def test_several_logs_are_read_one_after_the_other() -> None:
    with short_folder() as folder:
        logs = [write_log(folder / f"{number}.log", record) for number, record in enumerate(SEEN)]
        assert run("suggest", *logs).out.count("      - ") == 4


def test_lines_that_are_no_records_are_counted_and_left_out() -> None:
    with short_folder() as folder:
        log = write_log(folder / "proxy.log", *SEEN, SEEN[0]._replace(socket="../x"))
        with open(log, "ab") as file:
            file.write(b"\xff\n\n{}\n" + b"{" * (1 << 21) + b"\n")
        done = run("suggest", log)
    assert done.status == 0
    assert done.err == f"{log}: ignored 4 lines with no valid record\n"
    assert done.out.count("      - ") == 4


# What a policy lacks


def test_only_what_the_policy_does_not_allow_would_have_to_be_added() -> None:
    with policy_in() as folder:
        lines = missing(
            folder,
            record_of("GET /containers/web/json", "web"),
            record_of("GET /containers/other/json", "other"),
            record_of("GET /containers/3f9a/json", "db-1"),
            record_of("POST /containers/web/start"),
            record_of("POST /containers/web/restart", "web"),
            record_of("POST /exec/3f9a/start", "db-1"),
            record_of("GET /containers/other/logs?follow=0"),
            record_of("GET /containers/other/logs?follow=1", "other"),
        )
    assert lines == [
        "# Add to `allow` of socket backup in FOLDER/policy.yaml:",
        "- ContainerInspect: {containers: [other]}",
        "- ContainerLogs: {containers: [other], follow: true}",
        "- ContainerRestart: {containers: [web]}",
    ]


def test_with_the_lines_that_are_suggested_nothing_is_missing() -> None:
    seen = (record_of("GET /images/json"), *SEEN[:3])
    with policy_in() as folder:
        lines = missing(folder, *seen)
        policy = Path(folder, "policy.yaml")
        added = "".join(f"      {line}\n" for line in lines)
        policy.write_text(policy.read_text().replace("      - ContainerStart\n", f"{added}      - ContainerStart\n"))
        assert missing(folder, *seen) == ["nothing to add"]


def test_what_is_denied_is_said_apart_from_what_is_not_allowed() -> None:
    with policy_in() as folder:
        archive = "GET /containers/{}/archive?path=/data"
        lines = missing(
            folder,
            record_of(archive.format("web"), "web"),
            record_of(archive.format("x"), "x"),
            refused("GET /", "why"),
        )
    assert lines == [
        "# Add to `allow` of socket backup in FOLDER/policy.yaml:",
        "- ContainerArchive: {containers: [x], path: [/data]}",
        "# Remove from `deny` of socket backup in FOLDER/policy.yaml, which overrides every grant:",
        '# 2  ContainerArchive: to allow it, remove "ContainerArchive" from "deny" of socket "backup"',
        "# Requests that no policy allows, with their number:",
        "# 1  GET /: why",
    ]


def test_what_is_only_denied_would_not_have_to_be_added() -> None:
    with policy_in() as folder:
        lines = missing(folder, record_of("GET /containers/web/archive?path=/data", "web"))
    assert [line.startswith("#") for line in lines] == [True, True]


def test_an_id_that_the_engine_did_not_know_needs_nothing() -> None:
    with policy_in() as folder:
        absent = record_of(f"GET /containers/{ID}/json", ID, status=404)
        assert missing(folder, absent) == ["nothing to add"]
        assert missing(folder, absent, socket="traefik") != ["nothing to add"]


def test_from_a_target_that_was_cut_nothing_is_learned() -> None:
    with policy_in() as folder:
        start, inspect = record_of("POST /containers/x/start", "x"), record_of("GET /containers/web/json", "web")
        cut = [record._replace(target=f"{record.target}?{'x' * 5000}"[:4096]) for record in (start, inspect)]
        said = missing(folder, *cut)
        assert said[0] == "nothing to add"
        assert any("not learned from: containers would be left out" in line for line in said)


def test_the_only_socket_of_a_policy_need_not_be_named() -> None:
    with policy_in("sockets: {traefik: {path: FOLDER/traefik.sock, allow: [SystemPing]}}\n") as folder:
        log = write_log(folder / "proxy.log", *SEEN)
        out = suggest(log, "--policy", f"{folder}/policy.yaml")
    assert out.startswith("nothing to add\n# Requests that no policy allows")


UNUSED = """\
sockets:
  backup:
    path: FOLDER/backup.sock
    allow:
      - own
      - containers:read
      - ContainerStart
      - ContainerStop
    deny: [ContainerArchive]
"""


def test_what_no_request_used_is_listed_by_its_line() -> None:
    seen = [
        record_of(line, "web", decision=Outcome.ALLOWED)
        for line in ("GET /containers/json", "POST /containers/web/stop")
    ]
    denied = record_of("POST /containers/web/start", "web", decision=Outcome.DENIED)
    records = [record._replace(socket="backup") for record in (*seen, denied)]
    with policy_in(UNUSED) as folder:
        out = suggest(write_log(folder / "proxy.log", *records), "--policy", f"{folder}/policy.yaml")
        _, heading, *lines = out.replace(str(folder), "FOLDER").splitlines()
    assert heading == "# Not used in this log, by line of socket backup in FOLDER/policy.yaml:"
    reads = [name for name, each in OPERATIONS.items() if (each.section, each.access) == ("containers", "read")]
    unused = [name for name in reads if name not in {"ContainerList", "ContainerArchive"}]
    assert lines == [f"# 6  containers:read: {', '.join(unused)}", "# 7  ContainerStart"]


CONTAINED = """sockets: {backup: {path: FOLDER/backup.sock, allow: [
  ContainerCreate: {binds: ["/srv/*"], networks: [ci]}, ContainerExec, ContainerStart: unrestricted]}}
"""


def test_a_body_has_to_be_allowed_as_its_record_says() -> None:
    body: Json = {"Image": "app:1", "HostConfig": {"Binds": ["/srv/a:/a"], "NetworkMode": "ci"}}
    more: Json = {"Image": "app:1", "HostConfig": {"Binds": ["/etc:/e:ro"], "NetworkMode": "ci"}}
    with policy_in(CONTAINED) as folder:
        assert missing(folder, record_of("POST /containers/create", body=body)) == ["nothing to add"]
        assert missing(folder, record_of("POST /containers/create?name=web", body=more)) == [
            "# Add to `allow` of socket backup in FOLDER/policy.yaml:",
            "# replaces the existing line: a socket has one for each create",
            "# it lets clients read keys of the host",
            '- ContainerCreate: {binds: ["/srv/*", /etc:ro], networks: [ci]}',
        ]


def test_a_bind_that_nests_with_the_policy_is_named_and_not_suggested() -> None:
    inner, outer = (
        record_of("POST /containers/create", body={"Image": "app:1", "HostConfig": {"Binds": [bind]}})
        for bind in ("/srv/a/x:/x", "/:/host")
    )
    with policy_in(CONTAINED) as folder:
        for record, path, nested in ((inner, "/srv/a/x", "/srv/a/x"), (outer, "/", "/srv/*")):
            said = " ".join(missing(folder, record))
            assert f"# binds: {path} is left out, because" in said.replace('"', "")
            assert f"{nested} " in said.replace('"', "")
            assert '- ContainerCreate: {binds: ["/srv/*"], networks: [ci, default]}' in said


def test_a_body_that_is_not_recorded_is_allowed_if_it_was() -> None:
    untold = record_of("POST /containers/web/exec", "web")._replace(body=None)
    start = record_of("POST /containers/web/start", "web")._replace(body=None)
    with policy_in(CONTAINED) as folder:
        for record in (untold._replace(decision=Outcome.ALLOWED), start):
            assert missing(folder, record) == ["nothing to add"]
        denied = missing(folder, untold._replace(decision=Outcome.DENIED, status=403))
    assert denied == [
        "# Add to `allow` of socket backup in FOLDER/policy.yaml:",
        "# every request had a body that was not recorded; contained, as here, they may be denied",
        "# 1 of 1 was denied when it came",
        "- ContainerExec: {containers: [web]}",
    ]


def test_no_line_is_proposed_for_a_body_that_a_grant_denied_and_that_is_not_recorded() -> None:
    """It would be wider than the grant."""
    create = record_of("POST /containers/create", body={"Image": "app:1"}, status=403, decision=Outcome.DENIED)
    create = create._replace(body=None, reason='ContainerCreate denied: HostConfig.Binds[0] is "/etc"\n- all')
    run = record_of("POST /containers/web/exec", "web", status=403, decision=Outcome.DENIED)
    run = run._replace(body=None, reason="ContainerExec denied: only allowed if the container is db")
    with policy_in(CONTAINED.replace("ContainerExec", "ContainerExec: {containers: [db]}")) as folder:
        assert missing(folder, create, create) == [
            "# 2  ContainerCreate: denied for the body, which is not in the log; reasons:",
            '#   ContainerCreate denied: HostConfig.Binds[0] is "/etc"\\n- all',
        ]
        assert "- ContainerExec: {containers: [web]}" in missing(folder, create, run)


# What is to be mended


@pytest.mark.parametrize(
    ("content", "words", "expected"),
    [
        ("", (), "LOG: no recorded requests\n"),
        ("what\n", (), "LOG: no recorded requests\n"),
        ("", ("--socket", "backup"), "LOG: no recorded requests\n"),
        ("", ("--policy", "/nonexistent/policy.yaml"), "/nonexistent/policy.yaml: file not found\n"),
    ],
)
def test_a_log_without_records_is_to_be_mended(content: str, words: tuple[str, ...], expected: str) -> None:
    with short_folder() as folder:
        log = folder / "proxy.log"
        log.write_text(content)
        with pytest.raises(UserError) as caught:
            run_here("suggest", str(log), *words)
    assert f"{caught.value}\n".replace(str(log), "LOG").startswith(expected)


def test_a_log_of_other_sockets_says_which() -> None:
    with policy_in(POLICY) as folder:
        log = write_log(folder / "proxy.log", *SEEN)
        done = run("suggest", log, "--policy", f"{folder}/policy.yaml", "--socket", "new-thing")
    assert done.status == 2
    assert done.err == f"{log}: has no request to new-thing\n    it has requests to backup and traefik\n"


def test_a_log_that_cannot_be_read_is_to_be_mended() -> None:
    done = run("suggest", "/nonexistent/proxy.log")
    assert (done.status, done.err) == (
        2,
        "/nonexistent/proxy.log: file not found\n    check the path; in a container, mount the file\n",
    )


def test_nothing_of_a_log_ends_a_comment_or_reaches_the_terminal_as_it_is() -> None:
    hostile = "why\u2028      - SwarmInit: unrestricted\x1b[2J\x85\ud800"
    fields = {
        "time": "2026-11-24T12:00:00.000Z",
        "event": "exchange",
        "socket": "web",
        **dict.fromkeys(("uid", "gid", "pid", "received", "sent", "ms"), 0),
        "status": 201,
        "method": "POST",
        "target": "/containers/create",
        "operation": "ContainerCreate",
        "object": "",
        "decision": "allowed",
        "source": "",
        "reason": "",
        "body": {"unrestricted": hostile},
    }
    with short_folder() as folder:
        path = folder / "proxy.log"
        path.write_text(json.dumps(fields) + "\n" + json.dumps({**fields, "socket": "\ud800\x1b"}) + "\n")
        done = run("suggest", str(path))
    assert (done.status, "Traceback" in done.err) == (0, False)
    assert done.out.replace("\n", "").isprintable()
    (socket,) = read_policy(done.out, "x").sockets
    assert [grant.operations for grant in socket.policy.policy.grants] == [frozenset({"ContainerCreate"})]


def test_a_log_of_more_sockets_than_there_can_be_is_no_log_of_ours() -> None:
    with short_folder() as folder:
        path = write_log(folder / "proxy.log", *(record_of("GET /_ping")._replace(socket=f"s{n}") for n in range(300)))
        done = run("suggest", str(path))
    assert done.out.count("path:") == 256
    assert "ignored 44 lines" in done.err
