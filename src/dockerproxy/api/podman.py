"""Rules that differ for Podman. The tables of the libpod API are in `api/libpod.txt`.

Both engines serve Docker's API, and most requests mean the same to both. Differences of a single field are in its table
or the check of its word.

Attacks: docs/attacks.md, api/podman.
"""

from dockerproxy.api.catalog import Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.text import lower


def is_libpod(operation: Operation) -> bool:
    """Whether an operation belongs to Podman's own API."""
    return operation.section.startswith("libpod/")


def say_absent(operation: Operation, kind: str, name: str) -> str:
    """Return the engine's message that an object does not exist. Podman's client looks for `no such`."""
    return f"{'no' if is_libpod(operation) else 'No'} such {kind}: {name}"


def takes_none(request: CanonicalRequest) -> bool:
    """Whether a removal succeeds if the container is missing, as with `podman rm --force`."""
    return request.operation.name == "ContainerDeleteLibpod" and request.values("ignore") == ("true",)


def begins_as(name: str, given: str) -> bool:
    """Whether Podman may resolve `given` to the volume `name`, if no volume has exactly that name.

    Podman uses SQLite's LIKE with a prefix. It ignores ASCII case, and `_` matches any character. Docker matches exact
    names.
    """
    pairs = zip(lower(given), lower(name), strict=False)
    return len(given) <= len(name) and all(ours in {"_", own} for ours, own in pairs)


def plain_id(identity: str) -> str:
    """Return an ID without its algorithm, as Podman writes it."""
    return identity.removeprefix("sha256:")
