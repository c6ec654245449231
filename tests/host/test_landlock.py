"""What no rule allows is refused from there on, and older kernels restrict what they can."""

from pathlib import Path

import pytest
from host.locked import run_alone
from rows import for_each

from dockerproxy.host.landlock import RIGHTS, Files, find_restrictions, find_version, list_missing

RESTRICT = """
    import os, socket, sys
    from dockerproxy.host.landlock import Files, Rule, find_restrictions, restrict
    from dockerproxy.host.libc import call
    version, place, *rights = sys.argv[1:]
    call("prctl", 38, 1, 0, 0, 0)
    allowed = Files(0)
    for right in rights:
        allowed |= Files[right]
    restrict(find_restrictions(int(version)), [Rule(place, allowed), Rule("/nonexistent", Files.READ_FILE)])
    def attempt(what):
        try:
            return what() or "done"
        except OSError as error:
            return error.strerror
"""
VERSIONS = [row[0] for row in RIGHTS]


def attempt(code: str, version: int, place: Path, *rights: str) -> str:
    program = f"{RESTRICT}    print(attempt(lambda: {code}))\n"
    return run_alone(program, str(version), str(place), *rights).strip()


@pytest.mark.parametrize("version", [version for version in VERSIONS if version <= find_version()])
def test_whatever_version_is_asked_for_the_kernel_restricts(version: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    read = f"open('{tmp_path}/file').read()"
    assert attempt(read, version, tmp_path, "READ_FILE") == "text"
    assert attempt(read, version, tmp_path, "READ_DIR") == "Permission denied"
    assert attempt("open('/etc/passwd')", version, tmp_path, "READ_FILE") == "Permission denied"


def test_there_is_a_landlock_to_be_tested() -> None:
    assert find_version() >= 3


def test_a_rule_for_a_file_is_about_what_a_file_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    rights = ("READ_FILE", "READ_DIR", "MAKE_REG", "REMOVE_FILE")
    assert attempt(f"open('{tmp_path}/file').read()", find_version(), tmp_path / "file", *rights) == "text"
    assert attempt(f"os.unlink('{tmp_path}/file')", find_version(), tmp_path / "file", *rights) == "Permission denied"


def test_what_is_put_into_a_directory_later_is_below_it(tmp_path: Path) -> None:
    code = f"os.rename('{tmp_path}/old', '{tmp_path}/new') or open('{tmp_path}/new').read()"
    (tmp_path / "old").write_text("text")
    assert attempt(code, find_version(), tmp_path, "READ_FILE", "MAKE_REG", "REMOVE_FILE") == "text"


def test_tcp_is_refused_where_the_kernel_knows_how(tmp_path: Path) -> None:
    code = "socket.socket().connect(('127.0.0.1', 1))"
    assert attempt(code, 3, tmp_path) == "Connection refused"
    assert attempt(code, 4, tmp_path) == "Permission denied"


@for_each("version", range(12))
def test_a_newer_version_restricts_all_that_an_older_one_does(version: int) -> None:
    older, newer = find_restrictions(version), find_restrictions(version + 1)
    assert (older.files & newer.files, older.network & newer.network, older.scope & newer.scope) == (
        older.files,
        older.network,
        older.scope,
    )


def test_what_an_old_kernel_cannot_restrict_is_said_with_the_kernel_that_can() -> None:
    assert list_missing(99) == ()
    assert list_missing(8) == ("other unix sockets (needs Linux 7.1)", "UDP (needs Linux 7.2)")
    assert len(list_missing(0)) == len(RIGHTS)
    assert find_restrictions(0).files == Files(0)


def test_every_right_to_files_comes_with_some_version() -> None:
    assert find_restrictions(99).files == Files((1 << len(Files)) - 1)
