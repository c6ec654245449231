"""Ask Podman's and BuildKit's parsers again what Dockerfiles say: for a person who has changed how ours are read.

    PYTHONPATH=tests python tests/corpus/dockerfiles/renew.py keep
    PYTHONPATH=tests python tests/corpus/dockerfiles/renew.py compare 1000000

It needs Go and Debian's golang-github-openshift-imagebuilder-dev and golang-github-docker-docker-dev. The tests read
what `keep` leaves. `compare` writes Dockerfiles at random, and prints those that are let through although an engine
reads something in them that was not looked at.
"""

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from policy.claims.dockerfile_readings import KEPT, Asked, find_differences
from policy.claims.test_dockerfiles import ORDINARY

from dockerproxy.policy.claims.dockerfiles import find_reach

_SPACES: Final = (
    " ",
    " ",
    " ",
    "\t",
    "  ",
    "\u00a0",
    "\u3000",
    "\u0085",
    "\u2028",
    "\x0b",
    "\x0c",
    "\\\n",
    " \\\n # x\n",
)
_BYTES: Final = (b"\xa0", b"\x85", b"\xff", b"\xc2", b"\x00")
_ENDS: Final = ("\n",) * 9 + (
    "\r\n",
    "\\\n",
    " \\ \n",
    "\\\r\n",
    "\u00a0\n",
    "\\\u00a0\n",
    "\n\n",
    "\n# x \\\n",
    "\n \u00a0# \\\n",
    "\\\\\n",
)
_NAMES: Final = (
    *(
        "RUN",
        "RUN",
        "FROM",
        "FROM",
        "COPY",
        "ADD",
        "ARG",
        "ARG",
        "ONBUILD",
        "run",
        "LABEL",
        "ENV",
        "CMD",
        "HEALTHCHECK",
    ),
    *(
        "ONBU\u0130LD",
        "ONBUILD RUN",
        "ONBUILD COPY",
        "\u00a0RUN",
        "R\\\nUN",
        "\ufeffRUN",
        "SHELL",
        "foo",
        "",
        "#",
        "E",
        "EOF",
    ),
)
_FLAGS: Final = (
    *("--network=host", "--network=none", "--mount=type=tmpfs,target=/x", "--mount=type=cache,target=/x", "--", "--x"),
    *(
        "--from=dir:/x",
        "--from=0",
        "--from=$A",
        "--chown=1",
        "--chown=\u00e9",
        "--platform=x",
        "--platform=\u00e9x",
        "--net\\work=host",
    ),
    *(
        "--mount=target=/\u00e9x,from=dir:/x",
        "--link",
        '--chown="a b"',
        "--mount=from=oci:x,target=/x",
        "--chmod=\u0661",
    ),
)
_WORDS: Final = (
    *(
        "x",
        "y",
        "/x",
        "dir:/etc",
        "oci:x",
        "A=dir",
        "A=$B",
        "B=:/x",
        "A=d B=ir",
        "A",
        "$A",
        "${A}",
        "${A:-dir}",
        "${A:+i}",
        "$B",
    ),
    *(
        "d${A}ir:/x",
        "$A:/x",
        "$A$B",
        '${A:+"}"}dir:/x',
        "${A:-\\}}dir:/x",
        "'$A'",
        '"dir":/x',
        "d\\ir:/x",
        "\u00e9",
        "$\u00e9",
        "A=\u00e9",
    ),
    *(
        "<<E",
        "<<-E",
        "<<'E'",
        "<<EOF",
        "1<<E",
        "<<E\\\\",
        "<<\\E",
        "${A:- <\\<E\\\\\\\\ y}",
        "$((1<<2))",
        "<<<x",
        "<<",
        "<<'E F'",
    ),
    *(
        "AS",
        "as",
        "b",
        "[",
        '["a",',
        '"b"]',
        "&&",
        "\\",
        "'",
        '"',
        "${",
        "}",
        "$",
        "${A#d}",
        "${A%x}",
        "${A/x/dir}",
        "\u212a",
        "E",
        "EOF",
    ),
)
_GIVEN: Final[tuple[dict[str, str], ...]] = ({}, {}, {"A": "dir"}, {"A": "x", "B": "dir:/x"}, {"B": "$A"})


