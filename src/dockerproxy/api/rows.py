"""Tables: text files of this package, which are read once, at import, as its modules are.

A row has columns of words, and behind a bar a phrase for operators. Blank lines, and those that begin with `# `, are
for whoever reads the file.
"""

from typing import Final

_HERE: Final = __file__.rpartition("/")[0]


def read_table(name: str) -> str:
    """Return the text of a table."""
    with open(f"{_HERE}/{name}.txt", encoding="utf-8") as file:
        return file.read()


def list_rows(table: str) -> list[str]:
    """Return the lines of a table that say something."""
    return [line for line in table.split("\n") if line[:2] not in {"", "#", "# "}]


def split_row(row: str, columns: int) -> list[str]:
    """Take a row apart. A ValueError says that it has fewer columns or more, or no phrase behind them."""
    words, _, phrase = row.partition(" | ")
    cells = [*words.split(), phrase]
    if len(cells) != columns or not phrase:
        raise ValueError(row)
    return cells


def read_rows(name: str, columns: int) -> list[list[str]]:
    """Return the rows of a table, taken apart."""
    return [split_row(row, columns) for row in list_rows(read_table(name))]
