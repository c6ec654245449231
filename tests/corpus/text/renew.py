"""Ask Go again what it makes of texts that two readers might read in two ways.

    PYTHONPATH=tests python tests/corpus/text/renew.py

It needs Go, and Debian's golang-github-docker-docker-dev. The tests read what it leaves.
"""

import base64
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ODD = (
    "\u0130",
    "\u0131",
    "\u017f",
    "\u212a",
    "\u00a0",
    "\u0085",
    "\u2028",
    "\u3000",
    "\u0661",
    "\uff10",
    "\udcff",
    "\x0b",
    "\x0c",
)
"""What folds to ASCII, blanks and digits of others, and a byte that is not UTF-8."""

MEDIA: tuple[str, ...] = (
    "application",
    "json",
    "multipart",
    "form-data",
    "x-www-form-urlencoded",
    "/",
    "/",
    ";",
    ";",
    "=",
    "=",
    " ",
    "\t",
    '"',
    "\\",
)
MEDIA += ("boundary", "charset", "utf-8", "b", "A", "*", "*0", ",", "%", "'")
QUERY = (
    "a",
    "b",
    "A",
    "=",
    "=",
    "&",
    "&",
    "+",
    "%20",
    "%2B",
    "%26",
    "%3d",
    "%3B",
    "%FF",
    "%c3%A9",
    ";",
    "%",
    "%zz",
    "/",
    "?",
    ".",
)
PATHS = ("a", "b", "/", "/", "/", ".", "..", "/.", "/..", "~")
ESCAPES = ("a", "/", "%2F", "%2f", "%61", "%00", "%C3", "%A9", "%", "%4", "+", "%25", "%2525")
VERSIONS = (
    "v1.45",
    "v1.9",
    "v1.10",
    "v1.0",
    "v1.41",
    "v1.44",
    "v1.9999",
    "v5.4.2",
    "v5.4",
    "v5",
    "v5.10.0",
    "v0.99",
    "v10.0.1",
)
CHOSEN = (
    "application/json",
    "Application/JSON; charset=utf-8",
    'multipart/form-data; boundary="a b"',
    "mult\u0130part/form-data; boundary=b",
    "multipart/form-data\u00a0; boundary=b",
    "multipart/form-data;",
    "multipart/form-data; ; boundary=b",
    "multipart/form-data; boundary*=utf-8''b",
    "multipart/form-data; boundary*0=a; boundary*1=b",
    "multipart/form-data; boundary=a; Boundary=b",
    "multipart/form-data; boundary=b; x",
    "application/x-www-form-urlencoded; charset",
    "application/x-www-form-urlencoded;\u2028a=b",
)


def compose(pick: random.Random, parts: tuple[str, ...], most: int) -> str:
    """Put parts together, now and then with something odd."""
    chosen = [pick.choice(parts) for _ in range(pick.randrange(1, most))]
    if pick.random() < 0.2:
        chosen.insert(pick.randrange(len(chosen) + 1), pick.choice(ODD))
    return "".join(chosen)


def media(pick: random.Random) -> str:
    """Write a media type, right or not quite."""
    if pick.random() < 0.3:
        return compose(pick, MEDIA, 8)
    values = ("c", '"c d"', "", '"')
    written = [
        (pick.choice((";", "; ", " ;")), pick.choice("abB"), pick.choice(values)) for _ in range(pick.randrange(3))
    ]
    parameters = "".join(f"{before}{name}={value}" for before, name, value in written)
    text = f"{pick.choice(('text', 'MULTIPART', 'a'))}/{pick.choice(('plain', 'Form-Data', 'b+c'))}{parameters}"
    at = pick.randrange(len(text) + 1)
    return text[:at] + pick.choice(ODD) + text[at:] if pick.random() < 0.3 else text


def questions() -> Iterator[tuple[str, ...]]:
    """Write what Go is asked."""
    pick = random.Random(7)  # noqa: S311 (for tests)
    yield from (("lower",), ("upper",), ("fold",))
    yield from (("media", text) for text in CHOSEN)
    yield from (("media", media(pick)) for _ in range(200))
    yield from (("query", compose(pick, QUERY, 10)) for _ in range(150))
    yield from (("unescape", compose(pick, ESCAPES, 6)) for _ in range(60))
    yield from (("base", compose(pick, PATHS, 6)) for _ in range(60))
    yield from (("clean", compose(pick, PATHS, 8)) for _ in range(100))
    yield from (
        ("older", pick.choice(VERSIONS).removeprefix("v"), pick.choice(VERSIONS).removeprefix("v")) for _ in range(60)
    )


def encode(text: str) -> str:
    """Write bytes as JSON can have them."""
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()


if __name__ == "__main__":
    asked = list(dict.fromkeys(questions()))
    lines = "".join(json.dumps([kind, *map(encode, texts)]) + "\n" for kind, *texts in asked)
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "-trimpath"}
    read = subprocess.run(
        ["go", "run", HERE / "oracle.go"], input=lines.encode(), capture_output=True, check=True, env=environment
    )
    kept = zip(lines.splitlines(), read.stdout.decode().splitlines(), strict=True)
    (HERE / "read.jsonl").write_text("".join(f"[{question}, {answer}]\n" for question, answer in kept))
