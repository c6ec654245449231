"""`unused` says what a policy grants and nobody needed, and prints the narrower policy as a patch."""

import contextlib
import gzip
import subprocess
from pathlib import Path

import pytest
from cli.programs import run, run_here
from cli.test_suggest import write_log
from observe.records import record_of

from dockerproxy.config.policy_file import read_policy_file
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.problems import UserError

POLICY = """\
# Our sockets.\xa0
sockets:
  backup:
    path: /proxied/backup.sock
    allow:
      - ContainerList    # to look
      # autoheal
      - ContainerRestart: {containers: [web, "db-*"]}
      - ContainerStart
  idle:
    path: /proxied/idle.sock
    allow: [ContainerList]
"""
NARROWER = POLICY.replace(', "db-*"', "").replace("      - ContainerStart\n", "")
FINDINGS = """\
# policy.yaml:8  ContainerRestart: containers: [web] is enough
# policy.yaml:9  ContainerStart: not used
# socket idle: no recorded requests, so nothing is said of it
"""


def allowed(line: str, named: str = "", socket: str = "backup") -> Record:
    return record_of(line, named, decision=Outcome.ALLOWED)._replace(socket=socket)


USED = (allowed("GET /containers/json"), allowed("POST /containers/web/restart", "web"))


def write_files(folder: Path, *records: Record, policy: str = POLICY) -> tuple[str, str]:
    (folder / "policy.yaml").write_text(policy)
    return str(folder / "policy.yaml"), write_log(folder / "proxy.log", *records)


def test_the_patch_leaves_what_was_used_and_all_comments(tmp_path: Path) -> None:
    policy, log = write_files(tmp_path, *USED)
    with contextlib.chdir(tmp_path):
        done = run("unused", "policy.yaml", "--log", log)
    assert (done.status, done.err) == (1, "")
    findings, _, _ = done.out.partition("\n\n")
    assert f"{findings}\n".endswith(FINDINGS)
    subprocess.run(["git", "apply"], input=done.out.encode(), check=True, cwd=tmp_path)
    assert Path(policy).read_text() == NARROWER
    assert read_policy_file(policy)
    assert run_here("unused", policy, "--log", log).status == 0


def test_every_line_of_the_findings_is_one_that_no_tool_takes_for_a_patch(tmp_path: Path) -> None:
    named = allowed("POST /containers/web/restart", "+++ b/x")
    policy, log = write_files(tmp_path, *USED, named)
    findings = run_here("unused", policy, "--log", log).out.partition("\n\n")[0]
    assert all(line.startswith("# ") for line in findings.splitlines())


def test_rotated_and_compressed_logs_count_together_and_old_records_do_not(tmp_path: Path) -> None:
    policy, log = write_files(tmp_path, USED[0])
    old = Path(write_log(tmp_path / "old", USED[1], allowed("POST /containers/a/start", "a")))
    (tmp_path / "proxy.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    words = ("unused", "--log", log, str(tmp_path / "proxy.log.1.gz"))
    assert "ContainerStart: containers: [a]" in run_here(*words, POLICY_FILE=policy).out
    (tmp_path / "old.gz").write_bytes(gzip.compress(old.read_bytes().replace(b'"time":"20', b'"time":"19')))
    done = run_here("unused", "--log", log, str(tmp_path / "old.gz"), "--since", "30d", POLICY_FILE=policy)
    assert "ContainerStart: not used" in done.out
    assert "# socket backup: 1 request, " in done.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--since", "30"), "'30' is not a duration"),
        (("--socket", "nobody"), "'nobody' is not a socket of the policy"),
        (("--socket", "idle"), "no recorded requests of these sockets"),
    ],
)
def test_mistakes_are_said(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    policy, log = write_files(tmp_path, *USED)
    with pytest.raises(UserError, match=says):
        run_here("unused", policy, "--log", log, *words)
    with pytest.raises(UserError, match="which policy file"):
        run_here("unused", "--log", log)


def test_what_cannot_be_changed_alone_is_said(tmp_path: Path) -> None:
    allow = "allow: &a [ContainerList, ContainerTop]}"
    text = f"sockets:\n  backup: {{path: /x/a.sock, {allow}\n  idle: {{path: /x/b.sock, allow: *a}}\n"
    policy, log = write_files(tmp_path, USED[0], policy=text)
    done = run_here("unused", policy, "--log", log)
    assert done.status == 1
    assert "ContainerTop: not used, but it shares its text" in done.out
    assert "---" not in done.out


def test_a_file_outside_of_the_working_folder_is_named_from_the_root(tmp_path: Path) -> None:
    policy, log = write_files(tmp_path, *USED)
    (tmp_path / "below").mkdir()
    with contextlib.chdir(tmp_path / "below"):
        assert f"--- a{policy}\n" in run_here("unused", policy, "--log", log).out
