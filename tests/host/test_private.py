"""A private directory is of one user, and of one run."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from dockerproxy.host.private import SOCKET, private_directory
from dockerproxy.settings import MAX_SOCKET_PATH


def make(**environment: str) -> str:
    with private_directory(environment) as directory:
        return os.path.dirname(directory)


def test_nobody_else_may_enter_it() -> None:
    with tempfile.TemporaryDirectory(prefix="p-") as place:
        before = os.umask(0)
        try:
            with private_directory({"XDG_RUNTIME_DIR": place}) as directory:
                status = os.lstat(directory)
        finally:
            os.umask(before)
        assert stat.S_ISDIR(status.st_mode)
        assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o700, os.geteuid())


def test_it_is_another_one_each_time_and_is_gone_afterwards_with_all_that_is_in_it() -> None:
    with tempfile.TemporaryDirectory(prefix="p-") as place:
        with (
            private_directory({"XDG_RUNTIME_DIR": place}) as one,
            private_directory({"XDG_RUNTIME_DIR": place}) as other,
        ):
            (Path(one) / "below").mkdir()
            (Path(one) / "below" / "file").touch()
            (Path(other) / "link").symlink_to(one)
            assert one != other
        assert os.listdir(place) == []


def test_it_is_gone_also_if_something_goes_wrong() -> None:
    with tempfile.TemporaryDirectory(prefix="p-") as place:
        with pytest.raises(ZeroDivisionError), private_directory({"TMPDIR": place}):
            raise ZeroDivisionError
        assert os.listdir(place) == []


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_place_where_others_could_replace_it_is_passed_over(mode: int) -> None:
    with tempfile.TemporaryDirectory(prefix="p-") as place, tempfile.TemporaryDirectory(prefix="p-") as other:
        os.chmod(place, mode)
        assert make(XDG_RUNTIME_DIR=place, TMPDIR=other) == other
        os.chmod(place, mode | stat.S_ISVTX)
        assert make(XDG_RUNTIME_DIR=place, TMPDIR=other) == place


@pytest.mark.parametrize("place", ["relative", "/nonexistent", "/dev/null", "/proc", f"/tmp/{'x' * 90}"])
def test_a_place_that_cannot_be_used_is_passed_over(place: str) -> None:
    with tempfile.TemporaryDirectory(prefix="p-") as other:
        assert make(XDG_RUNTIME_DIR=place, TMPDIR=other) == other


def test_a_socket_fits_in_it() -> None:
    with tempfile.TemporaryDirectory(prefix="p-") as top:
        longest = os.path.join(top, "x" * (MAX_SOCKET_PATH - len(f"{top}//dockerproxy-{'0' * 16}/{SOCKET}")))
        for place in (longest, longest + "x"):
            os.mkdir(place)
        assert make(XDG_RUNTIME_DIR=longest, TMPDIR=top) == longest
        assert make(XDG_RUNTIME_DIR=longest + "x", TMPDIR=top) == top


@pytest.mark.root
def test_a_place_of_another_user_is_passed_over() -> None:
    with tempfile.TemporaryDirectory(prefix="p-") as place, tempfile.TemporaryDirectory(prefix="p-") as other:
        os.chown(place, 65534, 65534)
        assert make(XDG_RUNTIME_DIR=place, TMPDIR=other) == other
