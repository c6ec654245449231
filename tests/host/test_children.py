"""A process that serves beside a program, and a program in the foreground. Signals: tests/cli/test_run_signals.py."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli.programs import Done, environment_of
from waiting import PATIENCE

PROLOGUE = "import os, signal, sys, time; from dockerproxy.host import children; held = children.hold_signals()\n"


def run(code: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + code],
        capture_output=True,
        env=environment_of({}),
        timeout=PATIENCE,
        check=False,
        text=True,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_what_serves_has_a_session_of_its_own_and_of_our_descriptors_standard_error() -> None:
    done = run(
        "mine = os.open('/', os.O_RDONLY); os.set_inheritable(mine, True)\n"
        "def serve(log, tell):\n"
        "    there = [f'/proc/self/fd/{name}' for name in os.listdir('/proc/self/fd')]\n"
        "    names = {os.readlink(path) for path in there if os.path.lexists(path)}\n"
        "    kinds = {name.partition(':')[0] for name in names}\n"
        "    os.write(log, f'{os.getsid(0) == os.getpid()} {sorted(kinds)}'.encode()); tell(); return 0\n"
        "serving = children.fork_serving(serve)\n"
        "print(serving.is_ready, serving.log.read().decode(), children.stop_serving(serving.process))"
    )
    assert (done.out, done.err) == ("True True ['/dev/null', 'pipe'] 0\n", "")


def test_what_cannot_serve_is_not_ready_and_a_bug_is_shown() -> None:
    for work, status in (("return 2", 2), ("raise KeyError", 70)):
        done = run(
            f"def serve(log, tell): {work}\n"
            "serving = children.fork_serving(serve)\n"
            "print(serving.is_ready, serving.log.read(), children.stop_serving(serving.process))"
        )
        assert done.out == f"False b'' {status}\n"
        assert ("KeyError" in done.err) is (status == 70)


def test_a_program_gets_the_signals_that_we_got() -> None:
    """None is held back in it, and none is ignored that Python ignores."""
    done = run(
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "words = ('grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status')\n"
        "program = children.start_program(words, dict(os.environ), held)\n"
        "os.waitpid(program, 0)"
    )
    ignored = 1 << (10 - 1)
    assert done.out.split() == ["SigBlk:", f"{0:016x}", "SigIgn:", f"{ignored:016x}"]


def test_a_signal_that_came_before_the_program_is_found() -> None:
    assert run("print(children.find_pending()); os.kill(os.getpid(), 15); print(children.find_pending())").out == (
        "0\n15\n"
    )


@pytest.mark.root
def test_a_program_of_another_user_which_we_may_not_signal_is_waited_for() -> None:
    """As after sudo."""
    done = run(
        "def serve(log, tell): tell(); signal.pause()\n"
        "serving = children.fork_serving(serve)\n"
        "ready, write = os.pipe(); os.dup2(ready, 0)\n"
        "program = children.start_program(('sh', '-c', 'read line; exit 4'), dict(os.environ), held)\n"
        "os.setresuid(65534, 65534, 0); os.kill(os.getpid(), signal.SIGTERM); os.write(write, b'x\\n')\n"
        "print(children.attend(program, serving.process, print)); os.setresuid(0, 0, 0)\n"
        "children.stop_serving(serving.process)"
    )
    assert (done.out, done.err) == ("(4, None)\n", "")


def test_what_serves_can_be_stopped_whatever_we_were_told_to_ignore_or_to_hold_back() -> None:
    done = run(
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "def serve(log, tell): signal.signal(signal.SIGTERM, lambda *_: os._exit(3)); tell(); signal.pause()\n"
        "print(children.stop_serving(children.fork_serving(serve).process))"
    )
    assert (done.out, done.err) == ("3\n", "")


def test_a_program_that_path_does_not_have_is_missing_though_not_all_of_path_may_be_searched(tmp_path: Path) -> None:
    """As in a shell: execvp(3) fails like for a program that may not be run, which only the last one is."""
    tmp_path.chmod(0o755)
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "plain").touch()
    done = run(
        f"os.chdir({str(tmp_path)!r})\n"
        "os.geteuid() or os.setresuid(65534, 65534, 65534)\n"
        "os.environ['PATH'] = 'closed:open'\n"
        "for word in ('no-such-program', './no-such-program', 'closed/x', 'plain'):\n"
        "    try: children.start_program((word,), {}, held)\n"
        "    except OSError as error: print(error.errno)"
    )
    (tmp_path / "closed").chmod(0o700)
    assert (done.out.split(), done.err) == (["2", "2", "13", "13"], "")
