"""`test` says what a policy does not do as it is expected to."""

import subprocess
import sys

import pytest
from cli.files import policy_in, write
from cli.programs import environment_of, run, run_here

from dockerproxy.problems import UserError

ALL_MET = """\
socket traefik
allow GET /v1.45/containers/json
deny POST /containers/create
socket backup
allow POST /exec/db-1/start
deny POST /exec/1f/start
deny GET /containers/../x
deny PATCH /x
deny GET /debug
socket new-thing
deny POST /containers/create
"""


def test_what_is_as_expected_is_counted() -> None:
    with policy_in() as folder:
        done = run("test", write(folder / "a.txt", ALL_MET), "--policy", f"{folder}/policy.yaml")
    assert (done.status, done.err) == (0, "")
    assert done.out == "warning: the mode of the socket new-thing is report: it denies nothing\n8 expectations met\n"


def test_what_is_not_is_said_with_the_reason() -> None:
    text = """\
allow POST /containers/web/restart
deny GET /containers/web/json
allow GET /containers/../x
allow GET /debug
deny GET /containers/web/archive?path=/
deny GET /_dockerproxy/health
"""
    with policy_in() as folder:
        path = write(folder / "a.txt", text)
        done = run_here("test", path, "--policy", f"{folder}/policy.yaml", "--socket", "backup")
    message = (
        "ContainerRestart denied: only allowed if the container is db-*, and without the parameter all;"
        ' to allow it, widen its conditions in "allow" of socket "backup"'
    )
    assert done.status == 1
    assert done.out.splitlines() == [
        f"{path}:1:1: POST /containers/web/restart should be allowed, and is denied",
        f"    {message}",
        f"{path}:2:1: GET /containers/web/json should be denied, and is allowed",
        "    ContainerInspect is allowed by containers:read (policy.yaml:10)",
        f"{path}:3:1: GET /containers/../x should be allowed, and is denied",
        "    refused with 400: ambiguous path: a dot segment",
        f"{path}:4:1: GET /debug should be allowed, and is denied",
        "    GET /debug denied: not a known Docker API operation; unknown operations are always denied",
        f"{path}:6:1: GET /_dockerproxy/health should be denied, and is allowed",
        "    ProxyHealth is always allowed",
        "5 of 6 expectations not met",
    ]


def test_lines_that_no_expectation_exercises_are_listed() -> None:
    lines = ("socket backup", "allow GET /containers/web/json", "deny GET /containers/web/export")
    text = "\n".join((*lines, "socket traefik", "allow GET /_ping", ""))
    with policy_in() as folder:
        done = run_here("test", write(folder / "a.txt", text), "--policy", f"{folder}/policy.yaml", "--coverage")
        assert done.status == 0
        assert done.out.splitlines()[1:] == [
            f"{folder}/policy.yaml:5: no expectation exercises ContainerList",
            *(
                f"{folder}/policy.yaml:{line}: no expectation exercises {word}"
                for line, word in ((11, "ContainerStart"), (12, "ContainerRestart"), (13, "ContainerLogs"))
            ),
            f"{folder}/policy.yaml:14: no expectation exercises ExecStart",
            f"{folder}/policy.yaml:15: no expectation exercises ContainerArchive",
            f"{folder}/policy.yaml:20: no expectation exercises ContainerList",
            "3 of 10 lines of the policy covered, 30 %",
        ]
        words = (
            "test",
            str(folder / "a.txt"),
            "--policy",
            f"{folder}/policy.yaml",
            "--coverage",
            "--socket",
            "traefik",
        )
        assert "1 of 2 lines of the policy covered, 50 %" in run_here(*words).out
        expected = write(folder / "b.txt", "allow GET /_ping\n")
        with pytest.raises(UserError, match="needs a policy file"):
            run_here("test", expected, "--coverage", CONTAINERS="1")


BODIES = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    limits: {body: 1KiB}
    allow: [ContainerCreate, ContainerExec: {containers: [web]}]
"""


def test_what_depends_on_a_body_is_tried_with_it() -> None:
    with policy_in(BODIES) as folder:
        write(folder / "privileged.json", '{"Image": "app", "HostConfig": {"Privileged": true}}')
        write(folder / "long.json", f'{{"Image": "{"a" * 1024}"}}')
        text = """\
allow POST /containers/create {"Image": "app"}
deny POST /containers/create < privileged.json
deny POST /containers/create < long.json
allow POST /containers/create {"Image": "app", "Colour": "blue"}
deny POST /containers/db/exec
"""
        done = run_here("test", write(folder / "a.txt", text), "--policy", f"{folder}/policy.yaml")
    assert done.status == 1
    assert done.out.replace(f"{folder}/", "").splitlines() == [
        "a.txt:4:1: POST /containers/create should be allowed, and is denied",
        (
            '    ContainerCreate denied: Colour is "blue", not a known field;'
            " to allow it, leave that out; or, to let clients become root on the host, remove its line and add"
            ' "ContainerCreate: unrestricted" to "allow" of socket "ci"'
        ),
        "1 of 5 expectations not met",
    ]


def test_what_depends_on_a_body_that_is_not_said_meets_no_expectation() -> None:
    with policy_in(BODIES) as folder:
        text = "allow POST /containers/create\ndeny POST /containers/create\n"
        done = run_here("test", write(folder / "a.txt", text), "--policy", f"{folder}/policy.yaml")
    assert done.status == 1
    assert done.out.replace(f"{folder}/", "").splitlines() == [
        "a.txt:1:1: POST /containers/create should be allowed, and depends on the body",
        "    write it after the target, or `< FILE`",
        "a.txt:2:1: POST /containers/create should be denied, and depends on the body",
        "    write it after the target, or `< FILE`",
        "2 of 2 expectations not met",
    ]


def test_the_environment_is_tried_likewise() -> None:
    with policy_in() as folder:
        path = write(folder / "a.txt", "allow GET /containers/json\n")
        assert run_here("test", path, path, CONTAINERS="1").out == "2 expectations met\n"
        assert run_here("test", path).status == 1


def test_all_mistakes_in_all_files_are_said_at_once() -> None:
    with policy_in() as folder:
        path = write(folder / "a.txt", "allow\nsocket traefik\nallow x /y\n")
        done = run("test", path, f"{folder}/nowhere", "/dev/null", "--policy", f"{folder}/policy.yaml")
    assert (done.status, done.out) == (2, "")
    where = [line.partition(": ")[0] for line in done.err.splitlines() if not line.startswith(" ")]
    assert where == [f"{path}:1:1", f"{path}:3:7", f"{folder}/nowhere", "/dev/null"]


def test_a_socket_that_is_none_is_something_to_mend() -> None:
    with policy_in() as folder:
        path = write(folder / "a.txt", ALL_MET)
        done = run("test", path, "--policy", f"{folder}/policy.yaml", "--socket", "trafik")
    assert (done.status, done.out) == (2, "")
    assert done.err == "--socket: 'trafik' is not a socket of the policy\n    did you mean traefik?\n"


def test_expectations_may_come_from_standard_input() -> None:
    words = [sys.executable, "-m", "dockerproxy", "test", "-"]
    done = subprocess.run(
        words, input="allow GET /images/json", capture_output=True, text=True, env=environment_of({}), check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith("standard input:1:1: GET /images/json should be allowed, and is denied\n")
