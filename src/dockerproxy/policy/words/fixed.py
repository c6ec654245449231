"""Checks of fields without a word: the engine's defaults, builds, logs, credentials and searches.

Watchtower and others recreate a container from its inspection, which includes the engine's defaults. Allowed defaults
are removed here, so that the engine uses its own, as configured by the operator.

Steps of a classic build are not limited: they run any command as root in an ordinary container, read every image of the
engine (`FROM`, `COPY --from`), and connect through the host's network and with the client's credentials. The parameters
limit the rest: builds reach nothing else of the host, and only get image names in `tags`.

Podman's builder reads the host through steps and image names, so only Docker gets such a build. The proxy asks the
engine over the connection of the build (`proxy/lookup`).

Attacks: docs/attacks.md, policy/words/fixed.
"""

import json
import re
from functools import partial
from typing import Final

from dockerproxy.api.rows import read_rows
from dockerproxy.owner_labels import BUILT, make_built
from dockerproxy.policy.claim import LEAVE_OUT, LeaveOut, Object, Reading, pairs_at
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.words.spellings import HOST, read_human_size
from dockerproxy.text import lower
from dockerproxy.wire.document import Json, list_of, object_of, read_json


def _list_defaults(kind: str) -> frozenset[str]:
    return frozenset(name for what, name, _ in read_rows("engine_defaults", 3) if what == kind)


_HIDDEN: Final = _list_defaults("hidden")
_IS_HIDDEN_LATER: Final = partial(
    re.fullmatch,
    "/proc/interrupts|/sys/devices/virtual/powercap|/sys/devices/system/cpu/cpu[0-9]{1,5}/thermal_throttle",
)
"""Paths that newer engines also hide."""

_READ_ONLY: Final = _list_defaults("read-only")
OPERATIONAL: Final = _list_defaults("operational")
_ANNOTATIONS: Final = _list_defaults("annotation")

_IS_CLEAN: Final = partial(re.fullmatch, r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.@+-]+(?:/[\w.@+-]+)*", flags=re.ASCII)

_LOG_OPTIONS: Final = frozenset({"max-size", "max-file", "compress"})
"""They limit the engine's log files. Others may make it connect somewhere, read files, or show the environment."""

_IS_FEW: Final = partial(re.fullmatch, "[1-9][0-9]?|100")

_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""Docker Hub, the default server of engines."""

_SERVER: Final = partial(re.fullmatch, rf"(?:https?://)?({HOST})(?:/(?:v[12]/?)?)?")

_NAMESPACE: Final = partial(re.fullmatch, r"[a-z0-9_-]+")
"""In a reference, a first part with a capital letter is also a host (distribution/reference, splitDockerDomain)."""


def check_hidden(reading: Reading, value: Json, path: str, _parent: Object) -> LeaveOut:
    """The list of hidden paths must be the engine's."""
    paths = set(map(str, list_of(value)))
    if not (paths >= _HIDDEN and all(map(_IS_HIDDEN_LATER, paths - _HIDDEN))):
        reading.violate(path, value, "not allowed: it may show hidden parts of /proc and /sys")
    return LEAVE_OUT


def check_read_only_paths(reading: Reading, value: Json, path: str, _parent: Object) -> LeaveOut:
    """The list of read-only paths must be the engine's."""
    if not isinstance(value, list) or set(map(str, value)) != _READ_ONLY:
        reading.violate(path, value, "not allowed: it may make parts of /proc and /sys writable")
    return LEAVE_OUT


def check_cgroupns(reading: Reading, value: Json, path: str, parent: Object) -> LeaveOut | None:
    """The cgroup namespace must be private, or the engine's default.

    With cgroup v1, the default is the host's. Then an inspection contains it beside Docker's list of hidden paths, or
    Podman's annotations; earlier checks have already removed these. A client that really wants it sends nothing else.
    """
    if value == "host" and (parent.get("MaskedPaths") or "Annotations" in parent):
        return LEAVE_OUT
    if value not in ("", "private"):
        reading.violate(path, value, "not allowed: the host's control groups are visible")
    return None


def check_annotations(reading: Reading, value: Json, path: str, _parent: Object) -> LeaveOut | None:
    """Annotations of clients are refused."""
    for where, name, text in pairs_at(value, path):
        if name not in _ANNOTATIONS:
            reading.violate(where, text, "not allowed: the runtime may act on it")
    return LEAVE_OUT if value else None


