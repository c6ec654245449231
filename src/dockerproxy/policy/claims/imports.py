"""Images that are imported.

Attack: an address in place of the archive, which the engine fetches -> Defence: only `-`, the body, is imported.
Attack: an import without a name, of which the grant says nothing -> Defence: it must have one that `tags` lists.
Attack: an image that is pulled and imported at once, which engines read in two ways -> Defence: refused.
Attack: an instruction that acts in later builds, or a label that Podman acts upon, hidden behind the end of a line, a
sign that joins two lines, or Podman's `=` -> Defence: only harmless lines, each by itself.
"""

import re
from typing import Final

from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.claims.labels import find_in_instruction
from dockerproxy.text import trim, upper
from dockerproxy.wire.document import Json, list_of

_INSTRUCTION: Final = re.compile(r"[ \t]*([A-Za-z]+)(?:[ \t=](.*))?")
_HARMLESS: Final = frozenset(
    {"CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
"""What they say of an image is judged where a container is made of it. ONBUILD runs in the builds of others."""

_BLANKS: Final = " \t\r"
_JOINS: Final = ("\\", "`")
"""At the end of a line they may make it go on in the next, which then is no instruction of its own."""


def check_source(reading: Reading, value: Json, path: str, parent: Object) -> None:
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


def _first(parent: Object, name: str) -> str:
    values = list_of(parent.get(name))
    return str(values[0]) if values else ""


def check_instructions(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each line is an instruction that only says something of the image."""
    for change in list_of(value):
        for line in str(change).split("\n"):
            found, text = _INSTRUCTION.fullmatch(line.removesuffix("\r")), trim(line, _BLANKS)
            harmless = found is not None and upper(found[1]) in _HARMLESS and not text.endswith(_JOINS)
            if text and not harmless:
                reading.violate(path, line, "not known to be harmless")
            elif found is not None and upper(found[1]) == "LABEL" and (says := find_in_instruction(found[2] or "")):
                reading.violate(path, line, f"which {says}")
