r"""Split a Dockerfile into its steps, as Podman's builder does (imagebuilder, `dockerfile/parser`), and BuildKit's.

The builders split lines at characters, and flags at bytes: to them the bytes 0x85 and 0xA0 are spaces among flags, and
every space of Unicode is one in front of a line. So ASCII is required up to where the free text of a step begins, and
of what comes behind nothing is ever read as a flag. What is in a here document is read as steps as well: older builders
do that, and to read more than is there hides nothing.

- Attack: a flag behind a character outside ASCII, or behind a single byte that is a space to a builder
  → Defence: flags are ASCII, and behind them no space but of ASCII and no byte that is not UTF-8
  (test: test_a_flag_behind_a_character_outside_ascii_is_refused).
- Attack: the name of an instruction that Go folds to ASCII (`ONBUİLD`), or behind a space of Unicode
  → Defence: a name that becomes an instruction without what is outside ASCII is refused
  (test: test_the_name_of_an_instruction_is_ascii).
- Attack: a comment or an empty line behind a space of Unicode, which joins or parts other lines for a builder
  → Defence: no line begins with such a space (test: test_no_line_begins_with_a_space_outside_ascii).
- Attack: lines that builders would join in another way: another escape character, two of them, a carriage return or
  another control character → Defence: each is refused
  (test: test_a_dockerfile_of_which_lines_could_be_joined_in_two_ways_is_refused).
- Attack: a here document whose last line (its name) goes on in the next one, or is a comment or empty; one that only
  shows when quotes and escapes are gone (`${A:- <\<E\\\\ y}`) → Defence: whatever could be a here document without
  them has a plain word as its name (test: test_a_here_document_has_a_plain_name).
- Attack: a here document that is copied: for it, buildah up to 1.39 writes, copies and removes `/var/tmp/NAME` of the
  host, which another build may use, too → Defence: only RUN has any (test: test_no_here_document_is_copied).
- Attack: an ONBUILD whose text is a comment or a part of a line. A build from that image reads its triggers as a file
  of their own, in which `# escape=` counts, and joins them → Defence: behind ONBUILD stands an instruction that there
  is (test: test_a_trigger_is_an_instruction).
- Attack: a line so long that older builders end there, in the midst of a step → Defence: none is
  (test: test_no_line_is_longer_than_builders_read).
- Attack: a file that takes long to read → Defence: what is looked at is counted, and the count ends
  (test: test_the_work_is_bounded_whatever_the_file_holds).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from dockerproxy.text import lower, upper

MOST_STEPS: Final = 5_000
"""Lines, flags and variables that are looked at in one Dockerfile. Long ones that people wrote have some hundreds."""

MARK: Final = b"\xef\xbb\xbf"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")
_ESCAPE: Final = re.compile(r"#[ \t]*escape[ \t]*=[ \t]*`")

_SPACES: Final = "\x85\xa0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
"""Of Unicode: what Go's `unicode.IsSpace` knows outside ASCII, and three that were spaces once or look like none."""

_BEGUN_BY_SPACE: Final = re.compile(f"^[ \t]*[{_SPACES}]", re.MULTILINE)
_NO_TEXT: Final = re.compile(f"[{_SPACES}\ud800-\udfff]")
"""What free text does not begin with: a space, or a byte that is not UTF-8 and may be one."""

_LINE: Final = re.compile(r"[ \t]*([^ \t]*)[ \t]*(.*)", re.DOTALL)
_OUTSIDE: Final = re.compile(r"[^\x00-\x7f]+")
_FOLDED: Final = str.maketrans("\u0130\u0131\u017f\u212a", "iisk")
"""What Go, now or in another function, folds to a letter of ASCII."""

_NAMES: Final = frozenset({"run", "from", "copy", "add", "arg", "label"})
_ONBUILD: Final = "onbuild"
_TRIGGERS: Final = frozenset(
    {
        *("add", "arg", "cmd", "copy", "entrypoint", "env", "expose", "healthcheck", "label", "run", "shell"),
        *("stopsignal", "user", "volume", "workdir"),
    }
)
"""What may follow ONBUILD: all that builders know, but those that none takes there."""

_WITH_HERE: Final = frozenset({"run", "copy", "add"})
_LONGEST_LINE: Final = 2**16 - 2
"""Bytes of one that imagebuilder up to 1.2.5 reads (bufio.MaxScanTokenSize); of a longer one it says nothing."""

_FLAG: Final = re.compile(r"(--[!-~]*)(?:[ \t]+|\Z)")

_QUOTES: Final = str.maketrans("", "", "\"'\\")
_MAY_BE_HERE: Final = re.compile(r"(?:^|[^!-~])[0-9]*<<")
_IS_PLAIN: Final = re.compile(
    r"""(?:^|(?<=[ \t]))[0-9]*<<(?:<|(?:-?([\w.-]+|"[\w.-]+"|'[\w.-]+'))?(?=[ \t]|\Z))""", re.ASCII
)
"""`<<<`, `<<` alone, or a here document with a plain name. Builders take a word that is `^(\\d*)<<(-?)([^<]*)$`."""