class Writer:
    """Writes Dockerfiles that might be read in two ways."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (for tests)

    def write(self) -> Asked:
        """Write one, and what a client sets its variables to."""
        pick = self._random
        content = (
            "FROM x\n" * (pick.random() < 0.5) + "".join(self._line() for _ in range(pick.randrange(1, 6)))
        ).encode()
        if pick.random() < 0.1:
            at = pick.randrange(len(content) + 1)
            content = content[:at] + pick.choice(_BYTES) + content[at:]
        return content, pick.choice(_GIVEN)

    def _line(self) -> str:
        pick = self._random
        parts = [pick.choice(_NAMES)]
        parts += [pick.choice(_FLAGS) for _ in range(pick.choice((0, 0, 0, 1, 1, 2)))]
        parts += [pick.choice(_WORDS) for _ in range(pick.choice((0, 1, 1, 1, 2, 3)))]
        return "".join(part + pick.choice(_SPACES if pick.random() < 0.2 else " ") for part in parts) + pick.choice(
            _ENDS
        )


def ask_go(asked: list[Asked]) -> list[Any]:
    """Return what the parsers of engines make of Dockerfiles."""
    lines = "".join(
        f"{json.dumps({'Content': base64.b64encode(content).decode(), 'Given': given})}\n" for content, given in asked
    )
    answered = subprocess.run([_PROGRAM], input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in answered.split("\n") if line]


_PROGRAM: Final = str(Path(tempfile.gettempdir()) / "dockerproxy-dockerfiles")


def compare(count: int, seed: int = 0) -> tuple[int, list[tuple[Asked, str]]]:
    """Compare Dockerfiles; return how many were let through, and those in which an engine reads something else."""
    writer, passed, bad = Writer(seed), 0, list[tuple[Asked, str]]()
    for start in range(0, count, 10_000):
        written = (writer.write() for _ in range(min(10_000, count - start)))
        asked = [each for each in written if not find_reach(*each)]
        passed += len(asked)
        for each, told in zip(asked, ask_go(asked), strict=True):
            bad += [(each, difference) for difference in find_differences(*each, told)]
    return passed, bad


def keep(count: int = 600) -> None:
    """Keep what the engines say of ordinary Dockerfiles, and of as many written ones, half of which are let through."""
    writer, asked = Writer(4), list[Asked]((content, {}) for content in ORDINARY)
    halves = {True: count // 2, False: count // 2}
    while any(halves.values()):
        each = writer.write()
        passes = not find_reach(*each)
        if each not in asked and halves[passes]:
            halves[passes] -= 1
            asked.append(each)
    lines = [
        {"content": base64.b64encode(content).decode(), "given": given, "told": told}
        for (content, given), told in zip(asked, ask_go(asked), strict=True)
    ]
    KEPT.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def main(words: list[str]) -> None:
    """Do what the words say."""
    to = {**os.environ, "GOPATH": "/usr/share/gocode", "GO111MODULE": "off"}
    source = Path(__file__).parent / "oracle.go"
    subprocess.run(["go", "build", "-o", _PROGRAM, source], env=to, check=True)
    if words[0] == "keep":
        keep()
        return
    passed, bad = compare(int(words[1]), int(words[2]) if words[2:] else 0)
    sys.stdout.write(f"{words[1]} Dockerfiles, {passed} let through, {len(bad)} of them read in two ways\n")
    sys.stdout.writelines(f"{each!r}: {difference}\n" for each, difference in bad[:20])


if __name__ == "__main__":
    main(sys.argv[1:])
