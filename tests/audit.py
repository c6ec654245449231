"""List the files that decide what passes, in three parts, in the order in which to read them: `make audit`.

The data path is what the proxy imports to serve a client: the import closures of `proxy/client` and of `tenancy/own`,
which a policy brings along, and the tables that they read. A line counts if it has code: comments and docstrings are
free, and rows of tables are data.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
SOURCE: Final = TESTS.parent / "src"
DOCS: Final = TESTS.parent / "docs"
STARTS: Final = ("dockerproxy.proxy.client", "dockerproxy.tenancy.own")
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "decide what passes": ("text", "errors", "owner_labels", "api", "wire", "policy", "settings", "observe", "proxy"),
    "are plans, ownership and parts of answers": ("response_filters", "plans", "tenancy"),
    "read builds": ("builds",),
}
"""Packages of each part, from the ground up: each knows those in front of it, and some of the other parts."""

TABLES: Final = (*SOURCE.rglob("api/**/*.txt"), *SOURCE.rglob("builds/*.txt"))
_ROW: Final = re.compile(r"(?!# ).+ \| .+")
"""A line of a table: columns, and a phrase behind a bar."""

_NOT_CODE: Final = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def find_closure(*starts: str) -> frozenset[str]:
    """Return all modules of ours that some modules import, and those that these import; of the data path if of none."""
    found: set[str] = set()
    left = [*(starts or STARTS)]
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


def count_parts() -> Mapping[str, int]:
    """Return how many lines of code each part has."""
    sizes = dict.fromkeys(PARTS, 0)
    for path in map(file_of, find_closure()):
        sizes[part_of(path)] += count_lines(path)
    return sizes


def part_of(path: Path) -> str:
    """Return the part that a file belongs to: what is in no package has none of its own."""
    return next((part for part, packages in PARTS.items() if _package_of(path) in packages), next(iter(PARTS)))


def count_folder(folder: Path) -> int:
    """Return how many lines of code a folder has."""
    return sum(map(count_lines, folder.rglob("*.py")))


def count_lines(path: Path) -> int:
    """Return how many lines have a token that is neither a comment nor a docstring."""
    text = path.read_text()
    docstrings = {
        (node.lineno, node.col_offset)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = (token for token in tokens if token.type not in _NOT_CODE and token.start not in docstrings)
    return len({line for token in code for line in range(token.start[0], token.end[0] + 1)})


def count_words() -> int:
    """Return how many words the pages of the documentation have, without those of the bodies, and of attacks."""
    return sum(len(path.read_text().split()) for path in DOCS.glob("*.md") if path.name != "attacks.md")


def _count_rows(path: Path) -> int:
    return sum(_ROW.fullmatch(line) is not None for line in path.read_text().splitlines())


def _package_of(path: Path) -> str:
    return path.relative_to(SOURCE / "dockerproxy").parts[0].removesuffix(".py")


def _rank(path: Path) -> tuple[int, Path]:
    packages, package = PARTS[part_of(path)], _package_of(path)
    return (packages.index(package) if package in packages else -1), path


def main() -> None:
    """Print the list."""
    paths = sorted((*map(file_of, find_closure()), *TABLES), key=_rank)
    for part, lines in count_parts().items():
        for path in paths:
            if part_of(path) == part:
                size = f"{_count_rows(path):>6} rows " if path in TABLES else f"{count_lines(path):>6} lines"
                print(f"{size}  {path.relative_to(SOURCE / 'dockerproxy')}")
        print(f"{lines:>6} lines {part}\n")
    print(f"{count_folder(SOURCE):>6} lines are all of the source, and {count_folder(TESTS)} test it")
    print(f"{count_words():>6} words document it")


if __name__ == "__main__":
    main()
