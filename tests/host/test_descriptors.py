"""As many connections are taken as the limit of open files leaves room for, and no limit is raised beyond that."""

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import resource, sys
    from dockerproxy.host.descriptors import fit_connections
    wanted, soft, hard, besides = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(fit_connections(wanted, besides), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def fit(wanted: int, soft: int, hard: int, besides: int = 0) -> tuple[int, int, int]:
    """Return how many connections fit in a process with these limits, and what its limits are after that."""
    words = [sys.executable, "-c", textwrap.dedent(PROGRAM), *map(str, (wanted, soft, hard, besides))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    fits, soft, hard = map(int, done.stdout.split())
    return fits, soft, hard


@pytest.mark.parametrize(
    ("wanted", "limit", "fits"),
    [
        (4096, 1024, 480),
        (4096, 1000, 468),
        (100, 1024, 100),
        (480, 1024, 480),
        (481, 1024, 480),
        (4096, 66, 1),
        (4096, 64, 1),
        (4096, 40, 1),
    ],
)
def test_no_more_connections_are_taken_than_there_is_room_for(wanted: int, limit: int, fits: int) -> None:
    assert fit(wanted, limit, limit) == (fits, limit, limit)


def test_a_soft_limit_is_raised_as_far_as_is_needed_and_no_further() -> None:
    fits, soft, hard = fit(500, 256, 2048)
    assert (fits, hard) == (500, 2048)
    assert 2 * 500 < soft < 2048


def test_a_soft_limit_is_raised_to_the_hard_one_at_most() -> None:
    assert fit(4096, 256, 1024) == (480, 1024, 1024)


def test_a_limit_that_is_enough_is_not_touched() -> None:
    assert fit(10, 2000, 2048) == (10, 2000, 2048)


def test_what_else_needs_descriptors_leaves_less_room() -> None:
    assert fit(4096, 1024, 1024, besides=100) == (430, 1024, 1024)
    assert fit(500, 256, 2048, besides=100)[1] == fit(500, 256, 2048)[1] + 100
