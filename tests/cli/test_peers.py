"""Who a client is."""

import os
import subprocess
import sys

from dockerproxy.cli.peers import describe_peer, find_program


def test_a_client_is_called_by_the_file_it_runs() -> None:
    words = "import ctypes; ctypes.CDLL(None).prctl(15, b'docker'); print(flush=True); input()"
    command = [sys.executable, "-c", words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdout.readline()
        assert find_program(program.pid) == os.path.realpath(sys.executable)
        program.stdin.write(b"\n")


def test_what_is_not_known_is_said() -> None:
    assert describe_peer(0, 0) == "a program of root (uid 0) in another PID namespace"
    assert describe_peer(4_000_000_000, -1) == "a program of uid 4000000000 in another PID namespace"
    assert find_program(2**22 + 1) == "a program"
