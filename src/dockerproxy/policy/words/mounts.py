"""`volumes`, and all other mounts of a container: host directories (`binds`), images and memory, in every form.

Attacks: docs/attacks.md, policy/words/mounts.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dockerproxy.api.request import read_version
from dockerproxy.policy.claim import Fault, Object, Reading, find_fault, items_at, objects_at, pairs_at, run_check
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.subtrees import LONGEST, SINCE, is_ours, name_volume
from dockerproxy.policy.words.binds import Bind
from dockerproxy.policy.words.constraint import Objects
from dockerproxy.policy.words.images import check_images
from dockerproxy.policy.words.names import IS_NAME, named
from dockerproxy.policy.words.spellings import clean_path
from dockerproxy.wire.document import Json, list_of, object_of, show

_SHOWN: Final = frozenset({"", "rw", "ro", "private", "rprivate", "rbind", "nosuid", "nodev", "noexec"})
"""Options that Podman's inspection shows after a target. Docker refuses those of mount(8). None adds rights."""

_RELABELS: Final = frozenset({"z", "Z"})
"""With these, the engine relabels the mounted files, even for a read-only mount."""

_VOLUME_OPTIONS: Final = _SHOWN | _RELABELS | {"nocopy"}
_BIND_OPTIONS: Final = _VOLUME_OPTIONS | {"consistent", "cached", "delegated"}
"""Options of a bind. Others propagate mounts to the host or, for Podman, change files there."""

_ALWAYS: Final = frozenset({"", "rw", "ro", "rbind", "rprivate", "consistent", "cached", "delegated", "nocopy"})
"""Options that a part of a volume also supports, or that do not affect binds."""

_NOT_FILLED: Final = "notmpcopyup"
"""Option of a tmpfs that Podman leaves empty. Docker, which always does, refuses it."""

_TMPFS_OPTIONS: Final = (_SHOWN - {"rbind"}) | {"exec", "tmpcopyup", _NOT_FILLED}
_IS_AMOUNT: Final = re.compile("(size|nr_inodes)=[0-9]{1,19}[kKmMgG%]?|(mode|uid|gid)=[0-9]{1,10}").fullmatch
_PARTS_LINE: Final = re.compile('[,"\\r\\n]').search
"""Characters that end a field in Podman's line for a mount (encoding/csv)."""

_ADDED: Final = ("/var/tmp",)  # noqa: S108 (it is named, not used)
"""Where Podman mounts memory if the rest is read-only, except directly below the root (storage.go)."""

_MOST_PARTS: Final = 3
"""Parts of a bind: source, target, options."""

_NOT_CLEAN: Final = "not a clean absolute path"
_CLEAN_IT: Final = "first use a clean path, without .., // or a colon"


