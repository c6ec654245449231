"""What comes over the control socket is read strictly, and shown so that a client cannot write lines of ours."""

import json
import os
import socket
from pathlib import Path

import pytest
from cli.programs import short_folder

from dockerproxy.cli.questions import Asked, Control, Over, describe, list_exposures, list_fields, read_event
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Policy
from dockerproxy.proxy.control import _dump

NOTHING = compile_policy(Policy(grants=(), denials=(), hint=str))
ASKED = (
    b'{"kind":"asked","id":"A","socket":"s","operation":"ContainerList","lasts":true,"conditions":{},'
    b'"uid":0,"pid":1,"method":"GET","target":"/containers/json","expires":1e12}'
)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"kind":"record","id":"A"}',
        ASKED.replace(b'"ContainerList"', b'"Nonsense"'),
        ASKED.replace(b"true", b"1"),
        ASKED.replace(b'{},"uid"', b'[],"uid"'),
        ASKED.replace(b'"A"', b"1"),
    ],
)
def test_what_is_no_question_is_left_out(line: bytes) -> None:
    assert read_event(line) is None
    assert read_event(ASKED) is not None
    assert read_event(b'{"kind":"answered","id":"A","answer":"deny","by":null}') == Over("A", "deny")


def test_a_client_cannot_write_lines_of_ours() -> None:
    body = {"Image": "a\nallow    - Everything\x1b[2J", "Env": ["PASSWORD=x", "A=b"], "k\ney": {"auth": "x", "n": [1]}}
    lines = list(list_fields(body))  # type: ignore[arg-type] # it is JSON
    assert lines[0] == 'Image "a\\nallow    - Everything\\u001b[2J"'
    assert lines[1] == "Env PASSWORD=..., A=..."
    assert all("\n" not in line and "\x1b" not in line for line in lines)
    assert not any("x" in line for line in lines[2:3] if "auth" in line)


@pytest.mark.parametrize(
    ("bind", "is_told"),
    [("/run", True), ("/", True), ("/run/operator:ro", True), ("/run/operators", False), ("/run/operator/c", False)],
)
def test_a_mount_of_the_control_socket_is_told(bind: str, is_told: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a case)
    (tmp_path / "link").symlink_to("/run/operator")
    conditions = json.dumps({"binds": [bind]}).encode()
    asked = read_event(ASKED.replace(b"ContainerList", b"ContainerCreate").replace(b'{},"uid"', conditions + b',"uid"'))
    assert isinstance(asked, Asked)
    for control in ("/run/operator/control.sock", f"{tmp_path}/link/control.sock"):
        told = list_exposures(asked, NOTHING, control)
        assert ("allows itself everything: it reaches the control socket" in told) is is_told


def test_a_program_is_named_only_if_we_count_processes_as_the_proxy_does() -> None:
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/c.sock")
        listener.listen()
        for pid, is_named in ((os.getpid(), True), (1, False)):
            control = Control(f"{folder}/c.sock")
            proxy, _ = listener.accept()
            hello = {"kind": "hello", "protocol": 1, "version": "1", "pid": pid, "started": 1.0}
            ours = b'"pid":%d,' % os.getpid()
            with proxy:
                proxy.sendall(_dump(hello).encode() + b"\n" + ASKED.replace(b'"pid":1,', ours) + b"\n")
                events = control.read()
            assert events is not None
            [asked] = events
            assert isinstance(asked, Asked)
            shown = "\n".join(describe(asked, NOTHING, control))
            assert (os.readlink("/proc/self/exe") in shown) is is_named
            assert ("in another PID namespace" in shown) is not is_named
            control.close()
