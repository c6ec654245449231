"""Tables of docs/switches.md are written from the code: what each variable opens and exposes, and the limits.

    python tests/test_switches_page.py

writes them.
"""

from collections.abc import Iterable
from itertools import filterfalse
from pathlib import Path
from typing import Final

from parts import fill_in, write_code, write_table
from test_presets import find_words

from dockerproxy.config.environment import read_environment
from dockerproxy.config.switches import ACTION_SWITCHES, PART_SWITCHES, SECTION_SWITCHES, SWITCHES
from dockerproxy.config.values import LIMITS, Measure
from dockerproxy.settings import DEFAULTS
from dockerproxy.workbench.exposure import find_exposures

PAGE: Final = Path(__file__).parent.parent / "docs" / "switches.md"


POST: Final = ("`POST`", f"{SWITCHES['POST']:d}", "-", "opens the writes of open sections")


def is_libpod(switch: str) -> bool:
    return switch.startswith("LIBPOD_")


def find_exposed(*switches: str) -> list[str]:
    """Return what these switches alone expose, in words of the page of presets."""
    environment = {**dict.fromkeys(SECTION_SWITCHES, "0"), **dict.fromkeys(switches, "1")}
    policy = read_environment(environment).settings.sockets[0].policy
    words = find_words()
    return [words[exposure.says] for exposure in find_exposures(policy)]


def render_sections(switches: Iterable[str], *first: Iterable[str]) -> str:
    rows = [*first]
    for switch in switches:
        reads = find_exposed(switch)
        writes = [each for each in find_exposed(switch, "POST") if each not in reads]
        name = f"[`{switch}`](operations.md#{SECTION_SWITCHES[switch].replace('/', '')})"
        rows.append((name, f"{SWITCHES[switch]:d}", ", ".join(reads) or "-", ", ".join(writes) or "-"))
    return write_table("variable | default | exposes | with `POST=1` also", rows)


def render_actions(switches: Iterable[str]) -> str:
    rows = ((f"`{switch}`", f"{SWITCHES[switch]:d}", write_code(ACTION_SWITCHES[switch])) for switch in switches)
    return write_table("variable | default | opens", rows)


def render_parts() -> str:
    rows = ((f"`{switch}`", f"{SWITCHES[switch]:d}", write_code(names)) for switch, names in PART_SWITCHES.items())
    return write_table("variable | default | 0 removes", rows)


def render_limits() -> str:
    values = ((limit, limit.write(DEFAULTS).removesuffix("s")) for limit in LIMITS)
    unit = {Measure.SECONDS: "seconds "}
    rows = ((f"`{limit.variable}`", value, unit.get(limit.measure, "") + limit.says) for limit, value in values)
    return write_table("variable | default | limits", rows)


def render_page() -> str:
    """Return the page with its tables as they should be."""
    return fill_in(
        PAGE,
        {
            "sections": render_sections(filterfalse(is_libpod, SECTION_SWITCHES), POST),
            "libpod_sections": render_sections(filter(is_libpod, SECTION_SWITCHES)),
            "actions": render_actions(filterfalse(is_libpod, ACTION_SWITCHES)),
            "libpod_actions": render_actions(filter(is_libpod, ACTION_SWITCHES)),
            "parts": render_parts(),
            "limits": render_limits(),
        },
    )


def test_the_tables_of_switches_are_those_of_the_code() -> None:
    assert PAGE.read_text() == render_page(), "write it anew: python tests/test_switches_page.py"


if __name__ == "__main__":
    PAGE.write_text(render_page())
