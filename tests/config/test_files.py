"""Files that an operator names are opened without waiting, and read up to a bound."""

import os
import socket
import threading
from pathlib import Path

import pytest

from dockerproxy.config.files import open_file, open_input, read_bytes
from dockerproxy.problems import UserError


def problem_of(path: object) -> str:
    with pytest.raises(UserError) as caught:
        open_file(str(path))
    return str(caught.value)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", "/dev/null", "/dev/tty0"):
        if os.access(path, os.R_OK):  # Not every machine has a /dev/tty0, and only root may read it.
            assert "is not a regular file" in problem_of(path)
    assert "is a directory" in problem_of(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/s")
        assert "cannot be read: No such device or address" in problem_of(tmp_path / "s")


def test_nothing_stays_open_of_what_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    problem_of(tmp_path / "pipe")
    problem_of(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pipe_of_the_shell_is_read_to_its_end() -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(b"text")

    with os.fdopen(reading, "rb"):
        writer = threading.Thread(target=write)
        file = open_file(f"/dev/fd/{reading}")
        writer.start()
        assert read_bytes(file, "x", 10) == b"text"
        writer.join()


def test_what_is_larger_than_it_may_be_is_not_read(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    Path(path).write_bytes(b"x" * 1000)
    assert len(read_bytes(open_input(path), path, 1000)) == 1000
    with pytest.raises(UserError, match="larger than"):
        read_bytes(open_input(path), path, 999)
