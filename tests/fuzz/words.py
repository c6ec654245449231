"""Words of the languages that the targets read, which the fuzzer need not find out by itself."""

from collections.abc import Iterator
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS, SECTIONS
from dockerproxy.config.groups import GROUPS
from dockerproxy.config.presets import PRESETS
from dockerproxy.policy.vocabulary import CONSTRAINTS

_FIELDS: Final = (
    *("Host: a", "Content-Length: 3", "Transfer-Encoding: chunked", "Expect: 100-continue", "Upgrade: tcp", "X-Sum: 1"),
    *("Connection: upgrade", "Connection: close", "Connection: keep-alive", "Content-Type: application/json"),
    *("Content-Type: application/vnd.docker.raw-stream", "Content-Type: multipart/form-data; boundary=b"),
)
_LINES: Final = ("\r\n", "\r\n\r\n", "0\r\n\r\n", *(f"{field}\r\n" for field in _FIELDS))

AMBIGUOUS: Final = (
    *("\u0130", "\u0131", "\u017f", "\u212a"),
    *(
        "\x0b",
        "\x0c",
        "\x1c",
        "\x1d",
        "\x1e",
        "\x1f",
        "\u0085",
        "\u00a0",
        "\u1680",
        "\u2028",
        "\u2029",
        "\u3000",
        "\ufeff",
    ),
    *("\u0661", "\uff11", "\u00b2"),
)
"""What folds to letters of ASCII, is a space or ends a line, or is a digit, for Python or for Go: for every target."""

_OF_HEADS: Final = "GET HEAD POST PUT DELETE /v1.45 /v4.0.0 %2f %00 %41 .. // ? & = true web nginx:1.27 {}"
_OF_BODIES: Final = r'{" ": null true [] {} \u0041 \ud800 1e400 -0 9223372036854775808 ?name='
_OF_POLICIES: Final = "sockets: allow: deny: unrestricted [ ] { } &a *a !x ' \" << --- #"


def of_heads() -> Iterator[str]:
    yield from (*_LINES, " HTTP/1.1\r\n", " HTTP/1.0\r\n")
    yield from _OF_HEADS.split()
    yield from {part for operation in OPERATIONS.values() for part in operation.path.split("/") if part}
    yield from {name for each in BODIES.values() for name in each.parameters}


def of_answers() -> Iterator[str]:
    yield from (*_LINES, "HTTP/1.1 200 OK\r\n", "HTTP/1.0 ", "5\r\n", ";a=b", "fffffffffffffff", "000", " ;", "\t")


def of_archives() -> Iterator[str]:
    yield from ("ustar\0" + "00", "ustar  \0", "9 uid=1\n", "11 size=512", "GNU.sparse.major=1", "00000001000\0")


def of_bodies() -> Iterator[str]:
    yield from _OF_BODIES.split()
    yield from BODIES
    yield from (f'"{word}":' for word in CONSTRAINTS)
    yield from {f'"{part}"' for each in BODIES.values() for field in each.fields for part in field.path.split(".")}


def of_policies() -> Iterator[str]:
    yield from (
        "path: /a",
        "mode: learn",
        "permissions: ",
        "owner: ",
        "max_body: 1MiB",
        ": ",
        "- ",
        "? ",
        "|\n ",
        "\n  ",
    )
    yield from _OF_POLICIES.split()
    yield from (*CONSTRAINTS, *OPERATIONS, *GROUPS, *(f"preset:{name}" for name in PRESETS), *SECTIONS)
