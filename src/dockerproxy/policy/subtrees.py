"""Binds below a directory to which clients may write: the engine gets each as a part of a volume, and follows no link.

Docker looks for `VolumeOptions.Subpath` within the volume, and refuses a link that leads out of it (moby
internal/safepath). So a bind below a root (`policy/nesting`) goes on as a part of a volume of ours that is the root.
There is one volume for each path, which its name tells: so lists and inspections show the path without any state here.

Attacks: docs/attacks.md, policy/subtrees.
"""

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from dockerproxy.api.request import read_version
from dockerproxy.policy.claim import Object, objects_at
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.places import Places
from dockerproxy.policy.stamps import RESERVED
from dockerproxy.text import unquote
from dockerproxy.wire.document import Json, list_of, object_of, read_engine_json, write_json

LABEL: Final = f"{RESERVED}subtree"
"""Has the path of the host that a volume is for."""

SINCE: Final = (1, 45, 0)
"""The first version of the API that knows `Subpath`. Engines drop it under older ones (moby container_routes.go)."""

LONGEST: Final = 255
"""Characters of a volume's name, which is that of a directory."""

_ESCAPED: Final = re.compile("_(_|[.]|[0-9A-F]{2})")
_SIGNS: Final = {"_": "/", ".": "/"}


def name_volume(path: str, root: str) -> str:
    """Return the name of the volume of which a path below a root is a part."""
    before, after = (
        quote(part, safe="/").replace("_", "_5F").replace("~", "_7E") for part in (root, path[len(root) :])
    )
    return RESERVED + f"{before}_.{after[1:]}".replace("%", "_").replace("/", "__")


def is_ours(name: object) -> bool:
    """Whether a volume is one of ours."""
    return isinstance(name, str) and name.startswith(RESERVED)


def _read_path(name: str) -> str:
    """Return the path of the host that a volume is for."""
    return unquote(_ESCAPED.sub(lambda found: _SIGNS.get(found[1], f"%{found[1]}"), name.removeprefix(RESERVED)))


def uses_parts(found: ResolvedObject | None) -> bool:
    """Whether a container has a part of a volume of ours."""
    mounts = objects_at(found.document.get("mounts"), "") if found is not None else ()
    return any(is_ours(mount.get("Name")) for _, mount in mounts)


def is_removed_at_end(found: ResolvedObject | None) -> bool:
    """Whether the engine removes such a container by itself, as that of `docker run --rm`."""
    host = object_of(found.document.get("hostconfig")) if found is not None else {}
    return host.get("AutoRemove") is True and uses_parts(found)


# What goes to the engine


def write_parts(content: bytes, places: Places) -> tuple[bytes, Mapping[str, str]]:
    """Write the body of a create so that binds below a root are parts of volumes; return the root of each by name."""
    body: Object = object_of(json.loads(content))
    host, roots = object_of(body.get("HostConfig")), dict[str, str]()
    mounts = [_take_part(mount, places, roots) for _, mount in objects_at(host.get("Mounts"), "")]
    binds = list[Json]()
    for bind in map(str, list_of(host.get("Binds"))):
        source, *others = bind.split(":")  # One without a target is a volume.
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
    """Return a mount in place of a bind below a root; all others as they are."""
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
    """Write the body of a request that makes a volume of ours."""
    labels: Json = {LABEL: _read_path(name)}
    return write_json({"Name": name, "Driver": "local", "DriverOpts": _list_options(root), "Labels": labels})


def is_volume_of(content: bytes, root: str) -> bool:
    """Whether an engine says of a volume that it is the root, and nothing else."""
    said = object_of(read_engine_json(content))
    return said.get("Driver") == "local" and said.get("Options") == _list_options(root)


def knows_parts(content: bytes) -> bool:
    """Whether an engine says of itself that it is Docker 26, or newer."""
    said = object_of(read_engine_json(content))
    names = {object_of(each).get("Name") for each in list_of(said.get("Components"))}
    return "Engine" in names and (read_version(f"v{said.get('ApiVersion')}") or ()) >= SINCE


def list_ours(content: bytes) -> tuple[str, ...]:
    """Return the names of the volumes of ours in a list."""
    volumes = objects_at(object_of(read_engine_json(content)).get("Volumes"), "")
    return tuple(str(volume["Name"]) for _, volume in volumes if is_ours(volume.get("Name")))


# What clients see


def show_binds(text: str) -> str:
    """Return a list of mounts in which binds are what their client asked for."""
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
    """Return a list of volumes without those of ours."""
    listed = json.loads(text) if RESERVED in text else None
    if not isinstance(listed, list):
        return text
    left = [each for each in listed if not is_ours(object_of(each).get("Name"))]
    return json.dumps(left, separators=(",", ":"), ensure_ascii=False)