_SHOWN: Final = 100


class UnclearError(Exception):
    """Something that builders could read in another way than it is read here, as a clause."""


class Budget:
    """Counts what is looked at in one Dockerfile."""

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, count: int = 1) -> None:
        """Count something more; an UnclearError says that too much was looked at."""
        self.spent += count
        if self.spent > MOST_STEPS:
            raise UnclearError(f"has more than {MOST_STEPS} lines, flags and variables")


class Step(NamedTuple):
    """An instruction, in upper case, behind `ONBUILD` if it is a trigger.

    Its flags are as they are spelled, of those that may reach further than a build; the rest is what follows them.
    """

    name: str
    flags: tuple[str, ...] = ()
    rest: str = ""
    is_trigger: bool = False


def read_steps(content: bytes, budget: Budget) -> Iterator[Step]:
    """Yield the steps of a Dockerfile; an UnclearError says that builders could read it in different ways."""
    budget.spend(content.count(b"\n"))  # Before they are made a list, which takes much memory.
    if max(map(len, content.split(b"\n"))) > _LONGEST_LINE:
        raise UnclearError(f"has a line of more than {_LONGEST_LINE} bytes, which some builders cannot read")
    text = content.removeprefix(MARK).decode(errors="surrogateescape")
    if _CONTROL.search(text) or _ESCAPE.search(lower(text)):
        raise UnclearError("has an escape directive or a control character, which make line ends ambiguous")
    if _BEGUN_BY_SPACE.search(text):
        raise UnclearError("has a line that begins with a non-ASCII space")
    for line in _join(text):
        step = _read_step(line, budget)
        if step is not None:
            yield step


def _join(text: str) -> Iterator[str]:
    """Yield the lines of a Dockerfile, each with those that go on from it."""
    parts: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.rstrip(" \t")
        if not bare or bare.lstrip(" \t").startswith("#"):
            continue
        if bare.endswith("\\\\"):
            raise UnclearError(f"has a line that ends with two escape characters: {show(line)}")
        if bare.endswith("\\"):
            parts.append(bare[:-1])
            continue
        yield "".join((*parts, line))
        parts.clear()
    yield "".join(parts)


def _read_step(line: str, budget: Budget) -> Step | None:
    """Read a line; None if it has no step."""
    name, rest = _split(line)
    is_trigger = name == _ONBUILD
    if is_trigger:
        name, rest = _split(rest)
        if name not in _TRIGGERS:
            raise UnclearError(f"has a step with ONBUILD {show(name)}, not an instruction that can follow it")
    if name not in _NAMES:
        return Step(upper(name), is_trigger=is_trigger) if name else None
    if "<" in line and name in _WITH_HERE:
        budget.spend(line.count("<"))
        documents = _IS_PLAIN.findall(line)
        if len(_MAY_BE_HERE.findall(line.translate(_QUOTES))) != len(documents):
            raise UnclearError(f"has a here document whose name is not a plain word: {show(line)}")
        if name != "run" and any(documents):
            raise UnclearError(
                f"copies a here document, which other builds can change; write it in a RUN: {show(line)}"
            )
    flags, at = list[str](), 0
    while rest.startswith("--", at):
        budget.spend()
        flag = _FLAG.match(rest, at)
        if flag is None:
            raise _outside(name, rest, at)
        flags.append(flag[1])
        at = flag.end()
    if _NO_TEXT.match(rest, at):
        raise _outside(name, rest, at)
    return Step(upper(name), tuple(flags), rest[at:], is_trigger)


def list_documents(step: str) -> list[str]:
    """Return the names of the here documents that follow a step; none of one that `read_steps` refuses."""
    with suppress(UnclearError):
        line = next(_join(step)).replace("\t", " ").lstrip(" ")
        if lower(line.partition(" ")[0]) in _WITH_HERE:
            return [name.strip("\"'") for name in _IS_PLAIN.findall(line) if name]
    return []


def _split(line: str) -> tuple[str, str]:
    """Return the name of an instruction, in lower case, and what follows it."""
    found = _LINE.fullmatch(line)
    name, rest = (found[1], found[2]) if found is not None else ("", "")
    plain = lower(_OUTSIDE.sub("", name.translate(_FOLDED)))
    if not name.isascii() and (plain in _NAMES or plain == _ONBUILD):
        raise UnclearError(f"has an instruction name with a non-ASCII character: {show(name)}")
    return lower(name), rest


def _outside(name: str, rest: str, at: int) -> UnclearError:
    return UnclearError(f"has a step with {upper(name)} {show(rest[at:])}, but flags must be ASCII")


def show(text: str) -> str:
    """Return a text as a message shows it: short, and in ASCII."""
    return ascii(text[:_SHOWN])[1:-1]