def check_own_mac(reading: Reading, value: Json, path: str, parent: Object) -> LeaveOut | None:
    """A MAC address of the client is refused. The engine's is beside the network's ID."""
    if value and parent.get("NetworkID"):
        return LEAVE_OUT
    if value:
        reading.violate(path, value, "not allowed: it may be that of another host on the link")
    return None


def clean_endpoint(value: Json) -> Json:
    """Return an endpoint without fields that only the engine sets."""
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name not in OPERATIONAL}


def check_dockerfile(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A Dockerfile must have a clean path in the context."""
    if value and not _IS_CLEAN(str(value)):
        reading.violate(path, value, "not a valid Dockerfile path")


def check_cache_images(_reading: Reading, _value: Json, _path: str, _parent: Object) -> LeaveOut:
    """Cache images are removed: a build that runs all its steps does not use them."""
    return LEAVE_OUT


def label_built(texts: tuple[str, ...], owner: str) -> str:
    """Return a build's labels, as its parameter contains them, with one more."""
    labels = read_json(texts[0].encode(errors="surrogateescape")) if any(texts) else None
    return json.dumps({**object_of(labels), BUILT: make_built(owner)}, separators=(",", ":"))


def check_log_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Options of the log driver may only limit its files."""
    for where, name, option in pairs_at(value, path):
        if name not in _LOG_OPTIONS:
            reading.violate(where, option, "not allowed: it could make the engine connect somewhere or read files")
        elif name == "max-size" and not read_human_size(str(option)):
            reading.violate(where, option, "not a valid size above 0")
        elif name == "max-file" and not _IS_FEW(str(option)):
            reading.violate(where, option, "not a number from 1 to 100")


def has_host(reference: str, *, namespaces: bool) -> bool:
    """Whether a search term may name a registry.

    Docker takes the first part of `host/name` for a host if it contains a dot or colon, or is `localhost` (moby
    daemon/pkg/registry, splitReposSearchTerm). Podman's search takes anything before the first slash (containers/common
    libimage/search.go), so a slash is refused there. With `namespaces`, a plain word before a slash belongs to the
    configured registry.
    """
    first, slash, _ = reference.partition("/")
    return bool(slash) and not (namespaces and _NAMESPACE(first) and first != "localhost")


def check_server(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Credentials are only sent to Docker Hub: the engine would reveal the answer of any other server."""
    found = _SERVER(value) if isinstance(value, str) else None
    if value and (found is None or lower(found[1]) not in _HUB):
        reading.violate(path, value, "not allowed: credentials are only sent to Docker Hub")


def check_term(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Only the engine's configured registry is searched."""
    if has_host(str(value), namespaces=reading.request.operation.name == "GetPluginPrivileges"):
        reading.violate(path, value, "not allowed: it may name a registry to connect to")


def check_kept_credentials(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """An update without credentials must keep the registry: nodes send it the service's credentials.

    Engines use the first field, and the previous credentials if the request asks for them (moby
    daemon/cluster/services.go, UpdateService).
    """
    if any(list_of(value)[:1]):
        return
    request, found = reading.request, reading.found
    document = found.document if found is not None else {}
    is_former = request.values("registryauthfrom") == ("previous-spec",)
    before = _find_registry(document.get("previousspec" if is_former else "spec"))
    version = str(object_of(document.get("version")).get("Index"))
    if before != _find_registry(reading.content) or not before or request.values("version") != (version,):
        says = "is missing, but needed when the image's registry changes: the service has its own credentials"
        reading.claim("switched", True, path, None, says)  # noqa: FBT003 (it is what is claimed)


def _find_registry(spec: object) -> str:
    """Return the registry of a service's image; empty if uncertain."""
    task = object_of(object_of(spec).get("TaskTemplate"))
    reference = parse_reference(str(object_of(task.get("ContainerSpec")).get("Image") or ""))
    return reference.name.partition("/")[0] if reference is not None else ""


CHECKS: Final = (
    *(check_kept_credentials, check_annotations, check_cache_images, check_cgroupns, check_dockerfile),
    *(check_hidden, check_log_options, check_own_mac, check_read_only_paths, check_server),
    *(check_term,),
)
