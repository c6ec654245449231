"""Changes to a request that leave it one: another operation, parameter or field, in place of what is there or besides.

What is written anywhere in a path or a query is refused at once nearly always, and no condition would ever be tried.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

from api.paths import path_of

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS, Operation

Mutate = Callable[[bytes, int], bytes]

_PLAIN: Final = """
a web db hosted guest 4f5e e1 e2 ci ci-host b0 nginx nginx:1.27 docker.io/library/nginx 1a6e evil ci/app v1:/x
ci_data ci_etc ci_plugin ci_data:/y /etc /srv/x /srv/x:/y:ro /data/x bind volume tmpfs local overlay json-file
host none bridge default ci_default c1de pile_front private shareable container:web ns:/x container pod path
80 80/tcp 8000-8001 127.0.0.1 ::1 10.9.0.0/24 10.9.0.1 fd00::/64 localhost/ci/app:1 registry.example/x
1000:1000 root NET_ADMIN ALL no-new-privileges seccomp=unconfined label=disable unconfined always replicated
0 1 -1 1.5 512m true false A=1 owner sh -c - -ef * HUP pile_word rootkey1 checkpoint dir:/etc Dockerfile
{} {"a":"b"} ["ci/a:1"] {"reference":["x"]}
"""

TEXTS: Final = (
    *("", "ENV A=b", "sha256:" + 64 * "0", 64 * "a", "Ho\u017f", "\u212a"),
    *_PLAIN.split(),
)
"""What can stand in many places, or must not."""

_PARAMETERS: Final = sorted({name for body in BODIES.values() for name in body.parameters} | {"force", "v", "depend"})
_FIELDS: Final = b"""
Host: a
Host: a/b
Content-Length: 0
Content-Length: 7
Content-Type: application/grpc
Content-Type: application/json
Content-Type: application/x-www-form-urlencoded
Content-Type: multipart/form-data
Content-Type: text/plain
Content-Encoding: gzip
Transfer-Encoding: chunked
Connection: close
Connection: x-a, upgrade
Expect: 100-continue
TE: trailers
Upgrade: tcp
X-A: 1
X-Registry-Auth: e30=
""".strip().split(b"\n")


def change(data: bytes, most: int, seed: int, mutate: Mutate) -> bytes:
    """Return a request with a few changes.

    Args:
        data: The request.
        most: Bytes that it may have.
        seed: Of chance.
        mutate: Changes any bytes, up to a length.
    """
    chance = random.Random(seed)  # noqa: S311 (for tests)
    line, _, rest = data.partition(b"\r\n")
    words = line.split(b" ")
    if chance.random() < 0.35 or len(words) != 3:
        return mutate(data, most)
    method, target, version = words
    way = chance.random()
    if way < 0.3:
        operation = chance.choice(list(OPERATIONS.values()))
        method, target = operation.method.encode(), make_target(operation, chance)
    elif way < 0.8:
        path, _, query = target.partition(b"?")
        target = path + change_query(query, _PARAMETERS, chance)
    else:
        fields = rest.split(b"\r\n")
        at = chance.randrange(len(fields))
        fields[at : at + chance.randrange(2)] = [chance.choice(_FIELDS)]
        rest = b"\r\n".join(fields)
    return (b" ".join((method, target, version)) + b"\r\n" + rest)[:most]


def make_target(operation: Operation, chance: random.Random) -> bytes:
    """Return a target of an operation, for some object."""
    version = chance.choice(("", "/v1.47", "/v5.0.0"))
    one, many = (quote(chance.choice(TEXTS), safe=":") or "web" for _ in range(2))
    return (version + path_of(operation, one=one, many=many)).encode()


def change_query(query: bytes, names: Sequence[str], chance: random.Random) -> bytes:
    """Return a query with a parameter more, or one less, or another value; with its question mark, if there is any."""
    pieces = query.removeprefix(b"?").split(b"&") if query.strip(b"?") else []
    if pieces and chance.random() < 0.4:
        del pieces[chance.randrange(len(pieces))]
    if names and chance.random() < 0.8:
        name = chance.choice(names).removesuffix("[]")
        name = name.swapcase() if chance.random() < 0.05 else name
        pieces.append(f"{name}={quote(chance.choice(TEXTS))}".encode())
    return b"?" + b"&".join(pieces) if pieces else b""
