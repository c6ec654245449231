"""Tables: text files beside modules, which are read once, at import, as the modules are.

A row has columns of words, and behind a bar a phrase for operators. Blank lines, and those that begin with `# `, are
for whoever reads the file.
"""


def read_table(name: str, beside: str = __file__) -> str:
    """Return the text of a table in the folder of a module, this one by default."""
    with open(f"{beside.rpartition('/')[0]}/{name}.txt", encoding="utf-8") as file:
        return file.read()


def read_tables(name: str, beside: str = __file__) -> dict[str, list[str]]:
    """Return the rows of each table of a file, by the name behind `== ` above them."""
    parts = (part.partition("\n") for part in read_table(name, beside).split("\n== ")[1:])
    return {title: list_rows(rows) for title, _, rows in parts}


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
