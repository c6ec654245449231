"""Names that engines use: of operations, parameters of the query, header fields and fields of bodies.

The list that was compared last is kept in `tests/facts`. It only grows: engines of any age may be behind the proxy.
A field is written by its path as the tables have it: `HostConfig.Mounts[].Type`, `Labels.*`.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dockerproxy.api.catalog import Operation, find_operation

FACTS: Final = Path(__file__).parents[1] / "facts"
OPERATIONS: Final = "operations.tsv"
FIELDS: Final = "fields.tsv"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Route:
    """An operation that an engine serves.

    Attributes:
        engine: `docker` or `podman`.
        method: Of the request.
        path: Template, as the engine writes it, without the version.
        first: Version in which it appeared, as far as is known.
    """

    engine: str
    method: str
    path: str
    first: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is the same as in every version, whatever its names are called."""
        return self.engine, self.method, re.sub(r"\{[^}]*\}", "{}", self.path)


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Name:
    """Something that an operation reads from its request.

    Attributes:
        operation: Its name here.
        where: `query`, `header` or `body`, or `answer` for what the engine answers.
        field: Name of the parameter, or path of the field.
        first: Version in which it appeared, of the API of Docker or of Podman.
    """

    operation: str
    where: str
    field: str
    first: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is the same as in every version."""
        return self.operation, self.where, self.field


def find(method: str, path: str) -> Operation:
    """Return the operation that an engine's template is of; UNKNOWN if the catalog has none."""
    return find_operation(method, re.sub(r"\{[^}]*\}", "x", path))


def read_routes(folder: Path = FACTS) -> list[Route]:
    """Return the operations that were compared last."""
    return [Route(**row) for row in _read(folder / OPERATIONS)]


def read_names(folder: Path = FACTS) -> list[Name]:
    """Return the names that were compared last."""
    return [Name(**row) for row in _read(folder / FIELDS)]


def keep(routes: Iterable[Route], names: Iterable[Name], folder: Path = FACTS) -> None:
    """Add to what is kept what is not there."""
    all_routes = {each.key: each for each in (*routes, *read_routes(folder))}
    all_names = {each.key: each for each in (*names, *read_names(folder))}
    _write(folder / OPERATIONS, ("engine", "method", "path", "first"), all_routes.values())
    _write(folder / FIELDS, ("operation", "where", "field", "first"), all_names.values())


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[Route] | Iterable[Name]) -> None:
    lines = ["\t".join(str(getattr(row, column)) for column in columns) for row in sorted(rows)]
    path.write_text("\n".join(["\t".join(columns), *lines, ""]), encoding="utf-8")
