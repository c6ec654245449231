"""Binds below a directory that clients can write to. Each becomes part of a volume, where the engine follows no links.

Docker resolves `VolumeOptions.Subpath` within the volume, and refuses links that lead out of it (moby
internal/safepath). So a bind below a root (`policy/nesting`) becomes part of a volume of the proxy, whose device is the
root. Each path has its own volume, and the volume's name encodes the path. So lists and inspections can show the path
without state in the proxy.

Attacks: docs/attacks.md, policy/subtrees.
"""

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from dockerproxy.api.answers import REST, Node
from dockerproxy.api.request import read_version
from dockerproxy.owner_labels import RESERVED
from dockerproxy.policy.claim import Object, objects_at
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.places import Places
from dockerproxy.response_filters.json_filter import AS_IT_CAME, cut
from dockerproxy.text import unquote
from dockerproxy.wire.document import Json, list_of, object_of, read_engine_json, write_json

LABEL: Final = f"{RESERVED}subtree"
"""Label with the host path of a volume."""

SINCE: Final = (1, 45, 0)
"""The first API version with `Subpath`. Under older ones, engines drop it (moby container_routes.go)."""

LONGEST: Final = 255
"""Characters of a volume's name, which is also a directory's name."""

_ESCAPED: Final = re.compile("_(_|[.]|[0-9A-F]{2})")
_SIGNS: Final = {"_": "/", ".": "/"}


def name_volume(path: str, root: str) -> str:
    """Return the name of the volume for a path below a root."""
    before, after = (
        quote(part, safe="/").replace("_", "_5F").replace("~", "_7E") for part in (root, path[len(root) :])
    )
    return RESERVED + f"{before}_.{after[1:]}".replace("%", "_").replace("/", "__")


def is_ours(name: object) -> bool:
    """Whether a volume belongs to the proxy."""
    return isinstance(name, str) and name.startswith(RESERVED)


def _read_path(name: str) -> str:
    """Return the host path of a volume."""
    return unquote(_ESCAPED.sub(lambda found: _SIGNS.get(found[1], f"%{found[1]}"), name.removeprefix(RESERVED)))


NO_PART: Final = "a mount's path is missing in its volume, or no directory, or a link leads out"
"""The answer for every path that Docker cannot mount. Its own tells whether a path of the host exists."""

_NO_PART: Final = json.dumps(NO_PART)

_REASONS: Final = ("escapes the base directory", "cannot access path", "while resolving symlinks")
"""Parts of the errors of moby's internal/safepath."""

_LAST_ERROR: Final[Mapping[str, Node]] = {REST: "", "State": {REST: "", "Error": "reason"}}


def reveals_path(text: str) -> bool:
    """Whether an error tells why Docker cannot mount a part of a volume."""
    return any(reason in text for reason in _REASONS)


def conceal_path(content: bytes) -> bytes | None:
    """Return an inspection without the reason of its last error, if that tells of a path; None if it is invalid."""
    return cut(content, _LAST_ERROR, {**AS_IT_CAME, "reason": lambda text: _NO_PART if reveals_path(text) else text})


def mounts_part(found: ResolvedObject | None) -> bool:
    """Whether a container mounts a part of a volume, also by a client's `Subpath`."""
    host = object_of(found.document.get("hostconfig")) if found is not None else {}
    mounts = objects_at(host.get("Mounts"), "")
    return any(object_of(mount.get("VolumeOptions")).get("Subpath") for _, mount in mounts)


def uses_parts(found: ResolvedObject | None) -> bool:
    """Whether a container mounts a part of a volume of the proxy."""
    mounts = objects_at(found.document.get("mounts"), "") if found is not None else ()
    return any(is_ours(mount.get("Name")) for _, mount in mounts)


def is_removed_at_end(found: ResolvedObject | None) -> bool:
    """Whether the engine removes such a container at its end, as with `docker run --rm`."""
    host = object_of(found.document.get("hostconfig")) if found is not None else {}
    return host.get("AutoRemove") is True and uses_parts(found)


# Requests to the engine


