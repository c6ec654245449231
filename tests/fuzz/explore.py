"""One target explored by Atheris, in a process of its own: `python -m fuzz.explore TARGET LIBFUZZER'S OPTIONS`.

What is imported here below the hooks is instrumented, so nothing may import it earlier.
"""

import os
import resource
import shlex
import sys
import traceback
import zlib
from typing import TYPE_CHECKING, Final

import atheris
import h11  # noqa: F401 (the patterns of others are not to be traced)
import hypothesis  # noqa: F401 (likewise)
import pytest  # noqa: F401 (likewise)
import yaml  # noqa: F401 (likewise)
from atheris.import_hook import instrument_imports
from fuzz.hooks import enable_hooks

if TYPE_CHECKING:
    from fuzz.targets import Target

enable_hooks()
with instrument_imports(include=["dockerproxy"]):
    from fuzz.targets import TARGETS

_STRETCHED: Final = 2**17
"""Bytes of an input that is made longer, to see that it takes no more than time in proportion."""

_OFTEN: Final = 64
"""Inputs of which one is made longer."""

_LONGEST_PART: Final = 64
"""Bytes of it that are repeated."""

_ALLOWANCE: Final = 1.0
"""Seconds that any input may take besides: the process may have to collect garbage."""

_MOST_MEMORY: Final = 2**31
"""Bytes that reading it may take."""


def stretch(data: bytes) -> bytes:
    """Return a long input: another one, of which some part is repeated."""
    number = zlib.crc32(data)
    start = number % len(data)
    part = data[start : start + 1 + (number >> 16) % _LONGEST_PART]
    return data[:start] + part * (_STRETCHED // len(part)) + data[start + len(part) :]


def measure(target: "Target", data: bytes) -> None:
    """Read an input, in no more than the time that its length allows.

    A child does it, whose ways do not count: libFuzzer would keep an input for how often its long form goes round, and
    in the end try little but such.
    """
    allowed = _ALLOWANCE + target.microseconds * len(data) / 1e6
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (int(allowed) + 1,) * 2)
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY,) * 2)
        try:
            target.read(data)
        except BaseException:  # noqa: BLE001 (the child must not go on as the fuzzer)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    spent = usage.ru_utime + usage.ru_stime
    assert not status, f"{os.waitstatus_to_exitcode(status)} after {spent:.1f} s for {len(data)} bytes"
    assert spent < allowed, f"{spent:.1f} s for {len(data)} bytes"


def main(arguments: list[str]) -> None:
    """Explore until it is over, or an input breaks a promise."""
    _, name, *options = arguments
    target = TARGETS[name]
    program = shlex.join((sys.executable, "-m", "fuzz.explore", name))  # A merge has a shell start that again.

    def try_one(data: bytes) -> None:
        target.check(data)
        if data and zlib.crc32(data, 2) % _OFTEN == 0:
            measure(target, stretch(data))

    change = target.change
    if change is None:
        atheris.Setup([program, *options], try_one)
    else:
        atheris.Setup(
            [program, *options],
            try_one,
            custom_mutator=lambda data, most, seed: change(data, most, seed, atheris.Mutate),
        )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
