"""Rules that differ for Podman. The tables of the libpod API are in `api/libpod.txt`.

Both engines serve Docker's API, and most requests mean the same to them. Where a single field differs, its table or the
check of its word says so.

Attacks: docs/attacks.md, api/podman.
"""

from dockerproxy.api.catalog import Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.text import lower


def is_libpod(operation: Operation) -> bool:
    """Whether an operation is one of Podman's own API."""
    return operation.section.startswith("libpod/")


def say_absent(operation: Operation, kind: str, name: str) -> str:
    """Say that an object does not exist, as the engine does: Podman's client looks for `no such`."""
    return f"{'no' if is_libpod(operation) else 'No'} such {kind}: {name}"


def takes_none(request: CanonicalRequest) -> bool:
    """Whether a removal succeeds without a container, as `podman rm --force` asks."""
    return request.operation.name == "ContainerDeleteLibpod" and request.values("ignore") == ("true",)


def begins_as(name: str, given: str) -> bool:
    """Whether Podman may take a volume for the one that is given, if none has that very name: the one that begins so.

    It asks SQLite by LIKE, which ignores the case of ASCII, and reads `_` as any character. Docker takes exact names.
    """
    pairs = zip(lower(given), lower(name), strict=False)
    return len(given) <= len(name) and all(ours in {"_", own} for ours, own in pairs)


def plain_id(identity: str) -> str:
    """Return an ID without the name of its algorithm, which Podman leaves out."""
    return identity.removeprefix("sha256:")
