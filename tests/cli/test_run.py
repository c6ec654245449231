"""A program runs as it would without us, but for its way to the engine. Signals: test_run_signals.py."""

import os
import re
import shlex
import socketserver
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.programs import Done, Running, engine_at, engine_of, environment_of
from cli.running import DENIED, PING, folder_with_engine, run, variables_in, words_of
from folders import short_folder
from waiting import PATIENCE

from dockerproxy.cli.run import make_environment

ORDINARY = 65534
AS_ORDINARY = f"""
import os, sys, sysconfig
from dockerproxy.cli import main, run
sysconfig.get_path('stdlib')
os.setgroups([])
os.setresgid({ORDINARY}, {ORDINARY}, {ORDINARY})
os.setresuid({ORDINARY}, {ORDINARY}, {ORDINARY})
sys.exit(main.main(["run", *sys.argv[1:]]))
"""
"""Becomes an ordinary user when all code is loaded, which that user may not be able to read."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with an engine, in which private directories are made."""
    with folder_with_engine() as folder:
        yield folder


def test_a_program_reaches_the_engine_by_its_own_socket_and_only_for_what_is_allowed(folder: Path) -> None:
    done = run(folder, "--allow", "ContainerList", code=f"{PING}; {DENIED}; ask(path, 'GET', '/containers/json')")
    assert (done.status, done.out) == (0, "200\n403\n")
    assert done.err == (
        "dockerproxy: 3 requests, 1 denied\n"
        "  denied    1  SystemInfo: no rule allows it\n"
        "               --allow SystemInfo\n"
        "  --mode report denies nothing, and lists all missing grants at the end\n"
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("sys.exit(3)", 3),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("pass", 0),
    ],
)
def test_the_exit_status_is_that_of_the_program(folder: Path, code: str, status: int) -> None:
    assert run(folder, "--preset", "ping", code=code).status == status


@pytest.mark.parametrize(
    ("word", "status", "said"),
    [
        ("no-such-program", 127, "no-such-program: No such file or directory"),
        ("/", 126, "/: Permission denied"),
    ],
)
def test_a_program_that_cannot_be_run_has_the_status_that_a_shell_gives_it(
    folder: Path, word: str, status: int, said: str
) -> None:
    done = run(folder, "--preset", "ping", "--", word)
    assert (done.status, done.err) == (status, f"dockerproxy: {said}\n")


def test_a_script_without_a_first_line_for_it_is_run_by_the_shell(folder: Path) -> None:
    script = folder / "script"
    script.write_text('echo "$0 $1"; exit 4')
    script.chmod(0o700)
    for word in (str(script), "script"):
        done = run(folder, "--quiet", "--preset", "ping", "--", word, "given", PATH=f"{folder}:{os.environ['PATH']}")
        assert done == Done(4, f"{script} given\n", "")


def test_without_the_dashes_the_first_word_that_is_no_option_begins_the_command(folder: Path) -> None:
    words = [sys.executable, "-m", "dockerproxy", "run", "--quiet", "--preset", "ping", "echo", "--quiet", "--", "x"]
    done = subprocess.run(
        words, capture_output=True, env=environment_of(variables_in(folder)), timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"--quiet -- x\n", b"")


def test_input_and_output_are_the_programs_own_and_it_gets_no_descriptor_of_ours(folder: Path) -> None:
    code = "sys.stderr.write(sys.stdin.read()); print(sorted(int(name) for name in os.listdir('/proc/self/fd')))"
    done = subprocess.run(
        [sys.executable, "-m", "dockerproxy", *words_of("--quiet", "--preset", "ping", code=code)],
        input=b"given",
        capture_output=True,
        env=environment_of(variables_in(folder)),
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"[0, 1, 2, 3]\n", b"given")  # The last one lists them.


