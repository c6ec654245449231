"""A person decides about each grant that a policy lacks, on a plain terminal."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.programs import environment_of, run, run_here
from cli.test_suggest import write_log
from cli.test_terminal import read
from observe.records import record_of
from waiting import PATIENCE, wait_asleep

from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.problems import UserError
from dockerproxy.wire.document import Json

POLICY = """\
# Ours.
sockets:
  web:
    path: /proxied/web.sock
    allow:
      - preset:ping   # every client
      - ContainerList
    # the end
"""


def denied(line: str, named: str = "", body: Json = None) -> Record:
    return record_of(line, named, body=body, status=403, decision=Outcome.DENIED)


def reported(line: str, named: str = "", body: Json = None) -> Record:
    return record_of(line, named, body=body)


LOGS = (reported("GET /containers/web/logs?follow=1", "web"), reported("GET /containers/db/logs?follow=1", "db"))
IMAGES = (denied("GET /images/json"),)
MOUNTS = (reported("POST /containers/create", body={"Image": "app", "HostConfig": {"Privileged": True}}),)
PROMPTS = ("[q]uit? ", "[y/N] ", "for all: ")


@dataclass
class Shown:
    """What a person saw, and what came of it."""

    status: int
    text: str
    policy: str


def read_soon(descriptor: int, running: subprocess.Popen[bytes]) -> bytes:
    if not select.select([descriptor], [], [], PATIENCE)[0]:
        running.kill()
    return read(descriptor)


def answer(
    folder: Path,
    records: Sequence[Record],
    *answers: bytes | signal.Signals | Callable[[], object],
    policy: str = POLICY,
    most: str = "",
) -> Shown:
    """Answer the questions of `suggest --interactive` on a terminal; a function is called in place of an answer."""
    path = folder / "policy.yaml"
    path.write_text(policy)
    words: tuple[str, ...] = (
        "suggest",
        write_log(folder / "log", *records),
        "--policy",
        "policy.yaml",
        "--interactive",
    )
    if most:
        (folder / "most.yaml").write_text(most)
        words = (*words, "--at-most", "most.yaml")
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    program = [sys.executable, "-m", "dockerproxy", *words]
    environment = environment_of({"TERM": "xterm", "NO_COLOR": "1"})
    with subprocess.Popen(program, stdin=its, stdout=its, stderr=its, env=environment, cwd=folder) as running:
        os.close(its)
        left, shown, seen = list(answers), "", 0
        while piece := read_soon(ours, running):
            shown += piece.decode(errors="replace")
            if left and shown.endswith(PROMPTS) and len(shown) > seen:
                seen, given = len(shown), left.pop(0)
                if isinstance(given, signal.Signals):
                    wait_asleep(running.pid)
                    running.send_signal(given)
                elif isinstance(given, bytes):
                    os.write(ours, given)
                else:
                    given()
                    os.write(ours, b"y\n")
        status = running.wait(PATIENCE)
    os.close(ours)
    assert not left, shown
    return Shown(status, shown.replace("\r\n", "\n"), path.read_text())


def changes(shown: Shown) -> list[str]:
    """Return the lines that were added to the policy file, which is valid and has lost none."""
    read_policy(shown.policy, "policy.yaml")
    lines = shown.policy.splitlines()
    assert [line for line in lines if line in POLICY.splitlines()] == POLICY.splitlines()
    return [line.strip() for line in lines if line not in POLICY.splitlines()]


def test_what_exposes_most_is_asked_first_and_answers_are_written(tmp_path: Path) -> None:
    done = answer(tmp_path, (*IMAGES, *LOGS, *MOUNTS), b"s\n", b"a\n", b"d\n", b"y\n")
    asked = [line for line in done.text.splitlines() if " of 3  " in line]
    assert [line.partition("  ")[2].partition(":")[0] for line in asked] == [
        "ContainerCreate",
        "ContainerLogs",
        "ImageList",
    ]
    assert "a client is root on the host" in done.text
    assert "HostConfig.Privileged is true" in done.text
    assert done.status == 0
    assert changes(done) == ["- ContainerLogs: {containers: [db, web], follow: true}", "deny:", "- ImageList"]
    assert "+      - ContainerLogs" in done.text


def test_a_list_is_narrowed_to_the_items_that_are_named(tmp_path: Path) -> None:
    done = answer(tmp_path, LOGS, b"n\n", b"7\n", b"2\n", b"n\n", b"a\n", b"y\n")
    assert "numbers from 1 to 2" in done.text
    assert "nothing to narrow" in done.text
    assert changes(done) == ["- ContainerLogs: {containers: [web], follow: true}"]


def test_an_unrestricted_grant_is_narrowed_to_a_contained_one(tmp_path: Path) -> None:
    done = answer(tmp_path, MOUNTS, b"n\n", b"a\n", b"y\n")
    assert changes(done) == ["- ContainerCreate"]
    assert "no additional exposure" not in done.text


@pytest.mark.parametrize("end", [b"\x04", signal.SIGINT])
@pytest.mark.parametrize("before", [(), (b"a\n",)])
def test_the_end_of_input_and_an_interrupt_write_nothing(
    end: bytes | signal.Signals, before: tuple[bytes, ...], tmp_path: Path
) -> None:
    done = answer(tmp_path, LOGS, *before, end)
    assert (done.status, done.policy) == (1, POLICY), done.text
    assert done.text.endswith("\nnothing was written\n")
    assert "Traceback" not in done.text


@pytest.mark.parametrize("answers", [(b"a\n", b"n\n"), (b"a\n", b"\n"), (b"\xff\n", b"q\n"), (b"s\n",)])
def test_nothing_is_written_without_a_yes(answers: tuple[bytes, ...], tmp_path: Path) -> None:
    assert answer(tmp_path, LOGS, *answers).policy == POLICY


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    done = answer(tmp_path, LOGS, b"a\n", lambda: path.write_text(f"{POLICY}# mine\n"))
    assert (done.status, done.policy) == (2, f"{POLICY}# mine\n")
    assert "the file changed meanwhile" in done.text


def test_the_file_keeps_its_permissions_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").touch(mode=0o604)
    (tmp_path / "policy.yaml").symlink_to("real.yaml")
    done = answer(tmp_path, LOGS, b"a\n", b"y\n")
    assert done.status == 0
    assert (tmp_path / "policy.yaml").is_symlink()
    assert (tmp_path / "real.yaml").stat().st_mode & 0o777 == 0o604
    assert changes(done)


def test_names_in_the_log_are_no_lines_of_ours(tmp_path: Path) -> None:
    named = reported("GET /containers/web/logs", "web\n1 of 1  ok\x1b[2J")
    done = answer(tmp_path, (named, *IMAGES), b"q\n")
    assert "1 of 1  ok" not in done.text.splitlines()
    assert "\x1b[2J" not in done.text


def test_what_is_granted_on_conditions_is_not_denied_for_good(tmp_path: Path) -> None:
    policy = POLICY.replace("- ContainerList", "- ContainerLogs: {containers: [web], follow: true}")
    done = answer(tmp_path, LOGS, b"d\n", b"s\n", policy=policy)
    assert "[d]eny" not in done.text
    assert "answer with a, n, s, q" in done.text


def test_a_list_that_cannot_be_changed_alone_is_said(tmp_path: Path) -> None:
    policy = "sockets: {web: {path: /proxied/web.sock, allow: []}}\n"
    done = answer(tmp_path, LOGS, b"a\n", b"q\n", policy=policy)
    assert "cannot be added here" in done.text
    assert done.policy == policy


@pytest.mark.parametrize("words", [("log", "--interactive"), ("-", "--policy", "policy.yaml", "--interactive")])
def test_it_needs_a_policy_file_and_standard_input(words: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="needs a policy file"):
        run_here("suggest", *words)


def test_there_may_be_nothing_to_decide(tmp_path: Path) -> None:
    done = answer(tmp_path, (reported("GET /containers/json"),))
    assert (done.status, done.text) == (0, "nothing to decide\n")


def test_what_is_not_proven_to_be_within_another_policy_is_not_added(tmp_path: Path) -> None:
    most = POLICY.replace("- ContainerList", "- ContainerList\n      - ContainerLogs: {containers: [web]}")
    done = answer(tmp_path, LOGS, b"a\n", b"n\n", b"2\n", b"a\n", b"y\n", most=most)
    assert "not proven to be within --at-most: ContainerLogs: " in done.text
    assert changes(done) == ["- ContainerLogs: {containers: [web], follow: true}"]


def test_a_policy_that_allows_more_than_its_bound_is_not_edited(tmp_path: Path) -> None:
    done = answer(tmp_path, LOGS, most=POLICY.replace("- ContainerList", "- SystemInfo"))
    assert (done.status, done.policy) == (2, POLICY)
    assert "--at-most: the policy may already allow more: ContainerList: " in done.text


def test_a_bound_without_questions_is_a_mistake() -> None:
    done = run("suggest", "log", "--at-most", "most.yaml")
    assert (done.status, done.err.partition(":")[0]) == (2, "--at-most")
