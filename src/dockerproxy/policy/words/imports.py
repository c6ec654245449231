"""Images that are imported.

The archive passes unread: it becomes the root file system of an image that is called as the grant says, and no image
can do more than what a container of it is allowed.

Attack: an address in place of the archive, which the engine fetches -> Defence: only `-`, the body, is imported.
Attack: an import without a name, of which the grant says nothing -> Defence: it must have one that `tags` lists.
Attack: an image that is pulled and imported at once, which engines read in two ways -> Defence: refused.
Attack: an instruction that acts in later builds, or a label that Podman acts upon -> Defence: an import has no changes.
"""

from dockerproxy.policy.claim import Object, Reading
from dockerproxy.wire.document import Json, list_of


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
