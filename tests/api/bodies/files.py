"""The tables of operations, by the file that has them."""

import re

from dockerproxy.api.bodies.fields import Field
from dockerproxy.api.bodies.tables import LINES
from dockerproxy.api.rows import read_table


def tables_in(file: str) -> dict[str, tuple[str, tuple[Field, ...]]]:
    names: list[str] = re.findall(r"^== (\w+): ", read_table(f"bodies/{file}"), re.MULTILINE)
    return {name: LINES[name] for name in names}
