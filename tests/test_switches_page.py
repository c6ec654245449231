"""Tables of docs/switches.md are written from the code: variables that open single operations, and Podman's sections.

    python tests/test_switches_page.py

writes them.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dockerproxy.config.switches import ACTION_SWITCHES, SECTION_SWITCHES, SWITCHES

PAGE: Final = Path(__file__).parent.parent / "docs" / "switches.md"
TABLES: Final = re.compile(r"(<!-- (\w+): written by .+ -->\n)(.*?)(<!-- end of \2 -->\n)", re.DOTALL)


def render_table(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"| `{switch}` | {SWITCHES[switch]:d} | {opens} |\n" for switch, opens in rows)
    return f"\n| variable | default | opens |\n|---|---|---|\n{body}\n"


def render_page() -> str:
    """Return the page with its tables as they should be."""
    actions = [(switch, ", ".join(f"`{name}`" for name in opens)) for switch, opens in ACTION_SWITCHES.items()]
    tables = {
        "actions": render_table(row for row in actions if not row[0].startswith("LIBPOD_")),
        "libpod_actions": render_table(row for row in actions if row[0].startswith("LIBPOD_")),
        "libpod_sections": render_table(
            (switch, f"`/{section}`") for switch, section in SECTION_SWITCHES.items() if section.startswith("libpod/")
        ),
    }
    return TABLES.sub(lambda match: match[1] + tables[match[2]] + match[4], PAGE.read_text())


def test_the_tables_of_switches_are_those_of_the_code() -> None:
    assert TABLES.search(PAGE.read_text())
    assert PAGE.read_text() == render_page(), "write it anew: python tests/test_switches_page.py"


if __name__ == "__main__":
    PAGE.write_text(render_page())
