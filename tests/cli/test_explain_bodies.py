"""Of a body `explain` says all that is wrong with it, or what goes to the engine."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli.files import policy_in, sockets_of, write
from cli.programs import environment_of, run_here
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PRIVILEGED

from dockerproxy.workbench.bearing import find_change
from dockerproxy.workbench.trying import Tried, try_request

CONTAINED = {"CONTAINERS": "1", "POST": "1", "CONTAINED": "1"}
CREATE = "ContainerCreate: creates any container: root on the host"
BODIES = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    limits: {body: 1KiB}
    allow:
      - ContainerCreate: {volumes: [data], labels: {owner: ci}}
      - PutContainerArchive
      - ExecStart
"""


def explain_body(method: str, target: str, body: str | None) -> tuple[int, list[str]]:
    """Explain a request with a body by a policy file; return the status and the lines from the operation on."""
    with policy_in(BODIES) as folder:
        words = [] if body is None else ["--body", write(folder / "body", body)]
        done = run_here("explain", "--policy", f"{folder}/policy.yaml", method, target, *words)
    return done.status, done.out.replace(str(folder), "FOLDER").splitlines()[1:]


def test_a_body_is_explained_field_by_field() -> None:
    body = '{"Image": "app", "user": 7, "HostConfig": {"binds": ["/etc:/x"], "Privileged": true}}'
    etc = 'HostConfig.Binds[0] is "/etc", a host path that no rule allows'
    user = "User is 7, not of type string"
    add = 'remove its line and add "ContainerCreate: unrestricted" to "allow" of socket "ci"'
    instead = "to allow it, leave that out; or, to let clients become root on the host"
    remedy = f"{instead}, {add}"
    assert explain_body("POST", "/containers/create", body) == (
        1,
        [
            "request    POST /containers/create",
            f"operation  {CREATE}",
            "access     write, in the section containers",
            "body       85 bytes of application/json",
            "decision   not allowed",
            "grant      ContainerCreate (policy.yaml:6)",
            "           yes  the volume is data",
            "           yes  labels are owner=ci",
            f"           no   {user}",
            f"           no   {PRIVILEGED}",
            f"           no   {etc}",
            f"                {remedy}",
            (f"message    ContainerCreate denied: {user}, and 2 more; {remedy}"),
            (
                f"change     {instead}, replace ContainerCreate (policy.yaml:6)"
                ' in "allow" of socket "ci" in FOLDER/policy.yaml by this line:'
            ),
            "           - ContainerCreate: unrestricted",
        ],
    )


def test_what_goes_to_the_engine_is_shown_and_what_serve_would_ask_for() -> None:
    status, lines = explain_body("POST", "/containers/create", '{"image": "app", "HostConfig": {"Binds": ["data:/x"]}}')
    assert status == 0
    assert lines[3:6] == [
        "body       54 bytes of application/json",
        "object     volume data, taken for its name; serve asks the engine",
        "decision   allowed",
    ]
    start, end = lines.index("to engine  {"), lines.index("           }")
    assert json.loads("{" + "".join(lines[start + 1 : end + 1])) == {
        "Image": "docker.io/library/app",
        "HostConfig": {"Binds": ["data:/x"], "CapDrop": ["MKNOD"]},
        "Labels": {"owner": "ci"},
    }


def test_a_longer_body_is_shown_in_lines_and_cut() -> None:
    environment = ", ".join(f'"A{number}=b"' for number in range(100))
    status, lines = explain_body("POST", "/containers/create", f'{{"Image": "app", "Env": [{environment}]}}')
    start = lines.index("to engine  {")
    assert (status, lines[start + 1 : start + 4]) == (
        0,
        ['             "Image": "docker.io/library/app",', '             "Env": [', '               "A0=b",'],
    )
    assert lines[start + 40] == "           and 73 lines more"


def test_what_depends_on_a_body_says_so() -> None:
    status, lines = explain_body("POST", "/containers/create", None)
    assert (status, lines[3:]) == (
        1,
        [
            "decision   depends on the body; pass it with --body",
            "grant      ContainerCreate (policy.yaml:6)",
            "           ?    the volume is data",
            "           ?    labels are owner=ci",
            "           ?    contained: depends on the body",
        ],
    )


