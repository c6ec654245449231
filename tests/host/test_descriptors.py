"""As many connections are taken as the limit of open files leaves room for, and no limit is raised beyond that."""

import subprocess
import sys
import tempfile
import textwrap

import pytest
from rows import for_each

PROGRAM = """
    import resource, sys
    from dockerproxy.host.descriptors import make_room
    wanted, soft, hard, sockets, besides = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = make_room(wanted, sockets, besides)
    print(room.connections, room.backlog, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def fit(wanted: int, soft: int, hard: int, sockets: int = 1, besides: int = 0) -> tuple[int, int, int, int]:
    """Return how many connections fit in a process with these limits, and wait, and what its limits are then."""
    words = [sys.executable, "-c", textwrap.dedent(PROGRAM), *map(str, (wanted, soft, hard, sockets, besides))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    fits, backlog, soft, hard = map(int, done.stdout.split())
    return fits, backlog, soft, hard


@for_each("sockets", [1, 3])
@for_each("besides", [0, 100])
@for_each("limit", [256, 1000, 1024, 5000, 20_000])
@for_each("wanted", [100, 4096])
def test_all_that_may_be_open_at_one_time_is_within_the_limit(
    wanted: int, limit: int, besides: int, sockets: int
) -> None:
    fits, backlog, *_ = fit(wanted, limit, limit, sockets, besides)
    assert 1 <= fits <= wanted
    assert 16 <= backlog <= 4096
    assert fits == 1 or 2 * fits + backlog * sockets + besides < limit


def test_most_of_few_descriptors_are_for_connections() -> None:
    fits, *_ = fit(4096, 1024, 1024)
    assert 2 * fits > 0.8 * 1024
    assert fit(4096, 40, 40)[:2] == (1, 16)


def test_a_soft_limit_is_raised_as_far_as_is_needed_and_no_further() -> None:
    fits, backlog, soft, hard = fit(500, 256, 9_000)
    assert (fits, backlog, hard) == (500, 4096, 9_000)
    assert 2 * 500 + 4096 < soft < 2 * 500 + 4096 + 100


def test_a_soft_limit_is_raised_to_the_hard_one_at_most() -> None:
    assert fit(4096, 256, 1024)[2:] == (1024, 1024)


def test_a_limit_that_is_enough_is_not_touched() -> None:
    assert fit(10, 8000, 9000) == (10, 4096, 8000, 9000)


def test_what_else_needs_descriptors_leaves_less_room() -> None:
    assert fit(4096, 1024, 1024, besides=100)[0] < fit(4096, 1024, 1024)[0]
    assert fit(500, 256, 9_000, besides=100)[2] == fit(500, 256, 9_000)[2] + 100


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_descriptor_that_is_closed_is_nobody_else_s(closed: str) -> None:
    program = """
        import os, sys
        from dockerproxy.host.descriptors import occupy_standard
        occupy_standard()
        opened = [os.open("/", os.O_RDONLY)]
        with open(sys.argv[1], "w") as file:
            print(min(opened), *(os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)), file=file)
    """
    with tempfile.NamedTemporaryFile("r") as told:
        words = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", textwrap.dedent(program), told.name]
        subprocess.run(words, check=True, stdin=subprocess.PIPE, capture_output=True)
        lowest, *standard = told.read().split()
    assert int(lowest) > 2
    assert standard.count("/dev/null") == closed.count("&-")


def test_what_nobody_reads_goes_nowhere() -> None:
    code = "import os, sys; from dockerproxy.host.descriptors import discard; discard(1); os.write(1, b'x'); print('y')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
