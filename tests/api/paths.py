"""Paths that operations are found by, made of their own templates."""

import re

from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation

EVERY = (*OPERATIONS.values(), HEALTH)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


def path_of(operation: Operation, *, one: str = "web", many: str = "team/app:1") -> str:
    """Fill the template of an operation: `one` for a segment, `many` for a name that has slashes of its own."""
    return re.sub(r"\{[a-z]+\+\}", many, re.sub(r"\{[a-z]+\}", one, operation.path))


def version_of(operation: Operation) -> str:
    """Return the prefix of a version of the API that an operation belongs to."""
    return "/v5.4.2" if operation.section.startswith("libpod/") else "/v1.45"


def fits(template: str, path: str) -> bool:
    """Whether a path is of a template, read segment by segment: the plain meaning of the catalog's notation."""
    return _fit(template.split("/")[1:], path.split("/")[1:])


def _fit(wanted: list[str], segments: list[str]) -> bool:
    if not wanted or not segments:
        return wanted == segments
    first, rest = wanted[0], wanted[1:]
    if first.endswith("+}"):
        return any(_fit(rest, segments[taken:]) for taken in range(1, len(segments) + 1))
    return (first.startswith("{") or first == segments[0]) and _fit(rest, segments[1:])
