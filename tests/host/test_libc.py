"""What the C library is asked for is done, or an error says why not."""

import os

import pytest

from dockerproxy.host.libc import call, pack


def test_a_function_is_called_with_numbers_and_gives_one_back() -> None:
    assert call("getpid") == os.getpid()


def test_a_buffer_is_filled_at_its_place() -> None:
    buffer = pack(b"\0" * 4096)
    assert call("gethostname", buffer, 4096) == 0
    assert buffer.value.decode() == os.uname().nodename


def test_a_buffer_holds_these_bytes_and_no_other() -> None:
    assert pack(b"a\0b").raw == b"a\0b"


def test_what_fails_is_an_error_with_its_reason() -> None:
    with pytest.raises(FileNotFoundError) as raised:
        call("chdir", pack(b"/nonexistent\0"))
    assert raised.value.strerror == "No such file or directory"
