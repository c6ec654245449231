"""Read what moby serves from its source: routes as they are registered, and what their handlers read of the query.

Its description of the API leaves out what is old or not meant for all.
"""

import re
from pathlib import Path
from typing import Final

from drift.facts import Name, Route, find
from drift.go_source import GoSource, plain

from dockerproxy.api.catalog import UNKNOWN

_ROUTERS: Final = Path("daemon/server/router")
_SERVER: Final = Path("daemon/server")
_VERSION: Final = Path("daemon/config/config.go")

_REGISTERED: Final = re.compile(r'router\.New(\w+)Route\("([^"]+)", (?:\w+\.)?(\w+)')
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
_READ: Final = (
    ("query", re.compile(r'(?:\bForm(?:Value)?(?:\.Get)?[\[(]|\w+\(r, )"([\w-]+)"')),
    ("header", re.compile(r'\bHeader\.Get\("([^"]+)"')),
)


def read_moby(root: Path) -> tuple[list[Route], list[Name]]:
    """Read moby's source.

    Args:
        root: The folder with its `go.mod`.
    """
    found = re.search(r'MaxAPIVersion = "([\d.]+)"', (root / _VERSION).read_text())
    first = found[1] if found is not None else "?"
    source = GoSource(root)
    routes: set[Route] = set()
    names: set[Name] = set()
    for file in sorted((root / _ROUTERS).rglob("*.go")):
        for method, path, handler in _REGISTERED.findall(file.read_text()):
            if method.upper() not in _METHODS:
                continue
            routes.add(Route(engine="docker", method=method.upper(), path=plain(path), first=first))
            operation = find(method.upper(), path)
            if operation is not UNKNOWN:
                read = source.find_in(file.parent, handler, root / _SERVER, _READ)
                names |= {Name(operation=operation.name, where=where, field=each, first=first) for where, each in read}
    return sorted(routes), sorted(names)
