"""Images that are made: imported, or committed from a container.

How one would make more than an image, and what stops it: an address in place of the archive, which the engine would
fetch from wherever it can reach (only `-`, the body, is imported); an import without a name, of which the grant says
nothing (it must have one, which its `tags` list); an image that is pulled and imported at once, which engines read in
two ways; a line of a Dockerfile that makes later builds run commands, or gives a label upon which Podman acts, hidden
behind the end of another line, behind a sign that joins two lines, or behind Podman's `=`.
"""

import re
from typing import Final

from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.claims.labels import find_in_instruction
from dockerproxy.text import trim, upper
from dockerproxy.wire.document import Json

_INSTRUCTION: Final = re.compile(r"[ \t]*([A-Za-z]+)(?:[ \t=](.*))?")
_HARMLESS: Final = frozenset(
    {"CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
"""What they say of an image is judged where a container is made of it. ONBUILD runs in the builds of others."""

_BLANKS: Final = " \t\r"
_JOINS: Final = ("\\", "`")
"""At the end of a line they may make it go on in the next, which then is no instruction of its own."""


def check_source(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """An image is pulled; or the body is imported, and gets a name, which is judged by itself."""
    image, name = _first(parent, "fromImage"), _first(parent, "repo")
    if not value and not image:
        reading.violate("?fromImage", None, "is missing")
    elif value and image:
        reading.violate(path, value, "not allowed: an image is either pulled or imported")
    elif value and value != "-":
        reading.violate(path, value, "not allowed: the engine fetches it from wherever it can reach")
    elif value and not name:
        reading.violate("?repo", None, "is missing, but must be a name that a rule allows by tags")
    return value


def _first(parent: Object, name: str) -> str:
    values = parent.get(name)
    return str(values[0]) if isinstance(values, list) else ""


def check_instructions(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each line is an instruction that only says something of the image."""
    for change in value if isinstance(value, list) else ():
        for line in str(change).split("\n"):
            found, text = _INSTRUCTION.fullmatch(line.removesuffix("\r")), trim(line, _BLANKS)
            harmless = found is not None and upper(found[1]) in _HARMLESS and not text.endswith(_JOINS)
            if text and not harmless:
                reading.violate(path, line, "not known to be harmless")
            elif found is not None and upper(found[1]) == "LABEL" and (says := find_in_instruction(found[2] or "")):
                reading.violate(path, line, f"which {says}")
    return value
