"""Which media types the body of an operation may have.

What is not listed is refused: an engine may read a body as something that nobody judged. Docker reads parameters from a
form, also from one behind the first bytes of a build context, and they count for more than those of the query.

The types are those that clients send: the Docker command line and its library in Go (`text/plain` for whatever is not
JSON and has no type), docker-py, docker-java (`application/tar`), dockerode (which repeats the query as JSON in the
body of each POST), Podman's own client and `curl --data-binary` with a header. Most send none for an archive.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.catalog import Operation

_JSON: Final = ("application/json",)
_BYTES: Final = ("application/octet-stream", "text/plain")
_TAR: Final = ("application/x-tar", "application/tar", "application/gzip", "application/x-gzip")
_YAML: Final = ("application/yaml", "application/x-yaml", "application/text")

_BY_BODY: Final[Mapping[str, tuple[str, ...]]] = {
    "-": (*_JSON, *_BYTES),
    "json": _JSON,
    "tar": (*_TAR, *_BYTES, *_JSON),
    "raw": (*_BYTES, *_TAR, *_YAML, *_JSON),
    "any": (*_JSON, *_BYTES),
}
"""By what the catalog says of the body; the first is the one to send."""

_BESIDES: Final = frozenset({"ImageBuildLibpod", "ManifestModifyLibpod", "QuadletInstallLibpod"})
"""Operations to which Podman's own client sends several files at once. Podman takes no parameters from these."""


def find_media_types(operation: Operation) -> tuple[str, ...]:
    """Return the names of all media types that a body may have.

    Args:
        operation: None if the catalog does not know it: it passes only where nothing is refused.
    """
    known = _BY_BODY[operation.body]
    return (*known, "multipart/form-data") if operation.name in _BESIDES else known
