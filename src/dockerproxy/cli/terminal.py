"""Output for people: text with colours, and without any control characters of others.

Piped output has no colours, so that programs can read it. NO_COLOR, TERM=dumb and CLICOLOR=0 turn colours off;
FORCE_COLOR and CLICOLOR_FORCE turn them on, also in a pipe.

Attacks: docs/attacks.md, cli/terminal.
"""

import io
import os
import re
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, TextIO

from dockerproxy.problems import Problem
from dockerproxy.text import escape


def visible(text: str) -> str:
    """Escape everything in a text that is not printable, except line ends."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else escape(each) for each in text)


class Style(Enum):
    """The meaning of a text, as the number of its colour."""

    STRONG = "1"
    FAINT = "2"
    GOOD = "32"
    BAD = "31"
    DOUBTFUL = "33"


_MARK: Final = f"\x1a{os.urandom(8).hex()}"
_MARKED: Final = re.compile(rf"{_MARK}([0-9]*)m")


class VisibleOutput(io.TextIOWrapper):
    """Escapes invisible characters, and adds our colours."""

    def write(self, text: str) -> int:
        """Write a text."""
        if _MARK not in text:
            super().write(visible(text))
            return len(text)
        for number, piece in enumerate(_MARKED.split(text)):
            super().write(f"\x1b[{piece}m" if number % 2 else visible(piece))
        return len(text)


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 line`, `2 lines`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_all(stream: TextIO | None) -> TextIO | None:
    """Return a stream that escapes invisible characters."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # None if the descriptor was closed.
    buffering, encoding = stream.line_buffering, stream.encoding
    return VisibleOutput(stream.detach(), encoding=encoding, errors="backslashreplace", line_buffering=buffering)


def paint(text: str, style: Style, stream: TextIO | None = None) -> str:
    """Return a text in a colour, if the stream, standard output by default, has colours."""
    stream = stream or sys.stdout
    if not text or not isinstance(stream, VisibleOutput) or not has_colour(stream, os.environ):
        return text
    return f"{_MARK}{style.value}m{text}{_MARK}0m"


_CHANGES: Final = {"@": Style.STRONG, "+": Style.GOOD, "-": Style.BAD}


def paint_change(line: str, column: int = 0) -> str:
    """Return a line of a patch or difference, in the colour of the sign at a column."""
    style = _CHANGES.get(line[column : column + 1])
    return line if style is None else paint(line, style)


def has_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a stream gets colours."""
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    is_off = environment.get("TERM") == "dumb" or environment.get("CLICOLOR") == "0"
    return not is_off and stream.isatty()


def find_width(stream: TextIO | None = None) -> int:
    """Return the width of the terminal behind a stream, standard output by default; 0 if it is not a terminal."""
    stream = stream or sys.stdout
    if stream is None or not stream.isatty():
        return 0
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 0


def rewrite_line(text: str, stream: TextIO) -> None:
    """Replace the terminal's last line by a text, which may be empty."""
    width = find_width(stream) - 1
    if isinstance(stream, VisibleOutput):
        stream.flush()
        stream.buffer.write(f"\r{visible(text)[:width]:<{width}}\r".encode())
        stream.buffer.flush()


def say(*lines: str, stream: TextIO | None = None) -> None:
    """Print lines."""
    print("\n".join(lines), file=stream)


def show_problems(problems: Sequence[Problem]) -> None:
    """Print the operator's mistakes on standard error."""
    for problem in problems:
        first, *hint = str(problem).split("\n")
        where = paint(problem.where, Style.BAD, sys.stderr)
        say(f"{where}{first.removeprefix(problem.where)}", *hint, stream=sys.stderr)


def show_policy(text: str) -> None:
    """Print lines of a policy file, with comments in another colour."""
    for line in text.rstrip("\n").split("\n"):
        print(paint(line, Style.FAINT) if line.lstrip(" ").startswith("#") else line)


def write_as_is(text: str) -> None:
    """Print a text for another program, unchanged; only for a terminal, invisible characters are escaped."""
    if sys.stdout.isatty() or not isinstance(sys.stdout, VisibleOutput):
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(_MARKED.sub("", text).encode())
