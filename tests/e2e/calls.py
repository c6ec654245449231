"""Which functions of a running Go program are called, counted by the kernel: the program is not asked, nor changed.

A Go binary holds a table of its functions, for tracebacks, also when it is stripped. At the entries of those that are
wanted are probes (perf_event_open(2), uprobes), which count for a file and a processor, whoever runs it there. So what
is watched runs from a copy of its own, on the processor that is counted.
"""

import contextlib
import ctypes
import mmap
import os
import re
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROBES = Path("/sys/bus/event_source/devices/uprobe/type")
CLOSE_ON_EXEC = 8  # PERF_FLAG_FD_CLOEXEC
ATTRIBUTES = 112  # bytes of perf_event_attr in its fifth version, which every kernel of today knows
LOADED = 1  # PT_LOAD
# Since Go 1.20 (runtime/symtab.go): magic, two zeros, the least length of an instruction, and that of a pointer.
FUNCTIONS = re.compile(rb"\xf1\xff\xff\xff\0\0[\1\2\4]\x08")


class Machine(NamedTuple):
    """Numbers that every architecture has of its own."""

    perf_event_open: int
    relative: int  # the relocation that adds where a program was loaded


MACHINES = {"x86_64": Machine(298, 8), "aarch64": Machine(241, 1027)}


class Calls:
    """Counts calls of functions, each under its name."""

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}
        self._seen: dict[str, int] = {}

    def count(self, name: str, counter: int) -> None:
        """Count a function's calls too, by a descriptor that this owns from now on."""
        assert name not in self._counters, name
        self._counters[name] = counter
        self._seen[name] = 0

    def called(self) -> frozenset[str]:
        """Name the functions that were called since this was asked last."""
        counts = {name: int.from_bytes(os.read(counter, 8), "little") for name, counter in self._counters.items()}
        called = frozenset(name for name, count in counts.items() if count != self._seen[name])
        self._seen = counts
        return called

    def close(self) -> None:
        """Take the probes away, one after the other: the kernel has it so."""
        for counter in self._counters.values():
            os.close(counter)


@contextlib.contextmanager
def counted(program: Path, wanted: re.Pattern[str], processor: int) -> Iterator[Calls]:
    """Count calls of functions of a program that nobody runs yet, as long as this lasts.

    Args:
        program: A Go binary.
        wanted: Finds a function by its name; its first group is what it is called here.
        processor: The one that the program will run on.

    Raises:
        OSError: the kernel does not let us count.
        ValueError: it is no such binary.
    """
    calls = Calls()
    try:
        for name, offset in functions_in(program):
            if found := wanted.search(name):
                calls.count(found[1], open_counter(program, offset, processor))
        yield calls
    finally:
        # A probe takes the kernel 80 ms to take away, in which nobody needs to wait.
        threading.Thread(target=calls.close, name=f"probes of {program.name}").start()


def functions_in(program: Path) -> Iterator[tuple[str, int]]:
    """Name each function of a Go binary, with the offset in the file at which it begins.

    Raises:
        ValueError: it has no table of functions, or one of another format.
    """
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = FUNCTIONS.search(content)
        if found is None:
            message = f"no table of Go's functions in {program}"
            raise ValueError(message)
        table = found.start()
        count, _, start, names, _, _, _, entries = struct.unpack_from("<8Q", content, table + 8)
        segments = tuple(read_segments(content))
        text = to_offset(segments, start or find_relocated(content, to_address(segments, table + 24)))
        for index in range(count):
            entry, described = struct.unpack_from("<II", content, table + entries + 8 * index)
            (name,) = struct.unpack_from("<i", content, table + entries + described + 4)
            yield read_text(content, table + names + name), text + entry


class Segment(NamedTuple):
    """A part of a file, and where in memory it is."""

    offset: int
    address: int
    size: int


def read_segments(content: mmap.mmap) -> Iterator[Segment]:
    """Read the program headers of a 64-bit ELF file."""
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    for index in range(count):
        kind, _, offset, address, _, length, _, _ = struct.unpack_from("<IIQQQQQQ", content, headers + size * index)
        if kind == LOADED:
            yield Segment(offset, address, length)


def to_offset(segments: tuple[Segment, ...], address: int) -> int:
    return next(part.offset + address - part.address for part in segments if 0 <= address - part.address < part.size)


def to_address(segments: tuple[Segment, ...], offset: int) -> int:
    return next(part.address + offset - part.offset for part in segments if 0 <= offset - part.offset < part.size)


def find_relocated(content: mmap.mmap, address: int) -> int:
    """Return what is at an address of a program that may be loaded anywhere: it stands in its relocations.

    Raises:
        ValueError: nothing does.
    """
    at = content.find(struct.pack("<QQ", address, MACHINES[os.uname().machine].relative))
    if at < 0:
        message = f"no relocation of {address:#x}"
        raise ValueError(message)
    return int(struct.unpack_from("<q", content, at + 16)[0])


def read_text(content: mmap.mmap, start: int) -> str:
    return content[start : content.find(b"\0", start)].decode()


def open_counter(program: Path, offset: int, processor: int) -> int:
    """Return a descriptor that tells how often an instruction was begun on a processor.

    Raises:
        OSError: the kernel does not let us count.
    """
    path = ctypes.create_string_buffer(os.fsencode(program))
    probe = (int(PROBES.read_text()), ATTRIBUTES, *[0] * 7, ctypes.addressof(path), offset)
    attributes = struct.pack("<IIQQQQQIIQQ", *probe).ljust(ATTRIBUTES, b"\0")
    library = ctypes.CDLL(None, use_errno=True)
    call = MACHINES[os.uname().machine].perf_event_open
    counter = int(library.syscall(call, attributes, -1, processor, -1, CLOSE_ON_EXEC))
    if counter < 0:
        message = f"the kernel counts no calls here: {os.strerror(ctypes.get_errno())}"
        raise OSError(ctypes.get_errno(), message)
    return counter