def test_nothing_in_the_environment_names_another_socket() -> None:
    given = {
        "DOCKER_HOST": "tcp://other:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/certs",
        "DOCKER_CONTEXT": "other",
        "CONTAINER_HOST": "ssh://other",
        "CONTAINER_CONNECTION": "other",
        "CONTAINERS_CONF": "/other.conf",
        "CONTAINERS_CONF_OVERRIDE": "/other.conf",
        "PODMAN_CONNECTIONS_CONF": "/other.json",
        "BUILDKIT_HOST": "tcp://other",
        "BUILDX_BUILDER": "other",
        "DOCKER_SOCKET_PATH": "/run/other.sock",
        "SOCKET_PATH": "/run/mine.sock",
        "DOCKER_CONFIG": "/config",
        "PATH": "/bin",
    }
    assert make_environment(given, "/run/engine.sock", "/private/docker.sock") == {
        "DOCKER_HOST": "unix:///private/docker.sock",
        "CONTAINER_HOST": "unix:///private/docker.sock",
        "TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE": "/private/docker.sock",
        "BUILDX_BUILDER": "default",
        "SOCKET_PATH": "/run/mine.sock",
        "DOCKER_CONFIG": "/config",
        "PATH": "/bin",
    }
    assert "SOCKET_PATH" not in make_environment(given, "/run/mine.sock", "/private/docker.sock")


def test_nobody_else_may_open_the_socket(folder: Path) -> None:
    code = "print(*(oct(os.stat(each).st_mode) for each in (path, os.path.dirname(path))), os.path.dirname(path))"
    mode, above, place = run(folder, "--preset", "ping", code=code).out.split()
    assert (stat.S_IMODE(int(mode, 8)), stat.S_IMODE(int(above, 8))) == (0o600, 0o700)
    assert re.fullmatch(rf"{folder}/dockerproxy-[0-9a-f]{{16}}", place)


def test_the_proxy_is_locked_in_and_the_program_is_not(folder: Path) -> None:
    """The program can be given new privileges, and the proxy, which is another process, cannot."""
    code = (
        "s = socket.socket(socket.AF_UNIX); s.connect(path); import struct\n"
        "pid = struct.unpack('3i', s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]\n"
        "print(*(line for who in ('self', pid) for line in open(f'/proc/{who}/status') if 'NoNewPrivs' in line))"
    )
    assert re.findall(r"\d", run(folder, "--preset", "ping", code=code).out) == ["0", "1"]


CREATED = b'{"Id": "%s"}' % (b"3f2a" * 16)


class _Creates(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline():
            length = 0
            while field := self.rfile.readline().strip():
                name, _, value = field.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            self.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(CREATED), CREATED))


CREATE = (
    "from http.client import HTTPConnection; import json\n"
    "def create(name='', **body):\n"
    "    c = HTTPConnection('d'); c.sock = socket.socket(socket.AF_UNIX); c.sock.connect(path)\n"
    "    c.request('POST', f'/containers/create{name}', json.dumps({'Image': 'app', **body}), "
    "{'Content-Type': 'application/json'})\n"
    "    print(c.getresponse().status)\n"
)


def test_what_was_created_is_said_and_the_grant_that_would_allow_what_was_not() -> None:
    with short_folder() as folder, engine_of(folder / "engine.sock", _Creates):
        code = f"{CREATE}create(); create('?name=web'); create(HostConfig={{'Binds': ['/etc:/x:ro']}})"
        done = run(folder, "--allow", "ContainerCreate: {binds: [/srv]}", code="\n" + code)
        assert done.out == "201\n201\n403\n"
        *_, last, paste, _, created = done.err.splitlines()
        assert last.startswith("  denied    1  ContainerCreate: ")
        assert created == "  created   2 containers: 3f2a3f2a3f2a, web"
        option, grant = shlex.split(paste)
        assert option == "--allow"
        assert "binds: [" in grant
        done = run(folder, option, grant, code="\n" + code)
        assert done.out == "201\n201\n201\n"


def test_a_container_may_get_the_socket_of_its_client() -> None:
    with short_folder() as folder, engine_of(folder / "engine.sock", _Creates):
        code = f"{CREATE}create(HostConfig={{'Binds': [f'{{path}}:/var/run/docker.sock']}})"
        assert run(folder, "--preset", "testcontainers", code="\n" + code).out == "201\n"


def test_in_report_mode_nothing_is_refused_and_what_would_be_is_said(folder: Path) -> None:
    done = run(folder, "--preset", "ping", "--mode", "report", code=DENIED)
    assert done.out == "200\n"
    assert done.err.startswith(
        "dockerproxy: --mode report: nothing is denied\n"
        "dockerproxy: 1 request, 1 would be denied\n  reported  1  SystemInfo: no rule allows it\n"
        "# root on the host: no\n# reads secrets: no\n# others' objects: no\n"
        "# Enforced, with all that was missing:\n"
    )