def check_binds(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each of `HostConfig.Binds` must be granted."""
    return [_check_bind(reading, str(bind), where) for where, bind in items_at(value, path)]


def _check_bind(reading: Reading, bind: str, path: str) -> str:
    parts = bind.split(":")
    if len(parts) > _MOST_PARTS or not all(parts[:2]):
        reading.violate(path, bind, "not in the form source:target:options")
        return bind
    if len(parts) == 1:
        _look_at_target(reading, parts[0], path)
        return bind
    source, target, *rest = parts
    options = "".join(rest).split(",")
    _look_at_target(reading, target, path)
    if source.startswith("/"):
        is_read_only = "ro" in options and _RELABELS.isdisjoint(options)
        more = next((f"the option {show(each)}" for each in options if each not in _ALWAYS), "")
        parts[0] = _claim_source(reading, source, path, read_only=is_read_only, more=more)
        known = _BIND_OPTIONS
    else:
        _claim_volume(reading, source, path)
        known = _VOLUME_OPTIONS
    strange = [option for option in options if option not in known]
    if strange:
        reading.violate(path, bind, f"with the option {show(strange[0])}, not known to be harmless")
    elif "ro" in options and "rw" in options:
        reading.violate(path, bind, "both read-only and writable")
    return ":".join(parts)


def _look_at_target(reading: Reading, target: str, path: str) -> None:
    if not clean_path(target) or ":" in target:
        reading.violate(path, target, f"{_NOT_CLEAN} in the container", _CLEAN_IT)


def _claim_source(reading: Reading, source: str, path: str, *, read_only: bool, more: str) -> str:
    """Claim a host directory, unless it is the client's own socket. Returns its host path.

    `more` names an option that a part of a volume cannot have.
    """
    clean, places = clean_path(source), reading.places
    if not clean or ":" in source:
        reading.violate(path, source, _NOT_CLEAN, _CLEAN_IT)
        return source
    if not places.is_socket(clean):
        bind = Bind(clean, read_only)
        reading.claim("binds", bind, path, clean, wrong=_find_wrong(reading, bind, path, more))
    return places.on_host(clean)


def _find_wrong(reading: Reading, bind: Bind, path: str, more: str) -> Fault | None:
    """Return why a bind cannot be part of a volume (`policy/subtrees`); None if it can, or need not be."""
    host, version = reading.places.on_host(bind.path), read_version(reading.request.version)
    root, says = reading.places.find_root(host, read_only=bind.read_only), more and f"and cannot have {more}"
    if not root:
        return None
    if reading.request.operation.section.startswith("services"):
        says = "which services cannot mount"
    elif version is not None and version < SINCE:
        says = f"which needs API {SINCE[0]}.{SINCE[1]}, not {reading.request.version}"
    elif len(name_volume(host, root)) > LONGEST:
        says = "and too long for the name of a volume"
    says = says and f"below a directory that clients can write to, {says}"
    return find_fault(path, bind.path, says) if says else None


def _claim_volume(reading: Reading, name: str, path: str, labels: Json = None) -> None:
    """Claim a volume, which must not be a disguised host directory. A volume that is made implicitly gets labels."""
    if not IS_NAME(name):
        reading.violate(path, name, "neither an absolute path nor a valid volume name")
        return
    if is_ours(name):
        reading.violate(path, name, "not allowed: the proxy keeps such names for itself")
        return
    found, lookup = reading.resolve(Kind.VOLUME, name)
    says = "not allowed: a volume with a driver or options may be any directory"
    wrong = find_fault(path, name, says) if found is not None and is_disguise(found) else None
    says, mine = "a volume that no rule allows", lookup if found is None else found
    if found is not None and not found.document and isinstance(labels, dict):
        mine = replace(found, labels=labels)
    may_own = not reading.request.operation.section.startswith("services")  # A swarm makes them on other hosts.
    reading.claim("volumes", named(name), path, name, says, later=lookup, wrong=wrong, owned=mine if may_own else None)


def is_disguise(found: ResolvedObject) -> bool:
    """Whether a volume may be something other than a directory of its own."""
    return bool(found.document) and (found.document.get("driver") != "local" or bool(found.document.get("options")))


def _look_at_memory(reading: Reading, memory: Iterable[str], parent: Object, path: str) -> None:
    """Check whether memory is mounted below a directory or volume that the same container mounts.

    Podman fills it with the existing files, by a runtime that follows links before it enters the container.
    """
    binds = [str(bind).split(":") for bind in list_of(parent.get("Binds"))]
    listed = objects_at(parent.get("Mounts"), "")
    others = [str(each.get("Target")) for _, each in listed if each.get("Type") != "tmpfs"]
    others += [parts[min(1, len(parts) - 1)] for parts in binds]
    places = [*((clean_path(each), False) for each in others), *((clean_path(each), True) for each in memory)]
    outer = "\0"
    for place, is_memory in sorted((f"{each}/", is_memory) for each, is_memory in places if each):
        if is_memory and place.startswith(outer) and place != outer:
            says = f"not allowed below another mount: Podman fills it; put it elsewhere, or add {_NOT_FILLED} on Podman"
            reading.violate(path, place[:-1], says)
        elif not is_memory and not place.startswith(outer):
            outer = place


def look_at_added(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """With a read-only root, Podman mounts memory at some paths."""
    if value is True:
        _look_at_memory(reading, _ADDED, parent, path)


def check_mounts(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Each of `HostConfig.Mounts` must be granted."""
    memory = [str(mount.get("Target")) for _, mount in objects_at(value, path) if mount.get("Type") == "tmpfs"]
    _look_at_memory(reading, memory, parent, path)
    for where, mount in objects_at(value, path):
        _claim_mount(reading, mount, where)
        for name in ("VolumeOptions", "ImageOptions"):
            subpath = object_of(mount.get(name)).get("Subpath")
            if subpath and (not clean_path(f"/{subpath}") or _PARTS_LINE(str(subpath))):
                reading.violate(f"{where}.{name}.Subpath", subpath, "not a clean path within it")


def _claim_mount(reading: Reading, mount: Object, path: str) -> None:
    """Claim a mount. A host directory is forwarded with its clean path."""
    source, target = (str(mount.get(name) or "") for name in ("Source", "Target"))
    at_source, at_target = f"{path}.Source", f"{path}.Target"
    _look_at_target(reading, target, at_target)
    for where, text in ((at_source, source), (at_target, target)):
        if _PARTS_LINE(text):
            reading.violate(where, text, "ambiguous: Podman reads on after a comma or quotation mark")
    match mount.get("Type"):
        case "bind":
            is_forced = object_of(mount.get("BindOptions")).get("ReadOnlyForceRecursive") is True
            more = "ReadOnlyForceRecursive" if is_forced else ""
            is_read_only = mount.get("ReadOnly") is True
            mount["Source"] = _claim_source(reading, source, at_source, read_only=is_read_only, more=more)
        case "volume":
            if source:
                _claim_volume(reading, source, at_source, object_of(mount.get("VolumeOptions")).get("Labels"))
        case "image":
            mount["Source"] = run_check(check_images, reading, source, at_source, mount)
        case "tmpfs":
            if source:
                reading.violate(at_source, source, "not allowed: a tmpfs has no source")
        case other:
            reading.violate(f"{path}.Type", other or "", "not one of bind, volume, tmpfs, image")


def check_anonymous(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """An anonymous volume is made for a path, which Podman must not read as anything else."""
    for where, target, _ in pairs_at(value, path):
        _look_at_target(reading, target, where)


def check_tmpfs(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Memory is mounted at clean paths, with options that disable devices and set-user-id programs."""
    filled = [each for each, options in object_of(value).items() if _NOT_FILLED not in str(options).split(",")]
    _look_at_memory(reading, filled, parent, path)
    for where, target, options in pairs_at(value, path):
        _look_at_target(reading, target, where)
        strange = [each for each in str(options).split(",") if each not in _TMPFS_OPTIONS and not _IS_AMOUNT(each)]
        if strange:
            reading.violate(where, options, f"with the option {show(strange[0])}, not known to be harmless")


def check_service_mounts(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each mount must be allowed for a container, without templates, which nodes fill in later."""
    for where, mount in objects_at(value, path):
        if "{{" in str(mount.get("Source")):
            reading.violate(f"{where}.Source", mount["Source"], "not allowed: a template may become any path")
        if mount.get("Type") == "volume" and mount.get("Source"):
            mount["VolumeOptions"] = {**object_of(mount.get("VolumeOptions")), "NoCopy": True}
    check_mounts(reading, value, path, {})


WORDS: Final = (Objects("volumes", "which volumes, by name or glob; which may be mounted"),)
CHECKS: Final = (check_binds, check_mounts, check_service_mounts, check_anonymous, check_tmpfs)
