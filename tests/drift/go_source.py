"""Read declarations in Go as gofmt writes them: functions, types, and which fields a type has in JSON.

This is no parser. Where it misses something, the list of what was compared last shows it gone or never there; what it
finds is a name, which a person looks at.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"^type \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
_IMPORT: Final = re.compile(r'^(?:import )?\t?(?:(\w+) )?"([\w./@~-]+)"$', re.MULTILINE)
_FIELD: Final = re.compile(r"^\t([A-Z]\w*(?:, [A-Z]\w*)*) +([^`\n/]+?) *(?:`([^`]*)`)?(?: *//.*)?$")
_EMBEDDED: Final = re.compile(r"^\t\*?((?:\w+\.)?[A-Z]\w*) *(?:`([^`]*)`)?(?: *//.*)?$")
_LISTED: Final = re.compile(r"(\[\d*\]|map\[[^\]]*\])(.*)", re.DOTALL)
_STRUCT: Final = re.compile(r"type \w+ struct \{")
_RENAMED: Final = re.compile(r"^type \w+(?: =)? ")
_JSON: Final = re.compile(r'json:"([^",]*)')
_MODULE: Final = re.compile(r"^module (\S+)", re.MULTILINE)

_USED: Final = re.compile(r"(?<![.\w])(?:\w\w?\.|(\w+)\.)?(\w+)(?=[({])")
"""A function or type that is used; behind a receiver, which has a name of a letter or two, one of the same package."""

_DEEPEST: Final = 10
"""Types within each other: one that may hold itself ends there."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A function or type.

    Attributes:
        text: All of it.
        imports: What its file calls other packages, with their folders.
        folder: Where its package is.
    """

    text: str
    imports: dict[str, Path]
    folder: Path


class GoSource:
    """A module with what it vendors."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._module = _MODULE.findall((root / "go.mod").read_text())[0]
        self._package = cache(self._read_package)

    def declaration(self, folder: Path, name: str) -> Declaration | None:
        """Return what a package calls by a name."""
        return self._package(folder).get(name)

    def json_fields(self, folder: Path, name: str) -> Iterator[str]:
        """List the fields of a type in JSON, by their paths."""
        declared = self.declaration(folder, name)
        return self._read(declared, name, "", 0) if declared is not None else iter(())

    def find_in(
        self, folder: Path, name: str, inside: Path, patterns: Iterable[tuple[str, re.Pattern[str]]]
    ) -> set[tuple[str, str]]:
        """Search a function, and what it uses of the packages in a folder.

        Args:
            folder: Of the function's package.
            name: What it is called.
            inside: The folder.
            patterns: What to search for, each with a word that is put before what it finds.
        """
        waiting = [self.declaration(folder, name)]
        seen: list[Declaration] = []
        while waiting:
            declared = waiting.pop()
            if declared is not None and declared not in seen and declared.folder.is_relative_to(inside):
                seen.append(declared)
                used = set(_USED.findall(declared.text))
                waiting += [self.resolve(declared, f"{package}.{each}" if package else each) for package, each in used]
        return {(word, found) for each in seen for word, pattern in patterns for found in pattern.findall(each.text)}

    def resolve(self, declared: Declaration, name: str) -> Declaration | None:
        """Return what a declaration means by `name` or `package.name`."""
        package, _, last = name.rpartition(".")
        folder = declared.imports.get(package) if package else declared.folder
        return self.declaration(folder, last) if folder is not None else None

    def _read(self, around: Declaration, written: str, path: str, depth: int) -> Iterator[str]:
        """List the fields of a type as it is written in a declaration, like `[]*package.Name`."""
        written = written.strip().lstrip("*")
        listed = _LISTED.fullmatch(written)
        declared = self.resolve(around, written)
        if depth > _DEEPEST or written == "[]byte":
            yield path
        elif listed is not None:
            yield from self._read(around, listed[2], path + ("[]" if listed[1][0] == "[" else ".*"), depth + 1)
        elif declared is None or not declared.text.startswith("type "):
            yield path
        elif _STRUCT.match(declared.text):
            yield from self._read_struct(declared, path, depth + 1)
        else:
            yield from self._read(declared, _RENAMED.sub("", declared.text.partition("\n")[0]), path, depth + 1)

    def _read_struct(self, declared: Declaration, path: str, depth: int) -> Iterator[str]:
        for line in declared.text.split("\n")[1:]:
            embedded, field = _EMBEDDED.match(line), _FIELD.match(line)
            if embedded is not None and not _JSON.search(embedded[2] or ""):
                yield from self._read(declared, embedded[1], path, depth)
            elif field is not None:
                tag = _JSON.search(field[3] or "")
                for name in field[1].split(", "):
                    shown = (tag and tag[1]) or name
                    if shown != "-":
                        yield from self._read(declared, field[2], f"{path}.{shown}".lstrip("."), depth)

    def _read_package(self, folder: Path) -> dict[str, Declaration]:
        """Read all that a folder declares."""
        found: dict[str, Declaration] = {}
        for file in sorted(folder.glob("*.go")):
            if file.name.endswith("_test.go"):
                continue
            text = file.read_text()
            imports = {name or _name_of(path): self._folder_of(path) for name, path in _IMPORT.findall(text)}
            for declared in _split(text):
                name = re.match(r"(?:func|type) (?:\([^)]*\) )?(\w+)", declared)
                if name is not None:
                    found.setdefault(name[1], Declaration(declared, imports, folder))
        return found

    def _folder_of(self, path: str) -> Path:
        inner = path.removeprefix(self._module)
        return self._root / inner.lstrip("/") if inner != path else self._root / "vendor" / path


def plain(path: str) -> str:
    """Return a template of a route without patterns for its names."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)


def _name_of(path: str) -> str:
    """Return what a package is called if the import does not say."""
    *_, before, last = ["", *path.split("/")]
    return before if re.fullmatch(r"v\d+", last) else re.sub(r"^go-|-go$", "", last).rpartition(".")[2]


def _open(start: re.Match[str]) -> str:
    """Write a line of a block of types as if it stood alone."""
    return f"type {start[1]}" if start[1] else ""


def _split(text: str) -> Iterator[str]:
    """List the declarations of a file: each begins at the margin, and ends before the next."""
    text = _BLOCK.sub(lambda block: re.sub(r"^\t(\w)?", _open, block[1], flags=re.MULTILINE), text)
    pieces = re.split(r"^(?=(?:func|type|var|const|import|//) ?)", text, flags=re.MULTILINE)
    yield from (piece for piece in pieces if piece.startswith(("func ", "type ")))
