"""Tables: text files beside modules. Like modules, they are read once, at import.

A row has columns of words, then a bar and a phrase for operators. Blank lines and
comments with `# ` are skipped.
"""


def read_table(name: str, beside: str = __file__) -> str:
    """Return the text of a table in the folder of a module, this one by default."""
    with open(f"{beside.rpartition('/')[0]}/{name}.txt", encoding="utf-8") as file:
        return file.read()


def read_tables(name: str, beside: str = __file__) -> dict[str, list[str]]:
    """Return the rows of each table in a file, by the name after `== `."""
    parts = (part.partition("\n") for part in read_table(name, beside).split("\n== ")[1:])
    return {title: list_rows(rows) for title, _, rows in parts}


def list_rows(table: str) -> list[str]:
    """Return the lines of a table without blank lines and comments."""
    return [line for line in table.split("\n") if line[:2] not in {"", "#", "# "}]


def split_row(row: str, columns: int) -> list[str]:
    """Split a row. A ValueError means that the number of columns is wrong, or the phrase is missing."""
    words, _, phrase = row.partition(" | ")
    cells = [*words.split(), phrase]
    if len(cells) != columns or not phrase:
        raise ValueError(row)
    return cells


def read_rows(name: str, columns: int) -> list[list[str]]:
    """Return the split rows of a table."""
    return [split_row(row, columns) for row in list_rows(read_table(name))]
