"""What a container mounts: directories of the host, volumes, images and memory, in every form that a body has for it.

How one would get to a directory of the host, and what stops it: a path with dots, twice a slash or none in front; a
name that is no name; a volume with options that is a directory of the host under a name (the engine is asked, and a new
one has no options); an option behind a colon that carries mounts back to the host, that has labels written to what is
granted read-only, or that Podman knows besides; a volume without a name whose path Podman would take for
`source:target`; a comma or a quotation mark in a mount, which Podman writes as one line `type=…,source=…,target=…` and
reads again, so that a target could bring a source and options with it. A link on the host cannot be seen from here.
"""

import re
from functools import lru_cache
from typing import Final

from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import IS_NAME, check_images, items, matches
from dockerproxy.policy.conditions import clean_path
from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import Found, Kind
from dockerproxy.wire.document import Json, show

_SHOWN: Final = frozenset({"", "rw", "ro", "private", "rprivate", "rbind", "nosuid", "nodev", "noexec"})
"""What Podman's inspection shows behind a target. Docker refuses those of mount(8); none gives more than it has."""

_RELABELS: Final = frozenset({"z", "Z"})
_VOLUME_OPTIONS: Final = _SHOWN | _RELABELS | {"nocopy"}
_BIND_OPTIONS: Final = _VOLUME_OPTIONS | {"consistent", "cached", "delegated"}
"""Behind the target of a bind. All others carry mounts back to the host or, for Podman, change files there."""

_TMPFS_OPTIONS: Final = (_SHOWN - {"rbind"}) | {"exec", "tmpcopyup", "notmpcopyup"}
_IS_AMOUNT: Final = re.compile("(size|nr_inodes)=[0-9]{1,19}[kKmMgG%]?|(mode|uid|gid)=[0-9]{1,10}").fullmatch
_PARTS_LINE: Final = re.compile('[,"\\r\\n]').search
"""What is more than itself in the line that Podman makes of a mount (encoding/csv)."""

_MOST_PARTS: Final = 3
"""Of a bind: source, target, options."""

_NO_HOST: Final = "and no such directory of the host is granted"
_READ_ONLY: Final = "which is granted read-only: with ro, and with neither z nor Z, which write labels"
_NOT_CLEAN: Final = "which is no clean absolute path"


