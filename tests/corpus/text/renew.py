"""Ask Go again what it makes of texts that two readers might read in two ways.

    PYTHONPATH=tests python tests/corpus/text/renew.py

It needs Go, and Debian's golang-github-docker-docker-dev, golang-github-docker-go-connections-dev,
golang-github-docker-go-units-dev and golang-github-distribution-reference-dev. The tests read what it leaves.
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
PORTS = ("80", "8", "0", "08", "8000", "65535", "65536", "99999", "-", "-", "-", "/tcp", "/", "+", "_", ":", " ", "1e3")
CHOSEN_PORTS = (
    *(
        "",
        "0",
        "80",
        "080",
        "65535",
        "65536",
        "65616",
        "-65456",
        "000080",
        "\uff18\uff10",
        "0-5",
        "8000-8010",
        "8010-8000",
    ),
    *(
        "8000-8000",
        "8000-8010-9999",
        "8000-",
        "-8000",
        "8000-8010/tcp",
        "80/tcp",
        "80/TCP",
        "80/",
        "80/tcp/udp",
        "/tcp",
    ),
)
V4 = ("1", "10", "127", "0", "255", "256", "01", "0x7f", ".", ".", ".", ".1.2", "10.0.0", "127.0.0.1", "-", " ")
V6 = ("::", ":", ":", "1", "ffff", "0", "00001", "fe80::", "::ffff:", "127.0.0.1", "A", "%eth0", "1:2:3:4:5:6:7", "[")
CHOSEN_ADDRESSES = (
    *("", "localhost", "2130706433", "127.1", "0.0.0.0", "::", "::1", "0::1", "::ffff:127.0.0.1", "::ffff:7f00:1"),  # noqa: S104 (nothing is bound)
    *("::127.0.0.1", "64:ff9b::10.0.0.1", "fe80::1%1", "::1%", "1:2:3:4:5:6:7::", "1::2:3:4:5:6:7:8", "1:0:0:2::3"),
    *("127.0.0.01", "127.0.0.1.", "127.0.0.\u0661", "\uff11.1.1.1", "127\u30020.0.1", "::\u0661", "0:0:1:2:3:4:5:6"),
)
LENGTHS = ("", *"8 24 32 0 33 64 96 104 128 129 024 +8 255.0.0.0 0.0.0.255 8/8 \u0668".split())  # noqa: SIM905 (a list of words)
SIZES = (
    "0",
    "1",
    "10",
    "512",
    "9" * 15,
    ".5",
    "0.5",
    ".0",
    " ",
    "k",
    "M",
    "t",
    "P",
    "iB",
    "i",
    "b",
    "B",
    "e9",
    "-",
    "+",
)
CHOSEN_SIZES = (
    *("1", "10m", "1.5GB", "10 MiB", "0.5k", "0.5", "0.9b", "0.0000001m", "10 ", "1ib", "1i", "4611686t", "4611687t"),
    *(
        "512MiB",
        "3TiB",
        "1B",
        "1.1.1",
        "1\n",
        "\u0661",
        "1\u212a",
        "1\u00a0k",
        "0.999999999k",
        "8191PiB",
        "-1",
        "1.001k",
    ),
    *("0.001k", "0.000001M", "0.000000001t", "9223373t"),
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
    yield from of_networks(pick)
    yield from of_references()


def of_networks(pick: random.Random) -> Iterator[tuple[str, ...]]:
    """Write what Go is asked of ports, addresses and sizes."""
    ranges = (f"{pick.choice(PORTS[:8])}{pick.choice(('-', '', '--'))}{pick.choice(PORTS[:8])}" for _ in range(60))
    for text in (*CHOSEN_PORTS, *ranges, *(compose(pick, PORTS, 5) for _ in range(60))):
        yield from (("ports", text), ("key", text))
    written = (compose(pick, pick.choice((V4, V6)), 8) for _ in range(100))
    of_four = (".".join(pick.choice(V4[:7]) for _ in range(4)) for _ in range(40))
    of_eight = (":".join(pick.choice(V6[3:7]) for _ in range(pick.randrange(7, 10))) for _ in range(30))
    addresses = [*CHOSEN_ADDRESSES, *written, *of_four, *of_eight]
    yield from (("address", text) for text in addresses)
    yield from (("network", f"{pick.choice(addresses)}/{pick.choice(LENGTHS)}") for _ in range(100))
    yield from (("network", f"{text}/{length}") for text in CHOSEN_ADDRESSES[4:13] for length in LENGTHS)
    whole = (f"{pick.choice(SIZES[:5])}{pick.choice(SIZES[5:])}{pick.choice(SIZES[8:])}" for _ in range(80))
    yield from (("size", text) for text in (*CHOSEN_SIZES, *whole, *(compose(pick, SIZES, 5) for _ in range(60))))


def of_references() -> Iterator[tuple[str, ...]]:
    """Write what Go is asked of references: each with a letter, blank or digit of others at each place."""
    digest = "sha256:" + "0123456789abcdef" * 4
    whole = ("Kiss.example:5000/ks/i:1kS", "docker.io/ki", f"k@{digest}")
    yield from (("reference", text) for text in (*whole, whole[0].lower(), whole[0].upper(), f"K@{digest.upper()}"))
    for text in whole:
        for at in range(len(text) + 1 if "@" not in text else 14):
            for odd in ("A", "\u0130", "\u0131", "\u017f", "\u212a", "\u00a0", "\u0661", "\uff10", "\udcff"):
                yield ("reference", text[:at] + odd + text[at + 1 :])


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
