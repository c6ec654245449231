"""Whoever takes the process over finds it locked in: it opens no file, reaches nobody, starts nothing, and says so."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.programs import ask, engine_at, serving
from folders import short_folder
from host.attacks import Broken, broken_into, is_served
from host.locked import run_alone
from rows import for_each

from dockerproxy.host import landlock, sandbox

DENIED = ("PermissionError: [Errno 13]", "OSError: [Errno 38]")
"""What Landlock answers, and what the filter of system calls does."""

FILES = {
    "read a file": "open('/etc/passwd')",
    "read a file beside": "open(beside + '/secret')",
    "read memory of another process": "import os; open(f'/proc/{os.getppid()}/mem', 'rb')",
    "read what another process was started with": "import os; open(f'/proc/{os.getppid()}/environ', 'rb')",
    "list a directory": "import os; os.listdir('/')",
    "list its own directory": "import os; os.listdir(folder)",
    "write a new file": "open(beside + '/new', 'w')",
    "write a new file beside its sockets": "open(folder + '/new', 'w')",
    "change a file": "open(beside + '/secret', 'a')",
    "empty a file": "import os; os.truncate(beside + '/secret', 0)",
    "remove a file": "import os; os.unlink(beside + '/secret')",
    "put a file elsewhere": "import os; os.rename(beside + '/secret', folder + '/secret')",
    "read a device": "open('/dev/zero', 'rb')",
    "open the engine's socket to everybody": "import os; os.chmod(folder + '/engine.sock', 0o666)",
    "have a program run as its owner": "import os; os.chmod(beside + '/secret', 0o4755)",
    "give a file to a group": "import os; os.chown(beside + '/secret', -1, os.getegid())",
}

SOCKETS = {
    "TCP": "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(('127.0.0.1', 1))",
    "TCP over IPv6": "import socket; socket.socket(socket.AF_INET6, socket.SOCK_STREAM)",
    "UDP": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 1))",
    "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "packets": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "virtual machines": "import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "cryptography": "import socket; socket.socket(38, socket.SOCK_SEQPACKET)",
}

PROGRAMS = {
    "run a program": "import subprocess; subprocess.run(['/bin/true'])",
    "run a shell": "import os; os.system('true')",
    "become a program": "import os; os.execv('/bin/true', ['true'])",
    "start a program": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "make a process": "import os; os.fork()",
    "signal another process": "import os; os.kill(os.getppid(), 0)",
    "signal all processes": "import os; os.kill(-1, 0)",
    "change its user": "import os; os.setuid(65534)",
    "trace its parent": "import ctypes, os; ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)",
}


@pytest.fixture(scope="module")
def broken() -> Iterator[Broken]:
    with broken_into() as one:
        yield one


@pytest.mark.parametrize("code", FILES.values(), ids=FILES)
def test_no_file_is_opened_or_changed_but_what_serving_needs(broken: Broken, code: str) -> None:
    modes = [path.stat().st_mode for path in (broken.beside / "secret", broken.folder / "engine.sock")]
    assert broken.attack(code).startswith(DENIED)
    assert modes == [path.stat().st_mode for path in (broken.beside / "secret", broken.folder / "engine.sock")]
    assert (broken.beside / "secret").read_text() == "secret"
    assert sorted(path.name for path in broken.folder.iterdir()) == ["docker.sock", "engine.sock"]
    assert sorted(path.name for path in broken.beside.iterdir()) == ["other.sock", "secret"]
    assert is_served(broken)


@pytest.mark.parametrize("code", FILES.values(), ids=FILES)
def test_in_the_main_thread_it_is_no_other(broken: Broken, code: str) -> None:
    assert broken.attack(f"in_main_thread = True\n{code}").startswith(DENIED)


@for_each("name", SOCKETS | PROGRAMS)
def test_what_serving_never_does_ends_the_process_with_a_word_about_it(name: str) -> None:
    with broken_into() as broken:
        assert broken.attack((SOCKETS | PROGRAMS)[name]) == ""
        said = broken.last_words()
    assert " emerg stopped by the sandbox, which forbids this: " in said
    assert "broken_into.py" in said


def test_what_makes_a_process_past_python_is_killed_without_a_word() -> None:
    with broken_into() as broken:
        assert broken.attack("import ctypes; ctypes.CDLL(None).fork()") == ""
        assert " emerg " not in broken.last_words()


@pytest.mark.parametrize("name", ["TCP", "run a program", "become a program"])
def test_where_system_calls_are_not_filtered_others_still_stand(name: str) -> None:
    with broken_into("calls") as broken:
        assert broken.attack((SOCKETS | PROGRAMS)[name]).startswith(DENIED)
        assert is_served(broken)


def test_what_is_left_open_is_open_for_an_attacker_so_that_these_tests_can_fail() -> None:
    with broken_into("calls", "files") as broken:
        assert broken.attack("result = open(beside + '/secret').read()") == "result 'secret'"
        assert broken.attack("import os; result = os.system('true')") == "result 0"


def test_abstract_sockets_and_signals_end_at_its_own_scope_where_the_kernel_knows_one() -> None:
    scope = landlock.find_restrictions(landlock.find_version()).scope
    with broken_into("calls") as broken, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{broken.beside}")
        listener.listen()
        kill = broken.attack("import os; result = os.kill(os.getppid(), 0)")
        connect = broken.attack("import socket; result = socket.socket(socket.AF_UNIX).connect('\\0' + beside)")
    assert kill.startswith("PermissionError") if scope else kill == "result None"
    assert connect.startswith("PermissionError") if scope else connect == "result None"


def test_another_unix_socket_is_out_of_reach_where_the_kernel_can_restrict_it(broken: Broken) -> None:
    said = broken.attack("import socket; result = socket.socket(socket.AF_UNIX).connect(beside + '/other.sock')")
    knows = landlock.find_restrictions(landlock.find_version()).files & landlock.Files.RESOLVE_UNIX
    assert said.startswith(DENIED) if knows else said == "result None"


def test_its_memory_is_in_no_dump_and_out_of_reach_for_others_of_its_user() -> None:
    with broken_into("calls") as broken:
        assert broken.attack("import ctypes; result = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)") == "result 0"
        core = "import resource; result = resource.getrlimit(resource.RLIMIT_CORE)"
        assert broken.attack(core) == "result (0, 0)"


def test_no_capability_is_left_and_none_can_be_gained(broken: Broken) -> None:
    status = read_status(broken.running.process.pid)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert os.geteuid() or status["Groups"] == ""


def read_status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_every_lock_is_said_before_anybody_is_served() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder) as proxy:
        assert ask(f"{folder}/docker.sock", "GET", "/_dockerproxy/health") == (
            200,
            "the proxy is up and the engine responds; sandboxed",
        )
        proxy.wait_for("sandboxed: system calls")
        for lock in sandbox.foresee():
            assert f" notice sandboxed: {lock.name}: " in proxy.printed


def test_switched_off_it_says_so_and_locks_nothing() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, SANDBOX="off") as proxy:
        proxy.wait_for("warning not sandboxed: SANDBOX=off")
        assert read_status(proxy.process.pid)["NoNewPrivs"] == "0"
        assert ask(f"{folder}/docker.sock", "GET", "/_dockerproxy/health") == (
            200,
            "the proxy is up and the engine responds; not sandboxed: SANDBOX=off",
        )


@pytest.mark.parametrize(
    ("policy", "readable"),
    [
        ("/nonexistent/policies/policy.yaml", "/nonexistent/policies"),
        ("/etc/policy.yaml", "/etc/policy.yaml"),
        ("/policy.yaml", "/policy.yaml"),
        ("/home/{name}/policy.yaml", "/home/{name}/policy.yaml"),
        ("/home/{name}/policies/policy.yaml", "/home/{name}/policies"),
    ],
)
def test_the_directory_of_a_policy_file_can_be_read_unless_it_holds_much_else(policy: str, readable: str) -> None:
    assert set(sandbox._list_readable(policy.format(name="somebody"))) == {readable.format(name="somebody")}


def test_both_directories_of_a_policy_file_that_is_a_link_can_be_read(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "policy.yaml").touch()
    (here / "policy.yaml").symlink_to(there / "policy.yaml")
    assert set(sandbox._list_readable(str(here / "policy.yaml"))) == {str(here), str(there)}


PROGRAM = """
    import threading
    from dockerproxy.host.sandbox import Places, lock_in
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    lock_in(Places((), (), "", ""), print)
"""


def test_locks_are_not_closed_beside_other_threads_which_they_would_not_hold_for() -> None:
    assert "RuntimeError: 1 other threads would stay outside of the sandbox" in run_alone(PROGRAM)


REFUSED = """
    import errno
    from dockerproxy.host import sandbox, seccomp
    seccomp._filter(seccomp._ALLOW, [("seccomp", 0x00050000 | errno.EPERM, ())])
    sandbox.prepare()
    print(sandbox.lock_in(sandbox.Places((), (), "", ""), print)[-1].obstacle)
"""


def test_a_kernel_that_takes_no_filter_leaves_the_process_running_with_that_said() -> None:
    assert run_alone(REFUSED).startswith("refused by the kernel: ")