def check_binds(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each of `HostConfig.Binds` mounts what is granted."""
    del around
    binds = value if isinstance(value, list) else []
    return [_check_bind(seen, str(bind), f"{path}[{number}]") for number, bind in enumerate(binds)]


def _check_bind(seen: Inspection, bind: str, path: str) -> str:
    parts = bind.split(":")
    if len(parts) > _MOST_PARTS or not all(parts[:2]):
        seen.fault(path, bind, "which is not source:target:options")
        return bind
    if len(parts) == 1:
        _check_target(seen, parts[0], path)
        return bind
    source, target, *rest = parts
    options = "".join(rest).split(",")
    _check_target(seen, target, path)
    if source.startswith("/"):
        parts[0] = _check_source(seen, source, path, read_only="ro" in options and not relabels(options))
        known = _BIND_OPTIONS
    else:
        _check_volume(seen, source, path)
        known = _VOLUME_OPTIONS
    strange = [option for option in options if option not in known]
    if strange:
        seen.fault(path, bind, f"and the option {show(strange[0])} is not one that is known to be harmless")
    elif "ro" in options and "rw" in options:
        seen.fault(path, bind, "which is both read-only and not")
    return ":".join(parts)


def relabels(options: list[str]) -> bool:
    """Whether options have the engine write labels to what is mounted, even if the container may only read it."""
    return not _RELABELS.isdisjoint(options)


def _check_target(seen: Inspection, target: str, path: str) -> None:
    if not clean_path(target) or ":" in target:
        seen.fault(path, target, f"{_NOT_CLEAN} in the container")


def _check_source(seen: Inspection, source: str, path: str, *, read_only: bool) -> str:
    """Look whether a directory of the host is granted; return its clean path."""
    clean = clean_path(source)
    if not clean or ":" in source:
        seen.fault(path, source, _NOT_CLEAN)
        return source
    granted = {mode for glob, mode in _read_binds(items(seen.bounds.get("binds"))) if fits(glob, clean)}
    if not granted:
        seen.fault(path, clean, _NO_HOST, "binds", (f"{clean}:ro" if read_only else clean,))
    elif not read_only and "rw" not in granted:
        seen.fault(path, clean, _READ_ONLY, "binds", (clean,))
    return clean


@lru_cache(maxsize=256)
def _read_binds(listed: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(map(split_mode, listed))


def split_mode(item: str) -> tuple[str, str]:
    """Split an item of `binds` into the glob and `ro` or `rw`."""
    for mode in ("ro", "rw"):
        if item.endswith(f":{mode}"):
            return item.removesuffix(f":{mode}"), mode
    return item, "rw"


def _check_volume(seen: Inspection, name: str, path: str) -> None:
    """Look whether a volume is granted, and is no directory of the host in disguise."""
    if not IS_NAME(name):
        seen.fault(path, name, "which is neither an absolute path nor the name of a volume")
        return
    if not matches(seen, "volumes", name):
        seen.fault(path, name, "and no volume of that name is granted", "volumes", (name,))
        return
    found = seen.ask(Kind.VOLUME, name)
    if found is not None and is_disguise(found):
        seen.fault(path, name, "which is a volume with a driver or options of its own, and may be any directory")


def is_disguise(found: Found) -> bool:
    """Whether a volume may be something else than a directory of its own."""
    return bool(found.document) and (found.document.get("driver") != "local" or bool(found.document.get("options")))


def check_mounts(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each of `HostConfig.Mounts` mounts what is granted."""
    del around
    mounts = value if isinstance(value, list) else []
    for number, mount in enumerate(mounts):
        if isinstance(mount, dict):
            _check_mount(seen, mount, f"{path}[{number}]")
    return value


def _check_mount(seen: Inspection, mount: Object, path: str) -> None:
    source, target = mount.get("Source") or "", mount.get("Target") or ""
    _check_target(seen, str(target), f"{path}.Target")
    for name in ("Source", "Target"):
        if _PARTS_LINE(str(mount.get(name) or "")):
            seen.fault(
                f"{path}.{name}", mount[name], "and has a comma or a quotation mark, behind which Podman reads on"
            )
    for name in ("VolumeOptions", "ImageOptions"):
        options = mount.get(name)
        check_subpath(seen, options.get("Subpath") if isinstance(options, dict) else None, f"{path}.{name}.Subpath")
    match mount.get("Type"):
        case "bind":
            read_only = mount.get("ReadOnly") is True
            mount["Source"] = _check_source(seen, str(source), f"{path}.Source", read_only=read_only)
        case "volume":
            if source:
                _check_volume(seen, str(source), f"{path}.Source")
        case "image":
            mount["Source"] = check_images(seen, source, f"{path}.Source", mount)
        case "tmpfs":
            if source:
                seen.fault(f"{path}.Source", source, "and memory has no source")
        case other:
            seen.fault(f"{path}.Type", other or "", "which is none of bind, volume, tmpfs and image")


def check_subpath(seen: Inspection, subpath: Json, path: str) -> None:
    """Look whether a part of a volume or image is in it, and no more than a path."""
    if subpath and (not clean_path(f"/{subpath}") or _PARTS_LINE(str(subpath))):
        seen.fault(path, subpath, "which is no clean path within it")


def check_anonymous(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """A volume without a name is made for a path, and Podman must not read another thing into it."""
    del around
    for target in value if isinstance(value, dict) else ():
        _check_target(seen, target, f"{path}[{show(target)}]")
    return value


def check_tmpfs(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Memory is put at clean paths, with options that keep devices and other users' programs out."""
    del around
    for target, options in value.items() if isinstance(value, dict) else ():
        where = f"{path}[{show(target)}]"
        _check_target(seen, target, where)
        strange = [each for each in str(options).split(",") if each not in _TMPFS_OPTIONS and not _IS_AMOUNT(each)]
        if strange:
            seen.fault(where, options, f"and the option {show(strange[0])} is not one that is known to be harmless")
    return value
