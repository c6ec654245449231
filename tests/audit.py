"""List the files that decide what passes, in the order in which to read them, with their lines: `make audit`.

The data path is what the proxy imports to serve a client: the import closure of `proxy/client`, and the tables that it
reads. Their rows are data, and are counted by themselves.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[1] / "src"
START: Final = "dockerproxy.proxy.client"
ORDER: Final = ("text", "errors", "api", "wire", "policy", "settings", "observe", "proxy")
"""Packages from the ground up: each knows those in front of it."""

TABLES: Final = tuple(SOURCE.rglob("api/**/*.txt"))
_ROW: Final = re.compile(r"(?!# ).+ \| .+")
"""A line of a table: columns, and a phrase behind a bar."""


def find_closure(start: str = START) -> frozenset[str]:
    """Return all modules of ours that a module imports, and those that they import."""
    found: set[str] = set()
    left = [start]
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left += _list_imports(module)
    return frozenset(found)


def _list_imports(module: str) -> Iterable[str]:
    """Return the modules that one imports, its packages among them; a registry imports all that is beside it."""
    path = file_of(module)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dockerproxy"):
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names if _exists(f"{node.module}.{name.name}"))
    if "pkgutil" in path.read_text():
        package = module.rpartition(".")[0]
        yield from (f"{package}.{each.stem}" for each in path.parent.glob("*.py") if each.stem != "__init__")


def _exists(module: str) -> bool:
    return file_of(module).is_file()


def file_of(module: str) -> Path:
    """Return the file of a module or package."""
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def list_files() -> list[Path]:
    """Return the files of the data path."""
    return [*map(file_of, find_closure()), *TABLES]


def count_lines(path: Path) -> tuple[int, int]:
    """Return how many lines a file has besides rows of tables, and how many rows."""
    lines = path.read_text().splitlines()
    rows = sum(_ROW.fullmatch(line) is not None for line in lines) if path in TABLES else 0
    return len(lines) - rows, rows


def count_closure() -> int:
    """Return how many lines the data path has, besides rows of tables."""
    return sum(count_lines(path)[0] for path in list_files())


def count_source() -> int:
    """Return how many lines all of the source has, with the rows of tables."""
    return sum(len(path.read_text().splitlines()) for path in (*SOURCE.rglob("*.py"), *TABLES))


def _rank(path: Path) -> tuple[int, Path]:
    package = path.relative_to(SOURCE / "dockerproxy").parts[0].removesuffix(".py")
    return (ORDER.index(package) if package in ORDER else -1), path


def main() -> None:
    """Print the list."""
    total = rows = 0
    for path in sorted(list_files(), key=_rank):
        lines, of_table = count_lines(path)
        total, rows = total + lines, rows + of_table
        table = f"  and {of_table} rows" if of_table else ""
        print(f"{lines:>6}  {path.relative_to(SOURCE / 'dockerproxy')}{table}")
    print(f"{total:>6}  lines decide what passes, with {rows} rows of tables; all of the source has {count_source()}")


if __name__ == "__main__":
    main()
