"""The list of operations is the catalog, and can be searched."""

import re

import pytest
from cli.programs import run

from dockerproxy.api.catalog import OPERATIONS, SECTIONS


def names_in(out: str) -> list[str]:
    return re.findall(r"^  (\w+) +(?:read|write) ", out, re.MULTILINE)


def test_without_a_word_every_operation_is_listed_with_all_that_is_known_of_it() -> None:
    done = run("operations")
    assert done.status == 0
    assert names_in(done.out) == list(OPERATIONS)
    for operation in OPERATIONS.values():
        words = (operation.name, operation.access, operation.method, operation.path, operation.says)
        assert re.search(r"^  " + r" +".join(map(re.escape, words)) + r"$", done.out, re.MULTILINE)
    assert [line for line in done.out.splitlines() if line in SECTIONS] == list(SECTIONS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("volumes",), [name for name, operation in OPERATIONS.items() if operation.section == "volumes"]),
        (("libpod/pods",), [name for name, operation in OPERATIONS.items() if operation.section == "libpod/pods"]),
        (("containerSTART",), ["ContainerStart", "ContainerStartLibpod"]),
        (("/swarm/",), ["SwarmUnlockkey", "SwarmInit", "SwarmJoin", "SwarmLeave", "SwarmUnlock", "SwarmUpdate"]),
        (("containers", "attach"), ["ContainerAttach", "ContainerAttachWebsocket"]),
        (("join", "tokens"), ["SwarmInspect", "SwarmUpdate"]),
    ],
)
def test_words_narrow_the_list(words: tuple[str, ...], expected: list[str]) -> None:
    done = run("operations", *words)
    assert (done.status, names_in(done.out)) == (0, expected)


def test_what_matches_nothing_is_told_the_sections() -> None:
    done = run("operations", "xyzzy")
    assert (done.status, done.err) == (1, "")
    assert done.out == f"no operation matches; the sections are {', '.join(SECTIONS)}\n"
