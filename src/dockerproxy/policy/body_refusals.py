"""Refuse bodies by the head of their request, whatever a policy says.

Attacks: docs/attacks.md, policy/body_refusals.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.catalog import HEALTH, UNKNOWN, Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.api.rows import list_rows, read_table, split_row
from dockerproxy.errors import Refusal
from dockerproxy.text import lower
from dockerproxy.wire.head import Framing, RequestHead

_JSON: Final = "application/json"
_BYTES: Final = ("application/octet-stream", "text/plain")
_TAR: Final = ("application/x-tar", "application/tar", "application/gzip", "application/x-gzip")
_YAML: Final = ("application/yaml", "application/x-yaml", "application/text")

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "-": (_JSON, *_BYTES),
    "json": (_JSON,),
    "tar": (*_TAR, *_BYTES, _JSON),
    "raw": (*_BYTES, *_TAR, *_YAML, _JSON),
    "any": (_JSON, *_BYTES),
}
"""Media types, by what the catalog says of the body; the first is the one to send.

They are those that clients send: the Docker command line and its library in Go (`text/plain` for whatever is not JSON
and has no type), docker-py, docker-java (`application/tar`), dockerode (which repeats the query as JSON in the body of
each POST), Podman's own client and `curl --data-binary` with a header. Most send none for an archive.
"""

_OF_SEVERAL_FILES: Final = frozenset({"ImageBuildLibpod", "ManifestModifyLibpod", "QuadletInstallLibpod"})
"""Operations to which Podman's own client sends several files at once. Podman takes no parameters from these."""

OLD_READINGS: Final = tuple(tuple(split_row(row, 4)) for row in list_rows(read_table("old_bodies")))
"""What engines do only under an old version of the API: operation, version, what it is, and what an engine does."""

_OLD: Final = frozenset(operation for operation, _, kind, _ in OLD_READINGS if kind == "body")

_MOST_OF_NOTHING: Final = 7
"""Bytes of a body that Docker takes for none (`postContainersStart`). `{}` and `null` are shorter."""

_UTF_8: Final = ("charset", "utf-8")
"""Docker takes any parameters, and reads UTF-8 whatever they say. Another type it refuses, Podman does not look."""

_GRPC: Final = "application/grpc"
"""Docker looks whether a type begins so, Podman 6 whether a Content-Type has it anywhere (its `HeadersRegexp` has no
anchors), and then at no path."""

_SHOWN: Final = 60
"""Characters of a type that a message shows."""

_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE"})
"""Methods without a body, except for operations for which the catalog lists one."""


def refuse_body(head: RequestHead, request: CanonicalRequest) -> Refusal | None:
    """Refuse bodies that an engine may read otherwise than the operation says, or not read at all."""
    kind, operation = head.media_type.name, request.operation
    length = None if head.framing is Framing.CHUNKED else head.length
    known = find_media_types(operation)
    if any(_GRPC in lower(text) for text in (kind, *(text for _, text in head.media_type.parameters))):
        reason = "unsupported gRPC request; use the tunnels /grpc and /session"
    elif head.framing is Framing.NONE:
        return None
    elif operation is HEALTH:
        reason = "unsupported body of a health check; remove it"
    elif (operation is UNKNOWN or operation.body == "-") and request.method in _BODILESS:
        reason = f"unsupported body of a {request.method} request; remove it"
    elif operation.name in _OLD and (length is None or length > _MOST_OF_NOTHING):
        reason = f"unsupported body of {operation.name}, from which old engines take settings; remove it"
    elif kind and kind not in known:
        reason = f'unsupported content-type "{kind[:_SHOWN]}"; send "{known[0]}"'
    else:
        return None
    return Refusal(400, reason)


def find_media_types(operation: Operation) -> tuple[str, ...]:
    """Return the names of all media types that a body may have."""
    known = _TYPES[operation.body]
    return (*known, "multipart/form-data") if operation.name in _OF_SEVERAL_FILES else known


def refuse_type(head: RequestHead) -> Refusal | None:
    """Refuse what does not say that it is JSON, or that it is packed."""
    kind = head.media_type
    is_json = kind.name == _JSON and all((name, lower(value)) == _UTF_8 for name, value in kind.parameters)
    if any(name == b"content-encoding" for name, _ in head.fields):
        return Refusal(400, "unsupported content-encoding; send the body unpacked")
    if head.framing is not Framing.NONE and not is_json:
        return Refusal(400, 'missing or unsupported content-type; send "application/json"')
    return None