def write_parts(content: bytes, places: Places) -> tuple[bytes, Mapping[str, str]]:
    """Write the body of a create with binds below a root as parts of volumes. Also returns the root of each by name."""
    body: Object = object_of(json.loads(content))
    host, roots = object_of(body.get("HostConfig")), dict[str, str]()
    mounts = [_take_part(mount, places, roots) for _, mount in objects_at(host.get("Mounts"), "")]
    binds = list[Json]()
    for bind in map(str, list_of(host.get("Binds"))):
        source, *others = bind.split(":")  # A bind without target is a volume.
        options = ",".join(others[1:]).split(",")
        read_only = "ro" in options and not {"z", "Z"}.intersection(options)  # As it was judged.
        mount: Object = {"Type": "bind", "Source": source, "Target": "".join(others[:1]), "ReadOnly": read_only}
        part = _take_part(mount, places, roots) if others else mount
        if part is mount:
            binds.append(bind)
        else:
            mounts.append(part)
    if roots:
        host["Mounts"] = list[Json](mounts)
        host["Binds"] = binds
    return write_json(body), roots


def _take_part(mount: Object, places: Places, roots: dict[str, str]) -> Object:
    """Return the mount that replaces a bind below a root; other mounts unchanged."""
    source = str(mount.get("Source"))
    is_bind, read_only = mount.get("Type") == "bind" and source != places.own_socket, mount.get("ReadOnly") is True
    root = places.find_root(source, read_only=read_only) if is_bind else ""
    if not root:
        return mount
    name = name_volume(source, root)
    roots[name] = root
    options: Json = {
        "NoCopy": True,
        "Subpath": source[len(root) + 1 :],
        "Labels": {LABEL: source},
        "DriverConfig": {"Name": "local", "Options": _list_options(root)},
    }
    kept: Object = {key: value for key, value in mount.items() if key in {"Target", "ReadOnly"}}
    return {**kept, "Type": "volume", "Source": name, "VolumeOptions": options}


def _list_options(root: str) -> dict[str, Json]:
    return {"type": "none", "o": "rbind,rslave", "device": root}


def write_volume(name: str, root: str) -> bytes:
    """Write the body of a request that makes a volume of the proxy."""
    labels: Json = {LABEL: _read_path(name)}
    return write_json({"Name": name, "Driver": "local", "DriverOpts": _list_options(root), "Labels": labels})


def is_volume_of(content: bytes, root: str) -> bool:
    """Whether the engine describes exactly the volume for a root."""
    said = object_of(read_engine_json(content))
    return said.get("Driver") == "local" and said.get("Options") == _list_options(root)


def knows_parts(content: bytes) -> bool:
    """Whether the engine's version answer means Docker 26 or newer."""
    said = object_of(read_engine_json(content))
    names = {object_of(each).get("Name") for each in list_of(said.get("Components"))}
    return "Engine" in names and (read_version(f"v{said.get('ApiVersion')}") or ()) >= SINCE


def list_ours(content: bytes) -> tuple[str, ...]:
    """Return the names of the proxy's volumes in a list."""
    volumes = objects_at(object_of(read_engine_json(content)).get("Volumes"), "")
    return tuple(str(volume["Name"]) for _, volume in volumes if is_ours(volume.get("Name")))


# Answers to clients


def show_binds(text: str) -> str:
    """Return a list of mounts with the binds that the client asked for."""
    listed = json.loads(text) if RESERVED in text else None
    if not isinstance(listed, list):
        return text
    return json.dumps([_show_bind(each) for each in listed], separators=(",", ":"), ensure_ascii=False)


def _show_bind(mount: Json) -> Json:
    name = mount.get("Name") or mount.get("Source") if isinstance(mount, dict) else None
    if not isinstance(mount, dict) or not is_ours(name):
        return mount
    kept = {key: value for key, value in mount.items() if key not in {"Name", "Driver", "VolumeOptions"}}
    shown: Object = {**kept, "Type": "bind", "Source": _read_path(str(name))}
    return {**shown, "Mode": "", "Propagation": "rprivate"} if "Destination" in mount else shown


def leave_out(text: str) -> str:
    """Return a list of volumes without those of the proxy."""
    listed = json.loads(text) if RESERVED in text else None
    if not isinstance(listed, list):
        return text
    left = [each for each in listed if not is_ours(object_of(each).get("Name"))]
    return json.dumps(left, separators=(",", ":"), ensure_ascii=False)
