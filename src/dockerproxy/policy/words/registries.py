"""What is sent to registries, images and credentials, and what comes from them.

Attack: send to one's own server, by a name that begins with it -> Defence: the name must be granted.
Attack: no tag, by which every image of that name is sent -> Defence: refused, as `images` is about one.
Attack: Docker Hub's name before an `@` and another host, or without the scheme -> Defence: the whole address must fit.
Attack: get contents of `localhost` by a name without its registry, in Podman -> Defence: it goes on with the registry.
Attack: have Podman read an image from a file of the host, by a transport in place of a registry, or `dir` with the tag
`/srv` -> Defence: no such name goes on, and `dir` with the registry (test: test_no_image_is_pulled_from_a_file).
"""

import re
from typing import Final

from dockerproxy.policy.amounts import HOST
from dockerproxy.policy.claim import Claim, Object, Reading
from dockerproxy.policy.objects import find_reference, name_in
from dockerproxy.policy.references import TRANSPORTS, parse_reference
from dockerproxy.policy.words.images import complete
from dockerproxy.policy.words.parameters import has_host, read_pull
from dockerproxy.text import lower
from dockerproxy.wire.document import Json

_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""Docker Hub, which engines ask where nobody names a server."""

_SERVER: Final = re.compile(rf"(?:https?://)?({HOST})(?:/(?:v[12]/?)?)?")


def check_pushed(reading: Reading, _value: Json, _path: str, _parent: Object) -> None:
    """An image is sent only if the grant lists it."""
    sent = find_reference(reading.request)
    if sent is not None:
        says = "an image that no rule allows to push"
        reading.claim("images", sent, "the image", sent.names[0], says, without=False)
    else:
        name = name_in(reading.request.path, reading.request.operation)
        says = "not allowed: without a tag, every image of that name would be pushed"
        reading.claim("images", None, "the image", name, says, without=False)


def check_pulled(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """An image is pulled by its name with the registry, if the grant lists images."""
    if not isinstance(value, str):
        return None
    pull, reference = read_pull(reading.request), parse_reference(value)
    whole = complete(value, reference)
    if value and reference is None:
        reading.violate(path, value, "not a valid image reference")
    target = path if whole != value else ""
    options = ((pull, whole),) if pull is not None else ()
    reading.claims.append(Claim(("images",), options, path, value, "which no rule allows", target=target))
    return whole if f"{value}:".startswith(TRANSPORTS) else None


def check_server(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Credentials are sent to Docker Hub; the engine would tell what any other server answers."""
    found = _SERVER.fullmatch(value) if isinstance(value, str) else None
    if value and (found is None or lower(found[1]) not in _HUB):
        reading.violate(path, value, "not allowed: credentials are only sent to Docker Hub")


def check_term(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A search asks the registry for which the engine is configured."""
    _check_host(reading, value, path, namespaces=False)


def check_plugin(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A plugin is looked up in the registry for which the engine is configured."""
    _check_host(reading, value, path, namespaces=True)


def _check_host(reading: Reading, value: Json, path: str, *, namespaces: bool) -> None:
    if has_host(str(value), namespaces=namespaces):
        reading.violate(path, value, "not allowed: it may name a registry to connect to")