def list_pasted(printed: str) -> list[str]:
    """Return the words of the command that a run in mode report ends with."""
    block = printed.partition("# Enforced, with all that was missing:\n")[2]
    return [word for word in shlex.split(block, comments=True) if word != "\n"]


def test_what_report_mode_ends_with_passes_when_it_is_pasted() -> None:
    """A create that was typed is replaced, since a socket has one line for each."""
    with short_folder() as folder, engine_of(folder / "engine.sock", _Creates):
        creates = "create(HostConfig={'Binds': ['/etc:/x:ro']}); create(Hostname='it')"
        code = f"\n{CREATE}{creates}; ask(path, 'GET', '/info')"
        typed = ("--preset", "ai-agent", "--allow", "ContainerCreate: {binds: [/srv]}")
        done = run(folder, "--mode", "report", *typed, code=code)
        assert done.out == "201\n201\n"
        assert "# root on the host: maybe, by ContainerCreate and " in done.err
        words = list_pasted(done.err)
        assert words[:4] == ["dockerproxy", "run", "--preset", "ai-agent"]
        assert sum("ContainerCreate" in word for word in words) == 1
        options = words[2 : words.index("--")]
        again = run(folder, *options, code=code)
        assert (again.out, "denied" in again.err) == ("201\n201\n", False), again.err


def test_report_mode_of_a_policy_file_ends_with_lines_for_it(folder: Path) -> None:
    (folder / "policy.yaml").write_text("sockets: {ci: {path: /x/ci.sock, allow: [preset:ping]}}")
    done = run(folder, "--policy", "policy.yaml", "--mode", "report", code=DENIED)
    assert "\n# Add to `allow` of socket ci in policy.yaml:\n      - SystemInfo  # 1  " in done.err


def test_report_mode_does_not_say_what_its_line_for_the_create_allows_too() -> None:
    said = (
        b'{"Id": "%s", "Name": "/web", "Config": {"Labels": {}}, "Image": "sha256:%s", "HostConfig": '
        b'{"NetworkMode": "default", "PidMode": "", "IpcMode": "private"}}' % ((b"3f2a" * 16,) * 2)
    )
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
    with short_folder() as folder, engine_at(folder / "engine.sock", answer):
        follow = f"ask(path, 'POST', '/containers/{'3f2a' * 16}/kill'); ask(path, 'GET', '/containers/web/json')"
        code = f"\n{CREATE}create('?name=web', HostConfig={{'Binds': ['/etc:/x:ro']}}); {follow}"
        done = run(folder, "--mode", "report", "--preset", "own-compose", code=code)
    assert "\ndockerproxy: 3 requests, 1 would be denied\n  reported  1  ContainerCreate: " in done.err
    assert done.err.count("reported") == 1


def test_what_report_mode_ends_with_has_objects_of_others_by_their_names() -> None:
    """A line that was typed for another object stays."""
    said = b'{"Name": "ext", "Driver": "local", "Labels": {}, "Options": {}}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
    with short_folder() as folder, engine_at(folder / "engine.sock", answer):
        code = "print(ask(path, 'GET', '/volumes/ext')[0])"
        typed = ("--preset", "own-compose", "--allow", "VolumeInspect: {volumes: [mine]}")
        words = list_pasted(run(folder, "--mode", "report", *typed, code=code).err)
        options = words[2 : words.index("--")]
        assert options == [*typed, "--allow", "VolumeInspect: {volumes: [ext]}"]
        assert run(folder, *typed, code=code).out == "404\n"
        assert run(folder, *options, code=code).out == "200\n"


def test_where_nothing_is_missing_report_mode_says_so(folder: Path) -> None:
    done = run(folder, "--preset", "ping", "--mode", "report", code=PING)
    assert done.err.endswith("\nnothing is missing: run it without --mode report\n")


def test_a_run_without_grants_names_the_usual_presets(folder: Path) -> None:
    assert "use --preset own-compose, ci, ai-agent or testcontainers, --allow GRANT" in run(folder, code=PING).err


