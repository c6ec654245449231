"""Serving makes the calls it needs; what is forbidden is told of, and everything else is as if it did not exist."""

import ctypes
import os
import platform
from pathlib import Path

import pytest
from host.locked import run_alone
from rows import for_each

from dockerproxy.host import seccomp
from dockerproxy.host.seccomp import FORBIDDEN, NEEDED, find_obstacle

FILTER = """
    import ctypes, errno, os, sys, threading, time
    from dockerproxy.host import seccomp
    def tell(what):
        print("told of", what, flush=True)
        os._exit(0)
    def make(number, *arguments):
        libc.syscall(number, *(ctypes.c_long(argument) for argument in arguments))
        return errno.errorcode.get(ctypes.get_errno(), "done")
    libc = ctypes.CDLL(None, use_errno=True)
    seccomp.watch(tell)
    seccomp.forbid_all_but_needed()
"""
NONE = -1
"""What the library gives for the name of no call; a number below is that of one which this processor does not have."""


def find_number(name: str) -> int:
    return int(ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name(name.encode()))


def attempt(name: str, *arguments: int) -> str:
    call = ", ".join(map(str, (find_number(name), *arguments)))
    return run_alone(f"{FILTER}    print(make({call}))\n").strip()


def test_there_is_a_filter_to_be_tested() -> None:
    assert find_obstacle() == ""


@for_each("name", FORBIDDEN)
def test_what_is_forbidden_does_not_happen_and_is_told_of(name: str) -> None:
    number = find_number(name)
    assert number != NONE
    if number > NONE:
        assert attempt(name, 0, 0, 0, 0, 0) == "told of a forbidden system call"


def test_most_of_what_is_forbidden_exists_on_this_processor() -> None:
    assert sum(find_number(name) > NONE for name in FORBIDDEN) > 60


@for_each("name", NEEDED)
def test_what_is_needed_is_a_call_of_some_processor(name: str) -> None:
    assert find_number(name) != NONE


@pytest.mark.parametrize("processor", ["x86_64", "aarch64", "arm", "riscv64"])
def test_the_rules_can_be_said_for_other_processors_too(processor: str) -> None:
    library = ctypes.CDLL("libseccomp.so.2")
    native = ctypes.c_uint32(library.seccomp_arch_native())
    kind = ctypes.c_uint32(library.seccomp_arch_resolve_name(processor.encode()))
    assert kind.value
    with seccomp._building(library, seccomp._FAIL) as context:
        if kind.value != native.value:
            assert library.seccomp_arch_add(context, kind) == 0
            assert library.seccomp_arch_remove(context, native) == 0
        seccomp._add(library, context, seccomp.rules(os.getpid()))


def test_nothing_is_needed_and_forbidden() -> None:
    assert not set(NEEDED) & set(FORBIDDEN)
    assert len({*NEEDED, *FORBIDDEN}) == len(NEEDED) + len(FORBIDDEN)


@for_each(
    ("name", "arguments"),
    [
        ("socket", (2, 1, 0)),
        ("socket", (1 << 32 | 1, 1, 0)),
        ("socketpair", (2, 1, 0, 0)),
        ("clone", (17, 0, 0, 0, 0)),
        ("clone", (0x4111, 0, 0, 0, 0)),
        ("kill", (1, 0)),
        ("kill", (-1, 0)),
        ("kill", (0, 0)),
        ("tgkill", (1, 1, 0)),
        ("tkill", (1, 0)),
        ("rt_sigqueueinfo", (1, 0, 0)),
    ],
)
def test_what_an_argument_makes_dangerous_is_told_of(name: str, arguments: tuple[int, ...]) -> None:
    assert attempt(name, *arguments) == "told of a forbidden system call"


@for_each(
    ("name", "arguments"),
    [
        ("clone3", (0, 0)),
        ("mkdir", (0, 0)),
        ("prctl", (38, 1, 0, 0, 0)),
        ("prctl", (4, 1, 0, 0, 0)),
        ("ioctl", (0, 0x5412, 0)),
        ("prlimit64", (1, 0, 0, 0)),
        ("fcntl", (0, 8, 1)),
        ("fcntl", (0, 10, 9)),
        ("fcntl", (0, 15, 0)),
        ("fcntl", (0, 1 << 32 | 8, 1)),
        ("rt_sigaction", (31, 0, 0, 8)),
        ("rt_sigaction", (1 << 32 | 31, 0, 0, 8)),
        ("openat", (-100, 0, os.O_WRONLY | os.O_TRUNC, 0)),
        ("open", (0, os.O_WRONLY | os.O_TRUNC, 0)),
        ("creat", (0, 0)),
        ("chmod", (0, 0)),
        ("fchmod", (0, 0)),
        ("fchmodat", (-100, 0, 0)),
        ("fchmodat2", (-100, 0, 0, 0)),
        ("fchown", (0, 0, 0)),
        ("fchownat", (-100, 0, 0, 0, 0)),
        ("timerfd_create", (0, 0)),
    ],
)
def test_everything_else_is_as_if_the_kernel_did_not_have_it(name: str, arguments: tuple[int, ...]) -> None:
    assert attempt(name, *arguments) == "ENOSYS"


@for_each(
    "code",
    [
        "one, other = socket.socketpair(); one.sendall(b'x'); other.recv(1)",
        "threading.Thread(target=list).start()",
        "os.kill(os.getpid(), 0)",
        "asyncio.run(asyncio.to_thread(list))",
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
        "os.urandom(8); time.sleep(0.001)",  # As `proxy/probing.py` does between attempts.
        "open(os.devnull).read(); os.open(os.devnull, os.O_WRONLY | os.O_CREAT, 0o640)",
        "os.dup(1); os.set_blocking(os.dup(1), True)",
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    ],
)
def test_what_serving_does_works(code: str) -> None:
    program = FILTER.replace("import ctypes", "import asyncio, resource, socket, ctypes", 1)
    assert run_alone(f"{program}    {code}\n    print('works')\n") == "works\n"


def test_who_calls_as_another_kind_of_processor_does_ends_the_whole_process() -> None:
    as_x32 = "threading.Thread(target=libc.syscall, args=(0x40000027,))"
    said = run_alone(f"{FILTER}    one = {as_x32}; one.start(); one.join(); print('lives')\n")
    assert said == ("" if platform.machine() == "x86_64" else "lives\n")


def test_a_file_that_is_open_is_given_to_nobody(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(mode=0o600)
    program = FILTER.replace("seccomp.watch", f"held = os.open('{file}', os.O_RDWR); seccomp.watch", 1)
    said = run_alone(f"{program}    print(make({find_number('fchmod')}, held, 0o4777))\n")
    assert (said, file.stat().st_mode & 0o7777) == ("ENOSYS\n", 0o600)


def test_no_event_loop_has_a_queue_of_system_calls() -> None:
    program = """
        import os, uvloop
        from dockerproxy.host import seccomp
        seccomp.forbid_rings()
        loop = uvloop.new_event_loop()
        for name in os.listdir("/proc/self/fd"):
            if os.path.lexists(f"/proc/self/fd/{name}"):
                print(os.readlink(f"/proc/self/fd/{name}"))
        loop.close()
    """
    opened = run_alone(program)
    assert "anon_inode:[eventpoll]" in opened
    assert "anon_inode:[io_uring]" not in opened
