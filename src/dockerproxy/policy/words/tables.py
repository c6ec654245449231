"""The table of each operation whose request says more than its path: what engines know, with what constraints add."""

from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.api.bodies.fields import ALWAYS, Field
from dockerproxy.api.bodies.tables import LINES, Body, make_body
from dockerproxy.policy.words.registry import READS

_OWN: Final = {(name, each.path): each for name, (_, fields) in LINES.items() for each in fields}

OVERLAID: Final[Mapping[str, tuple[tuple[str, str], Field]]] = {
    f"{operation}:{path}": ((operation, path), _OWN[operation, path]) for operation, path in READS if operation in LINES
}
"""What a line says that constraints read: the name of a check. With its place, and the line as it is by itself."""


def _add_reads(operation: str, fields: tuple[Field, ...]) -> Iterator[Field]:
    """Have the constraints that speak of a field read it."""
    for each in fields:
        reads = READS.get((operation, each.path), ())
        always = each.rule.endswith(ALWAYS) or any(read.always for read in reads)
        yield each._replace(rule=f"{operation}:{each.path}{ALWAYS if always else ''}") if reads else each


BODIES: Final[Mapping[str, Body]] = {
    name: make_body(name, content, tuple(_add_reads(name, fields))) for name, (content, fields) in LINES.items()
}
"""By operation. What is granted of these without `unrestricted` is contained: within what their tables let pass."""