def test_a_quiet_run_says_nothing(folder: Path) -> None:
    assert run(folder, "--preset", "ping", "--quiet", code=DENIED) == Done(0, "403\n", "")


def test_what_was_learned_is_enough_and_the_next_run_adds_to_it(folder: Path) -> None:
    both = f"{PING}; {DENIED}"
    first = run(folder, "--learn", "learned.yaml", code=DENIED)
    assert first.out == "200\n"
    assert "dockerproxy run --policy learned.yaml -- " in first.err
    assert run(folder, "--policy", "learned.yaml", code=both).out == "403\n200\n"
    run(folder, "--learn", "learned.yaml", code=PING)
    again = run(folder, "--policy", "learned.yaml", code=both)
    assert (again.out, again.err) == ("200\n200\n", "dockerproxy: 2 requests\n")


def test_programs_that_were_learned_apart_own_their_objects_apart(folder: Path) -> None:
    """The second run adds to the first file, and keeps its owner."""
    owners = []
    for name in ("one", "one", "two"):
        learned = folder / name / "learned.yaml"
        learned.parent.mkdir(exist_ok=True)
        assert run(folder, "--learn", str(learned), code=DENIED).out == "200\n"
        owners += re.findall(r"^    own_as: (dockerproxy-[0-9a-f]{16})$", learned.read_text(), re.MULTILINE)
    assert len(owners) == 3
    assert (owners[0] == owners[1], owners[0] == owners[2]) == (True, False)


def test_where_nothing_was_asked_for_nothing_is_written(folder: Path) -> None:
    done = run(folder, "--learn", "learned.yaml", code="pass")
    assert done.status == 0
    assert "there were no requests" in done.err
    assert not (folder / "learned.yaml").exists()


def test_what_cannot_be_written_any_more_is_printed(folder: Path) -> None:
    code = f"{DENIED}; open('learned.yaml', 'w').write('mine')"
    done = run(folder, "--learn", "learned.yaml", code=code)
    assert done.status == 125
    assert "was not written by" in done.err
    assert "- SystemInfo" in done.err
    assert (folder / "learned.yaml").read_text() == "mine"


def test_a_policy_of_several_sockets_needs_the_name_of_one(folder: Path) -> None:
    (folder / "policy.yaml").write_text(
        "sockets: {one: {path: /nowhere/one, allow: [SystemInfo]}, two: {path: /nowhere/two, allow: []}}"
    )
    assert run(folder, "--policy", "policy.yaml", "--socket", "one", "--quiet", code=DENIED).out == "200\n"
    done = run(folder, "--policy", "policy.yaml", code=DENIED)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("--socket: the policy has several sockets\n")


def test_every_mistake_is_said_at_once_and_nothing_is_run(folder: Path) -> None:
    done = run(
        folder, "--allow", "ContainerLists", "--preset", "traefk", "--mode", "loud", "--host", "tcp://x", code="1"
    )
    assert (done.status, done.out) == (2, "")
    assert [line for line in done.err.splitlines() if not line.startswith(" ")] == [
        "--preset traefk: unknown preset 'preset:traefk'",
        "--allow ContainerLists: unknown operation 'ContainerLists'",
        "--mode: invalid mode 'loud'",
        "--host: 'tcp://x' is not an absolute path",
    ]


@pytest.mark.root
def test_an_ordinary_user_may_use_it_where_they_may_open_the_engine(folder: Path) -> None:
    os.chmod(folder, 0o711)  # noqa: S103 (that user must reach the engine)
    os.chown(folder / "engine.sock", ORDINARY, ORDINARY)
    show = 'id -u; stat -c "%u %a" "$TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE"'
    done = subprocess.run(
        [sys.executable, "-c", AS_ORDINARY, "--quiet", "--preset", "ping", "--", "sh", "-c", show],
        capture_output=True,
        env=environment_of({"DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}),
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"65534\n65534 600\n", b"")


def test_a_closed_standard_error_does_not_change_the_status(folder: Path) -> None:
    with Running(*words_of("--preset", "ping", code="sys.exit(6)"), **variables_in(folder)) as program:
        assert program.process.stdout is not None
        program.process.stdout.close()
        assert program.process.wait(PATIENCE) == 6
        program.process.stdout = open(os.devnull, "rb")  # noqa: SIM115 (closed by the block)
