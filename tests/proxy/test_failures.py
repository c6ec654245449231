"""Why the engine cannot be reached, in words that help."""

import errno
import os
from pathlib import Path

import pytest

from dockerproxy.proxy.failures import choose_engine, explain_unreachable


def explain(number: int, *paths: str) -> str:
    return explain_unreachable(paths, paths[0], OSError(number, os.strerror(number)))


def test_the_first_path_at_which_something_is_is_chosen(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    assert choose_engine(["/nowhere", str(there), "/elsewhere"]) == str(there)
    assert choose_engine(["/nowhere", "/elsewhere"]) == "/nowhere"


def test_a_missing_socket_names_every_place_that_was_looked_at() -> None:
    assert "/a, /b" in explain(errno.ENOENT, "/a", "/b")


def test_a_socket_nobody_listens_on_tells_of_the_mounted_file() -> None:
    assert "mount the directory" in explain(errno.ECONNREFUSED, "/a")


def test_a_directory_in_place_of_the_socket_is_said_to_be_one(tmp_path: Path) -> None:
    assert explain(errno.ECONNREFUSED, str(tmp_path)).startswith(f"{tmp_path} is a directory: ")


@pytest.mark.root
def test_a_refused_permission_names_owner_group_mode_and_the_line_that_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    path.touch(0o660)
    os.chown(path, 12345, 54321)
    path.chmod(0o660)
    text = explain(errno.EACCES, str(path))
    for part in ("user 12345", "group 54321", "0660", f"uid {os.geteuid()}", 'group_add: ["54321"]'):
        assert part in text
    path.chmod(0o600)
    assert 'user: "12345"' in explain(errno.EACCES, str(path))


def test_a_known_owner_is_named() -> None:
    assert "user root (0) and group root (0)" in explain(errno.EACCES, "/etc/passwd")


def test_a_directory_that_cannot_be_entered_is_said() -> None:
    assert "cannot enter its directory" in explain(errno.EACCES, "/proc/none/engine.sock")


def test_anything_else_is_said_as_the_system_says_it() -> None:
    assert os.strerror(errno.EMFILE) in explain(errno.EMFILE, "/a")
