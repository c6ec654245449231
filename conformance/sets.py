"""Sets of rows, read from the files in `rows`. README.md explains the format."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from conformance.messages import Message, Messages, measure_request

FOLDER: Final = Path(__file__).parent / "rows"

WORDS: Final = ("forwarded", "denied", "refused", "either", "cut")
"""Expectations for a request; README.md explains them."""

_SINGLE: Final = re.compile(rf"({'|'.join(WORDS)}) +(\S+) (.+)")
_NAMED: Final = re.compile(r"row: +(.+)")
_PART: Final = re.compile(rf"(then +)?({'|'.join(WORDS)})")
_ABOUT: Final = re.compile(r"(about|switches|bodies): +(.+)")
_ESCAPE: Final = re.compile(r"\\(?:([rnt0\\])|x([0-9a-fA-F]{2})|\{(\d+):(.*?)\}|\{length\})")
_PLAIN: Final = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}

_LENGTH: Final = "\xff\xfelength\xfe\xff"
"""Stands for the length of the body until that is known."""


class Mistake(Exception):  # noqa: N818 - the user's, not the program's
    """An error of the user, with a message for the user."""


class Part(NamedTuple):
    """One request of a row: the expectation and the bytes."""

    word: str
    data: bytes
    waits: bool
    """Whether it is sent only after the answers to earlier requests."""

    request: Message | None
    """The first request in the bytes. If it may arrive, it is the only one."""


class Row(NamedTuple):
    """One request or several, which a client sends on a new connection."""

    name: str
    parts: tuple[Part, ...]

    @property
    def words(self) -> str:
        """The expectations for its requests."""
        return ", ".join(part.word for part in self.parts)


class RowSet(NamedTuple):
    """Rows that hold under the same switches."""

    name: str
    about: str
    switches: str
    rows: tuple[Row, ...]
    rewrites: bool
    """Whether the proxy may rewrite bodies."""


def list_sets() -> list[str]:
    """Return the names of the sets that come with the suite."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def read_set(name: str) -> RowSet:
    """Read a set by its name, or by the path of a file, which has a slash in it.

    Raises:
        Mistake: There is no such set, or one of its lines is invalid.
    """
    path = Path(name) if "/" in name else FOLDER / f"{name}.txt"
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise Mistake(f"unknown rows {name!r}; known are {', '.join(list_sets())}") from error
    except (OSError, UnicodeError) as error:
        raise Mistake(f"{path}: cannot be read: {error}") from error
    return _Reader(path, text).read()


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = list(enumerate(text.splitlines(), 1))
        self._number = 0

    def read(self) -> RowSet:
        about: dict[str, str] = {}
        rows: dict[str, Row] = {}
        while line := self._next():
            if found := _ABOUT.fullmatch(line):
                about[found[1]] = found[2]
                continue
            if single := _SINGLE.fullmatch(line):
                row = Row(
                    line[len(single[1]) :].strip(), (self._make_part(single[1], _write_plain(*single.groups()[1:])),)
                )
            elif named := _NAMED.fullmatch(line):
                row = Row(named[1], tuple(self._read_parts()))
            else:
                raise self._mistake(f"expected a row, which begins with one of: row:, {', '.join(WORDS)}")
            if row.name in rows:
                raise self._mistake(f"there is a row {row.name!r} already")
            rows[row.name] = row
        if about.keys() - {"bodies"} != {"about", "switches"} or not rows:
            raise self._mistake("a set has a line `about: ...`, a line `switches: ...`, and rows")
        if about.get("bodies", "rewritten") != "rewritten":
            raise self._mistake("`bodies:` can only be `rewritten`")
        return RowSet(
            self._path.stem, about["about"], about["switches"], tuple(rows.values()), rewrites="bodies" in about
        )

    def _next(self) -> str:
        """Return the next line that is neither empty nor a comment; an empty one at the end."""
        while self._lines:
            self._number, line = self._lines.pop(0)
            if line.strip() and not line.startswith("#"):
                return line.rstrip()
        return ""

    def _read_parts(self) -> Iterator[Part]:
        found = False
        while self._lines and (part := _PART.fullmatch(self._lines[0][1].strip())) and self._lines[0][1][0] == " ":
            self._next()
            data = b""
            while self._lines and (line := self._lines[0][1].lstrip()).startswith("|"):
                self._number, _ = self._lines.pop(0)
                data += self._read_bytes(line[2:])
            body = data.partition(b"\r\n\r\n")[2]
            data = data.replace(_LENGTH.encode("latin-1"), str(len(body)).encode())
            if not data:
                raise self._mistake("expected lines of bytes, which begin with |")
            yield self._make_part(part[2], data, waits=bool(part[1]))
            found = True
        if not found:
            raise self._mistake(f"expected one of: {', '.join(WORDS)}")

    def _read_bytes(self, line: str) -> bytes:
        """Return the bytes of a line, with CRLF unless a backslash ends it."""
        whole = not re.search(r"(?<!\\)(?:\\\\)*\\$", line)
        text = line if whole else line[:-1]
        if "\\" in _ESCAPE.sub("", text):
            raise self._mistake(r"an escape is one of: \r \n \t \0 \\ \xNN \{COUNT:TEXT} \{length}")
        return _unescape(text) + (b"\r\n" if whole else b"")

    def _make_part(self, word: str, data: bytes, *, waits: bool = False) -> Part:
        reader = Messages(measure_request)
        found = reader.feed(data)
        rest = reader.finish()
        if word in {"forwarded", "either"} and (len(found) != 1 or rest is not None):
            raise self._mistake(f"{word}, but it is not one whole request")
        return Part(word, data, waits, next(iter(found), rest))

    def _mistake(self, what: str) -> Mistake:
        return Mistake(f"{self._path}:{self._number}: {what}")


def _write_plain(method: str, target: str) -> bytes:
    """Write an ordinary request without a body."""
    length = "" if method.upper() in {"GET", "HEAD"} else "Content-Length: 0\r\n"
    return _unescape(f"{method} {target} HTTP/1.1\\r\\nHost: docker\\r\\n") + f"{length}\r\n".encode()


def _unescape(text: str) -> bytes:
    def replace(found: re.Match[str]) -> str:
        plain, code, count, repeated = found.groups()
        if count:
            return _unescape(repeated).decode("latin-1") * int(count)
        if plain or code:
            return _PLAIN[plain] if plain else chr(int(code, 16))
        return _LENGTH

    return _ESCAPE.sub(replace, text).encode("latin-1")
