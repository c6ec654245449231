"""`devices`: host devices that a container may use, as paths below /dev.

Engines give a container all devices below a directory, so a directory needs an item that matches its own path; patterns
like /dev/nvidia* match directories too. Engines follow a link to the device. Only root makes links in directories of
/dev, except in those that `_SHARED` lists.

Attacks: docs/attacks.md, policy/words/devices.
"""

import re
from typing import Final

from dockerproxy.policy.claim import Object, Reading, objects_at
from dockerproxy.policy.words.constraint import Globs
from dockerproxy.policy.words.spellings import clean_path, fault_of_path
from dockerproxy.wire.document import Json

_SHARED: Final = tuple(f"/dev/{name}" for name in ("fd", "mqueue", "pts", "shm", "stderr", "stdin", "stdout"))
"""Paths where any host user makes files and links, or that lead to open files of the engine."""

_IS_ITEM: Final = re.compile(r"/dev/(?:[^*?]+/(?!\*\*)[^/]+|[^*?/][^/]*)").fullmatch
"""Globs are only allowed in the last name; directly below /dev, it must begin literally."""

_IS_PERMISSION: Final = re.compile("[rwm]{0,3}").fullmatch


class _Devices(Globs):
    def fault(self, item: str) -> str:
        if "**" in item or ":" in item or not _IS_ITEM(item) or _is_shared(item):
            return "a path below /dev is needed, with * and ? in its last name only, like /dev/dri/* or /dev/nvidia?"
        return fault_of_path(item)


def _is_shared(path: str) -> bool:
    return any(f"{path}/".startswith(f"{each}/") for each in _SHARED)


def check_devices(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each host device must be a path below /dev, at a clean path in the container."""
    for where, device in objects_at(value, path):
        on_host, inside, may = (str(device.get(each) or "") for each in _FIELDS)
        if not _is_plain(on_host) or not on_host.startswith("/dev/") or _is_shared(on_host):
            reading.violate(f"{where}.PathOnHost", on_host, "not the clean path of a device below /dev")
        elif not _is_plain(inside):
            reading.violate(f"{where}.PathInContainer", inside, "not a clean absolute path in the container")
        elif not _IS_PERMISSION(may):
            reading.violate(f"{where}.CgroupPermissions", may, "not made of r, w and m")
        else:
            reading.claim("devices", on_host, f"{where}.PathOnHost", on_host, "a host device that no rule allows")


_FIELDS: Final = ("PathOnHost", "PathInContainer", "CgroupPermissions")


def _is_plain(path: str) -> bool:
    """Whether a path is clean, without characters that an engine takes for its end."""
    return path != "" and clean_path(path) == path and ":" not in path and path.isprintable()


WORDS: Final = (_Devices("devices", "which devices of the host, as paths below /dev; * and ? in the last name"),)
CHECKS: Final = (check_devices,)
