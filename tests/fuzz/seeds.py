"""Where the fuzzer begins: inputs of each target, made of the corpora and tables that other tests have."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from api.paths import path_of
from config.test_policy_file import WHOLE
from policy.policies import TRIED
from wire.tars import archive_of
from wire.test_archive import ALLOWED, CLEAR, UNCLEAR

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.objects import KINDS, Kind

CORPUS: Final = Path(__file__).parents[1] / "corpus"
EXAMPLES: Final = Path(__file__).parents[2] / "examples"

_UNCLEAR: Final = (
    *(65 * "[" + 65 * "]", 9999 * "[", r'["\ud83d\ude00"]', r'["\ud800"]'),
    *("1e999", "NaN", 20 * "1", "0." + 20 * "1"),
)
"""Bodies that have no single reading, or nearly."""

_LONGEST_ARCHIVE: Final = 8192

_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_CODED: Final = (b"00005\r\nhello\r\n0\r\n\r\n", b"A;x\r\n0123456789\r\n000;y\r\nT: 1\r\n\r\n", b"3\r\nabc\r\n")

_NAMED: Final = {
    Kind.IMAGE: ("nginx", "1a6e", "localhost/ci/app:1"),
    Kind.NETWORK: ("ci_default", "c1de"),
    Kind.VOLUME: ("ci_data",),
    Kind.SERVICE: ("pile_web",),
    Kind.POD: ("ci",),
    Kind.EXEC: ("e1", "e2"),
    Kind.TASK: ("task1",),
}
"""Objects that the engine of the fuzzer knows besides the container that others ask for."""


def of_heads() -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted((CORPUS / "wire").rglob("*.http")))
    for request in TRIED:
        yield f"{request.method} {request.target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    for operation, one in ((OPERATIONS[name], one) for name, kind in KINDS.items() for one in _NAMED.get(kind, ())):
        target = path_of(operation, one=quote(one), many=one)
        yield f"{operation.method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    for query in ("a=%2541", "a=%25", "a=%2B+%20", "a=b=c&&=&a", "t=%C3%A9%FF"):
        yield f"GET /events?{query} HTTP/1.1\r\nHost: a\r\nX-A: \tb \r\n\r\n".encode()
    yield b"GET /events HTTP/1.1\r\nHost: a\r\nX-A: b\x0bc\r\n\r\n"
    yield b"GET /events?" + 2001 * b"&" + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    yield b"PUT /containers/web/archive?path=/data HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n" + bytes(1024)


def of_answers() -> Iterator[bytes]:
    for line in ("200 OK", "204 No Content", "304 Not Modified", "100 Continue", "101 UPGRADED", "404 x"):
        for field in ("Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close", "Content-Length: 0"):
            yield f"HTTP/1.1 {line}\r\nContent-Type: application/json\r\n{field}\r\n\r\nhello".encode()
    for path in sorted((CORPUS / "wire").rglob("*.http")):
        coded = path.read_bytes().partition(b"\r\n\r\n")[2]
        if coded:
            yield _CHUNKED + coded
    yield from (_CHUNKED + coded for coded in _CODED)


def of_archives() -> Iterator[bytes]:
    yield from (content for content in (*CLEAR.values(), *UNCLEAR.values()) if len(content) < _LONGEST_ARCHIVE)
    yield archive_of(*ALLOWED).rstrip(b"\0")


def of_bodies() -> Iterator[bytes]:
    for path in sorted((CORPUS / "bodies" / "containers").glob("*.txt")):
        for block in path.read_text(encoding="utf-8").rstrip("\n").split("\n\n"):
            request, content, _ = (text for text in block.split("\n") if not text.startswith("#"))
            yield f"{request}\n{content}".encode()
    for path in sorted((CORPUS / "bodies" / "services").glob("*.json")):
        name = "ServiceUpdate ?version=1" if "update" in path.name else "ServiceCreate"
        name = "SecretCreate" if "secret" in path.name else "ConfigCreate" if "config" in path.name else name
        yield f"{name}\n".encode() + path.read_bytes()
    for line in (CORPUS / "json" / "decoded.jsonl").read_text(encoding="utf-8").splitlines():
        kept = json.loads(line)
        if "text" in kept:
            yield f"ContainerCreate\n{kept['text']}".encode()
    yield from (f"{name} \n{{}}".encode() for name in BODIES)
    yield from (f"ContainerCreate\n{content}".encode() for content in _UNCLEAR)


def of_policies() -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted((CORPUS / "policy_files").glob("*.yaml")))
    yield from (path.read_bytes() for path in sorted(EXAMPLES.rglob("policy.yaml")))
    yield WHOLE.encode()
