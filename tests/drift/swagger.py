"""Read what Docker's description of its API, a `swagger.yaml`, says that there is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from drift.facts import Name, Route, find

from dockerproxy.api.catalog import UNKNOWN

_DEEPEST: Final = 12
"""Objects within each other: one that may hold itself ends there."""


def read_swagger(path: Path) -> tuple[list[Route], list[Name]]:
    """Read a description, or all in a folder, the oldest first: what is in several counts for the first of them.

    Args:
        path: A file, or a folder of them.
    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    documents = [yaml.load(file.read_text(), yaml.CSafeLoader) for file in files]
    routes: dict[tuple[str, str], Route] = {}
    names: dict[tuple[str, str, str], Name] = {}
    for document in sorted(filter(_is_described, documents), key=_version_of):
        described = _Description(document)
        for route in described.routes():
            routes.setdefault((route.method, route.path), route)
        for name in described.names():
            names.setdefault(name.key, name)
    return list(routes.values()), list(names.values())


def _is_described(document: Any) -> bool:
    return isinstance(document, dict) and "paths" in document


def _version_of(document: Any) -> tuple[int, ...]:
    return tuple(map(int, str(document["info"]["version"]).split(".")))


class _Description:
    """One description."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._first = str(document["info"]["version"])

    def routes(self) -> Iterator[Route]:
        """List the operations."""
        for path, methods in self._document["paths"].items():
            for method in methods.keys() - {"parameters"}:
                yield Route(engine="docker", method=method.upper(), path=path, first=self._first)

    def names(self) -> Iterator[Name]:
        """List what those operations read that the catalog knows."""
        for path, methods in self._document["paths"].items():
            for method in methods.keys() - {"parameters"}:
                operation = find(method.upper(), path)
                for each in (*methods.get("parameters", ()), *methods[method].get("parameters", ())):
                    parameter = self._resolve(each)
                    if operation is not UNKNOWN:
                        yield from self._read(operation.name, parameter)

    def _read(self, operation: str, parameter: Any) -> Iterator[Name]:
        where = parameter["in"]
        if where in {"query", "header"}:
            yield Name(operation=operation, where=where, field=parameter["name"], first=self._first)
        elif where == "body":
            for field in filter(None, self._fields(parameter.get("schema", {}), "", 0)):
                yield Name(operation=operation, where="body", field=field, first=self._first)

    def _fields(self, schema: Any, path: str, depth: int) -> Iterator[str]:
        if depth > _DEEPEST:
            return
        schema = self._resolve(schema)
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict):
            yield from self._fields(inner, f"{path}.*" if path else "*", depth + 1)
        elif "items" in schema:
            yield from self._fields(schema["items"], f"{path}[]", depth + 1)
        elif "properties" in schema or "allOf" in schema:
            for part in schema.get("allOf", ()):
                yield from self._fields(part, path, depth + 1)
            for name, below in schema.get("properties", {}).items():
                yield from self._fields(below, f"{path}.{name}" if path else name, depth + 1)
        else:
            yield path

    def _resolve(self, schema: Any) -> Any:
        while "$ref" in schema:
            kind, name = schema["$ref"].removeprefix("#/").split("/")
            schema = self._document[kind][name]
        return schema