def test_a_bind_below_a_directory_is_explained_as_what_the_engine_gets(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("sockets: {ci: {path: /a/ci.sock, allow: [ContainerCreate: {binds: ['/srv/ci/**']}]}}")
    for source, version, status, says in (
        ("/srv/ci/a", "", 0, "engine     must be Docker 26 or newer, because serve mounts subdirectories of volumes"),
        ("/srv/ci/a", "/v1.44", 1, "which needs API 1.45, not v1.44"),
        ("/srv/ci", "/v1.44", 0, '"Binds":["/srv/ci:/x"]'),
    ):
        body = write(tmp_path / "body", json.dumps({"Image": "a", "HostConfig": {"Binds": [f"{source}:/x"]}}))
        done = run_here("explain", "--policy", str(policy), "POST", f"{version}/containers/create", "--body", body)
        assert (done.status, says in done.out) == (status, True)
        assert ("Subpath" in done.out) == says.startswith("engine")


def test_a_body_may_come_by_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dockerproxy", "explain", "POST", "/containers/create", "--body", "-"],
        input=b'{"Image": "app"}',
        capture_output=True,
        env=environment_of(CONTAINED),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"body       16 bytes of application/json\n" in done.stdout
    assert b'to engine  {"Image":"docker.io/library/app","HostConfig":{"CapDrop":["MKNOD"]}}\n' in done.stdout


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "malformed JSON in the body: "),
        ('{"a": 1, "a": 1}', "ambiguous JSON in the body: "),
        (f'{{"Image": "{"a" * 1024}"}}', "the body is longer than 1024 bytes"),
    ],
)
def test_a_body_that_has_no_reading_is_refused(body: str, reason: str) -> None:
    status, lines = explain_body("POST", "/containers/create", body)
    assert status == 1
    assert re.fullmatch(r"decision   refused with 4(00|13), under any policy", lines[0])
    assert lines[1].startswith(f"reason     {reason}")


def test_an_archive_passes_unread_and_none_is_no_mistake() -> None:
    status, lines = explain_body("PUT", "/containers/web/archive?path=/x", "no archive")
    assert (status, lines[3]) == (0, "body       10 bytes, not checked")
    assert "object     its Mounts is unknown here; serve asks the engine and checks it too" in lines
    assert explain_body("PUT", "/containers/web/archive?path=/x", None)[0] == 0


def test_what_only_the_engine_knows_is_said() -> None:
    status, lines = explain_body("POST", "/exec/1f/start", '{"Detach": true}')
    assert status == 0
    assert lines[4:6] == [
        "object     exec 1f, taken for the name of its container; serve asks the engine",
        "object     its ProcessConfig is unknown here; serve asks the engine and checks it too",
    ]


PATTERNS = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    allow:
      - ContainerExec: {containers: [web], commands: [[never]]}
      - ContainerArchive: {containers: [web], path: [/never]}
"""
WORDS = st.text("*?a/ ", min_size=1, max_size=4)


def _change(method: str, target: str, body: bytes | None, granted: str) -> tuple[bool, list[str]]:
    """Return whether a request is allowed, and what is said to change that."""
    socket = sockets_of(PATTERNS if not granted else PATTERNS.partition("      - ")[0] + f"      {granted}\n")["ci"]
    tried = try_request(socket.policy, method, target, body)
    assert isinstance(tried, Tried)
    return tried.decision.allowed, [text for _, text in find_change(socket.policy.policy, tried, "ci", "policy.yaml")]


@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(WORDS, min_size=1, max_size=3))
def test_the_line_for_a_command_allows_no_other_command(asked: list[str], other: list[str]) -> None:
    bodies = [json.dumps({"Cmd": command}).encode() for command in (asked, other)]
    said = _change("POST", "/containers/web/exec", bodies[0], "")[1]
    if "no line" in said[0]:
        assert {"*", "?"} & set("".join(asked))
        return
    assert _change("POST", "/containers/web/exec", bodies[0], said[1])[0]
    assert _change("POST", "/containers/web/exec", bodies[1], said[1])[0] is (asked == other)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "web/archive?path=/etc/*",
            'no line in "allow" of socket "ci" in policy.yaml allows only this: path',
        ),
        (
            "w*b/archive?path=/etc",
            'no line in "allow" of socket "ci" in policy.yaml allows only this: cont',
        ),
        (
            "web/archive?path=a/../b",
            'to allow it, add this line to "allow" of socket "ci" in policy.yaml (it allows more, because path',
        ),
    ],
)
def test_what_a_line_cannot_list_is_said(target: str, said: str) -> None:
    assert _change("GET", f"/containers/{target}", None, "")[1][0].startswith(said)
