"""Call functions of the C library that Python does not offer."""

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)

Argument = int | ctypes.Array[ctypes.c_char] | None
"""A number, passed as a register; or a buffer, passed by address."""


def call(name: str, *arguments: Argument) -> int:
    """Call a function that returns -1 on failure; raise an `OSError` then."""
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(getattr(_LIBC, name)(*given))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def pack(data: bytes) -> ctypes.Array[ctypes.c_char]:
    """Return a buffer that holds these bytes."""
    return ctypes.create_string_buffer(data, len(data))
