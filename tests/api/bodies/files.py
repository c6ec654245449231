"""The tables of operations, by the file that has them."""

import re

from dockerproxy.api.bodies.tables import BODIES, Body
from dockerproxy.api.rows import read_table


def tables_in(file: str) -> dict[str, Body]:
    names: list[str] = re.findall(r"^== (\w+): ", read_table(f"bodies/{file}"), re.MULTILINE)
    return {name: BODIES[name] for name in names}
