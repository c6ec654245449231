"""Parts of pages that are written from the code, each between two comments that have its name."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from dockerproxy.api.catalog import OPERATIONS

PART: Final = re.compile(r"(<!-- (\w+): written by .+? -->\n).*?(<!-- end of \2 -->\n)", re.DOTALL)


def fill_in(page: Path, parts: Mapping[str, str]) -> str:
    """Return a page with these parts as they should be; others stay."""
    text = page.read_text()
    found = {match[2] for match in PART.finditer(text)}
    assert parts.keys() <= found, f"{page.name} lacks {parts.keys() - found}"
    return PART.sub(lambda match: match[1] + parts[match[2]] + match[3] if match[2] in parts else match[0], text)


def write_table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """Write a table, its head being written like `key | value`."""
    line = "|---" * (head.count("|") + 1)
    return f"\n| {head} |\n{line}|\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows) + "\n"


def write_operations(names: Collection[str]) -> str:
    """Write names of operations, of a section that has nearly all of them by its reads or writes."""
    parts: list[str] = []
    groups: dict[str, list[str]] = {}
    for each in OPERATIONS.values():
        groups.setdefault(f"`{each.section}:{each.access}`", []).append(each.name)
    for group, named in groups.items():
        missing = [name for name in named if name not in names]
        found = [name for name in named if name in names]
        short = f"{group} but {write_code(missing)}" if missing else group
        parts += [short] if len(missing) + 1 < len(found) else map("`{}`".format, found)
    return "; ".join(parts)


def write_code(names: Iterable[str]) -> str:
    """Write names as code, with commas between them."""
    return ", ".join(f"`{name}`" for name in names)
