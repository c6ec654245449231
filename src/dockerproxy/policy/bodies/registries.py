"""What is sent to registries, images and credentials, and what comes from them.

How one would send contents or questions to a server of one's own, and what stops it: a name that begins with it (the
name must be granted, and has no default); no tag, by which every image of that name is sent (`images` is about one);
Docker Hub's name in front of an `@`, behind which another host stands, or without the scheme (the whole address must
fit). How one would be sent contents by another server than is granted: by a name without its registry, for which Podman
asks one of `localhost` if it has an image of such a name (it goes on with the registry).
"""

import re
from typing import Final

from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import complete, items
from dockerproxy.policy.objects import Found, find_object, name_in
from dockerproxy.policy.references import parse_reference
from dockerproxy.text import lower
from dockerproxy.wire.document import Json

_HOST: Final = r"[A-Za-z0-9.-]+(?::[0-9]+)?"
_SERVER: Final = re.compile(rf"(?:https?://)?({_HOST})(?:/(?:v[12]/?)?)?")
_BY_ITSELF: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
"""Docker Hub, which engines ask where nobody names a server."""


def check_pushed(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image is sent only if the grant lists it."""
    del around, path
    if "images" in seen.bounds:
        return value
    named = find_object(seen.request)
    if isinstance(named, Found):
        seen.fault("the image", named.names[0], "and sending it to a registry is not granted", "images", named.names)
    else:
        name = name_in(seen.request.path, seen.request.operation)
        seen.fault("the image", name, "and without a tag every image of that name would be sent to a registry")
    return value


def check_pulled(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image is pulled by its name with the registry, if the grant says from where."""
    del around, path
    if "from" not in seen.bounds or not isinstance(value, str):
        return value
    return complete(value, parse_reference(value))


def check_server(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Credentials are sent to a server that is granted; to Docker Hub, if the grant does not say."""
    del around
    text = value if isinstance(value, str) else ""
    found = _SERVER.fullmatch(text)
    if text and found is None:
        seen.fault(path, value, "which is no address of a registry")
        return value
    server = lower(found[1]) if found is not None else _BY_ITSELF[0]
    granted = items(seen.bounds.get("servers")) or _BY_ITSELF
    if not any(server == item or {server, item} <= set(_BY_ITSELF) for item in map(lower, granted)):
        seen.fault(path, value, "and sending credentials there is not granted", "servers", (server,))
    return value


def is_server(text: str) -> bool:
    """Whether a text is a host, with or without a port."""
    return re.fullmatch(_HOST, text) is not None
