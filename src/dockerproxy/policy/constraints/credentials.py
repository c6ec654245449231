"""`credentials`: the registries to which a client's credentials may be sent. Without it any.

They stand in the head of a request, as JSON in base64url. Docker sends those of `X-Registry-Auth` to the registry of
the image, or to `serveraddress` where that is the same. For Podman either field may list registries. A service keeps
its own: an update without any has the nodes send those to the registry of the image that it names
(moby daemon/cluster, UpdateService).

Attack: credentials for another registry in `serveraddress`, or in a list -> Defence: each host that is named is
claimed, and that of the image besides (test: test_credentials_go_only_where_they_may).
Attack: credentials in the field that only the other engine reads -> Defence: both fields are read
(test: test_both_fields_are_read).
Attack: two fields, a key twice or in other capitals, something behind the JSON, which engines read in their own ways
-> Defence: there is one field and one reading, or it is denied (test: test_what_has_no_single_reading_is_denied).
Attack: an image of which it is not certain in which registry it is -> Defence: no credentials go with it (the same).
Attack: an update of a service, without credentials, to an image of another registry, which then gets those that the
service has, whoever gave them -> Defence: the registry must be granted (test: test_a_service_sends_what_it_has).
"""

import base64
import re
from collections.abc import Hashable, Iterator
from typing import Final

from dockerproxy.api.secrets import HIDDEN
from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.servers import Servers
from dockerproxy.policy.objects import name_in
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.values import Value
from dockerproxy.text import fold
from dockerproxy.wire.document import Json, list_of, object_of, read_json, show

_WORD: Final = "credentials"
_PASSWORDS: Final = ("password", "auth", "identitytoken", "registrytoken")
_SECRETS: Final = ("username", *_PASSWORDS)
_IS_BASE64: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}").fullmatch
_NOTHING: Final = frozenset({"", "null"})
"""What clients send that have no credentials; the second is no base64, and both engines take it for none."""


class _UnclearError(Exception):
    """Credentials that have no single reading."""


class _Credentials(Servers):
    may_be_empty = True
    is_learned = False

    def least(self, value: Hashable) -> Value | None:
        return (value,) if isinstance(value, str) and not self.fault(value) else None


CONSTRAINT = _Credentials(_WORD, "to which registries credentials may be sent; [] is none", narrows=True)


def _check(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Credentials go only to registries that are granted."""
    try:
        hosts = dict.fromkeys(_list_hosts(reading, value))
    except _UnclearError:
        reading.claim(_WORD, None, path, None, "has credentials for an ambiguous registry")
        return
    for host in hosts:
        reading.claim(_WORD, host, path, None, f"has credentials for {show(host)}, which no rule allows")


def _check_update(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Credentials go only to registries that are granted, and so do those that a service has already."""
    _check(reading, value, path, parent)
    if value in ([], [""]):
        try:
            host = _registry_of(reading)
        except _UnclearError:
            host = ""
        says = f"is missing, so the service's own credentials may be sent to {show(host)}, which no rule allows"
        reading.claim(_WORD, host or None, path, None, says)


def _list_hosts(reading: Reading, value: Json) -> Iterator[str]:
    """Yield the hosts that credentials are for."""
    texts = list_of(value)
    if len(texts) > 1:
        raise _UnclearError
    for text in map(str, texts):
        said = _fold(_read(text))
        servers = {name: each for name, each in said.items() if isinstance(each, dict)}
        if servers and any(each is not None for each in said.values() if not isinstance(each, dict)):
            raise _UnclearError
        for name, each in servers.items():
            yield from _hosts_of(_fold(each), CONSTRAINT.spell(name))
        if not servers and _has_secrets(said):
            yield from _hosts_of(said, _registry_of(reading))


def _hosts_of(said: Object, host: str) -> Iterator[str]:
    """Yield the host whose credentials these are, and another one that they name."""
    if _has_secrets(said):
        yield host
        yield CONSTRAINT.spell(str(said.get("serveraddress") or host))


def _has_secrets(said: Object) -> bool:
    return any(said.get(name) for name in _SECRETS)


def _read(text: str) -> Object:
    """Read JSON in base64url."""
    if text in _NOTHING:
        return {}
    if not _IS_BASE64(text) or len(text) % 4:
        raise _UnclearError
    read = read_json(base64.urlsafe_b64decode(text))
    if read is not None and not isinstance(read, dict):
        raise _UnclearError
    return read or {}


def show_credentials(text: str) -> Json:
    """Return credentials as the person sees them who approves a request; what has no single reading is the text itself.

    Of a password or token there is only the length: its registry alone gets it, and the registry is shown.
    """
    try:
        said = _read(text)
    except _UnclearError:
        return text
    return {
        name: {key: _hide(key, below) for key, below in each.items()} if isinstance(each, dict) else _hide(name, each)
        for name, each in said.items()
    }


def _hide(name: str, value: Json) -> Json:
    is_hidden = isinstance(value, str) and value and fold(name) in _PASSWORDS
    return f"{HIDDEN} ({len(str(value))} characters)" if is_hidden else value


def _fold(said: Object) -> Object:
    """Return an object under its keys as Go takes them."""
    folded = {fold(name): each for name, each in said.items()}
    if len(folded) < len(said):
        raise _UnclearError
    return folded


def _registry_of(reading: Reading) -> str:
    """Return the registry of the image that is pulled or pushed."""
    request = reading.request
    name = request.operation.name
    parameter = _PARAMETERS.get(name, "")
    given = request.values(parameter) if parameter else ()
    image = given[0] if given else name_in(request.path, request.operation) if name in _BY_PATH else ""
    if name in _OF_BODY:
        task = object_of(object_of(reading.content).get("TaskTemplate"))
        image = str(object_of(task.get("ContainerSpec")).get("Image") or "")
    reference = parse_reference(image)
    if reference is None or len(given) > 1:
        raise _UnclearError
    return CONSTRAINT.spell(reference.name)


_BY_PATH: Final = frozenset({"ImagePush", "DistributionInspect"})
_OF_BODY: Final = frozenset({"ServiceCreate", "ServiceUpdate"})
_PARAMETERS: Final = {"ImageCreate": "fromimage"}
"""That name the image, folded."""

_OF_IMAGES: Final = "ImageCreate ImageBuild ImagePush"

READS: Final[dict[tuple[str, str], Check]] = {
    (f"{_OF_IMAGES} ServiceCreate DistributionInspect", "#X-Registry-Auth"): _check,
    (_OF_IMAGES, "#X-Registry-Config"): _check,
    ("ServiceUpdate", "#X-Registry-Auth!"): _check_update,
}
