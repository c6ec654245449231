"""The table of each operation whose request says more than its path: what engines know, with what constraints add."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from dockerproxy.api.bodies.fields import FREE, Field
from dockerproxy.api.bodies.tables import LINES, Body, make_body
from dockerproxy.policy.constraints.registry import READS

_OPEN: Final = FREE | {"unset", "absent"}
"""What a line may say of a field that a constraint speaks of: no check looks at it."""


def _add_reads(operation: str, fields: tuple[Field, ...]) -> Iterator[Field]:
    """Have the constraints that speak of a field read it."""
    for each in fields:
        name = next((name for name in (each.path, f"{each.path}!") if (operation, name) in READS), "")
        if name and each.how not in _OPEN:
            raise ValueError(f"{operation} {each.path}")
        yield replace(each, how=how_of(operation, name)) if name else each


def how_of(operation: str, place: str) -> str:
    """Return what a line says that a constraint reads: the name of a check."""
    return f"{operation}:{place}"


BODIES: Final[Mapping[str, Body]] = {
    name: make_body(name, content, tuple(_add_reads(name, fields))) for name, (content, fields) in LINES.items()
}
"""By operation. What is granted of these without `unrestricted` is contained: within what their tables let pass."""
