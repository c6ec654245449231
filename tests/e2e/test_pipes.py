"""Much data and the ends of data: what a proxy that buffers, or that knows one direction only, loses."""

import hashlib
import os
import subprocess

import pytest
from e2e.programs import Client
from waiting import PATIENCE

pytestmark = pytest.mark.engine

MANY = 50_000_000
MORE = 200_000_000
LINES = 1_000_000


def test_input_ends_when_the_pipe_does(client: Client) -> None:
    run = ("run", "--rm", "--interactive", "--network=none", "busybox")
    assert client.run(*run, "cat", data=b"x\n") == b"x\n"
    assert client.run(*run, "sh", "-c", "cat >/dev/null; echo ended") == b"ended\n"


def test_output_goes_on_after_input_has_ended(client: Client) -> None:
    command = ("sh", "-c", "cat >/dev/null; seq 1 200000")
    printed = client.run("run", "--rm", "-i", "--network=none", "busybox", *command, data=b"x")
    assert printed == "".join(f"{number}\n" for number in range(1, 200_001)).encode()


def test_fifty_megabytes_go_through_a_container_unchanged(client: Client) -> None:
    content = os.urandom(MANY)
    options = ("--rm", "--interactive", "--network=none", "--log-driver=none")
    assert client.run("run", *options, "busybox", "cat", data=content) == content


def test_two_hundred_megabytes_of_output_arrive_unchanged(client: Client) -> None:
    # One block many times over: writing it once in the container is fast, and its period of 6.9 MB shows a shift.
    block = "".join(f"{number}\n" for number in range(1, LINES + 1)).encode()
    expected = hashlib.sha256((block * (MORE // len(block) + 1))[:MORE]).hexdigest()
    command = f"seq 1 {LINES} >/tmp/block; while cat /tmp/block; do :; done 2>/dev/null | head -c {MORE}"
    process = subprocess.Popen(
        ["docker", "run", "--rm", "--network=none", "--log-driver=none", "busybox", "sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=client.environment,
    )
    with process:
        assert process.stdout is not None
        received = hashlib.sha256()
        while piece := process.stdout.read(1_000_000):
            received.update(piece)
    assert process.returncode == 0
    assert received.hexdigest() == expected


def test_a_slow_reader_gets_all_of_it(client: Client) -> None:
    output = f"sleep 0.2; head -c {MANY} /dev/zero"  # see Client.run_container
    command = f"docker run --rm --network=none --log-driver=none busybox sh -c '{output}'"
    slow = "(dd bs=1000 count=100 status=none; read -t 1 _ < /dev/zero; cat) | wc -c"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} | {slow}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=client.environment,
        timeout=PATIENCE,
        check=True,
    )
    assert int(done.stdout) == MANY
