"""A value that variables and policy files may hold has one reading, or a fault that says what to write."""

import os
from typing import Final

import pytest
import yaml
from rows import for_each

from dockerproxy.config.values import MAX_ID, Fault, read_directory, read_mode, read_path, read_whole

QUOTE: Final = 'write it in octal and in quotes, like "0660"'


@pytest.mark.parametrize("path", ["/a", "/run/docker.sock", "/" + "x" * 106, "/a b", os.fsdecode(b"/\xff")])
def test_a_path_that_a_socket_can_have_has_no_fault(path: str) -> None:
    assert read_path(path) == path


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("", "'' is not an absolute path"),
        ("a", "'a' is not an absolute path"),
        ("unix:///a", "'unix:///a' is not an absolute path"),
        ("/a/", "'/a/' is not a valid socket path"),
        ("/a\0", r"'/a\x00' is not a valid socket path"),
        ("/" + "é" * 54, "the socket path is longer than 107 bytes"),
    ],
)
def test_a_path_that_no_socket_can_have_has_a_fault(path: str, what: str) -> None:
    fault = read_path(path)
    assert isinstance(fault, Fault)
    assert fault.what == what


def test_a_directory_is_an_absolute_path() -> None:
    assert read_directory("/learned/") == "/learned/"
    for path in ("learned", "./learned", "", "/a\0"):
        assert read_directory(path) == Fault(
            f"{path!r} is not an absolute path", "write the path of a directory, which begins with /"
        )


def test_a_mode_is_octal_and_has_three_digits() -> None:
    assert [read_mode(text) for text in ("0660", "660", "0600", "0666", "777")] == [0o660, 0o660, 0o600, 0o666, 0o777]
    for text in ("", "66", "1777", "0o660", "668", "rw-rw----", "\u0666\u0666\u0660", "\u0664\u0663\u0662"):
        assert read_mode(text) == Fault(f"{text!r} is not a file mode", QUOTE)


@for_each("text", ["0000", "000", "0440", "0466", "0222", "266", "0577", "300"])
def test_a_mode_whose_owner_lacks_read_or_write_has_a_fault(text: str) -> None:
    assert read_mode(text) == Fault(f"{text!r} does not let the owner of the socket read and write", QUOTE)


@for_each("mode", range(0o1000))
def test_the_decimal_form_of_a_mode_is_never_a_mode(mode: int) -> None:
    read = yaml.safe_load(f"0{mode:03o}")
    assert read == mode
    fault = read_mode(str(read))
    assert isinstance(fault, Fault)
    if mode & 0o600 == 0o600:
        assert fault.hint == f'quote it, "0{mode:o}": YAML turns 0{mode:o} without quotes into {mode}'
        assert read_mode(yaml.safe_load(f'"0{mode:o}"')) == mode
    else:
        assert fault.hint == QUOTE


def test_a_whole_number_is_within_its_bounds() -> None:
    assert [read_whole(text, 0, MAX_ID) for text in ("0", "1000", "0065534", "4294967294")] == [0, 1000, 65534, MAX_ID]
    for text in ("", "-1", "4294967295", "1e3", "0x1", "1_000", "\u0661", "9" * 5000):
        assert read_whole(text, 0, MAX_ID) == Fault(f"{text!r} is not a whole number from 0 to 4294967294")
    assert isinstance(read_whole("0", 1, 2), Fault)
