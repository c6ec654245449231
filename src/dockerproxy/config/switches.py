"""Environment switches: the operations that each variable allows.

Names and defaults are a contract: people change the image and keep their compose file.

Attacks: docs/attacks.md, config/switches.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.advice.dangers import describe_danger, propose, say_what
from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import BUILD_TUNNELS, OPERATIONS, SECTIONS
from dockerproxy.policy.image_grants import EXAMPLES, needs_tags
from dockerproxy.policy.model import values_of
from dockerproxy.policy.objects import BUILD, PULL
from dockerproxy.policy.values import Value, write_grant
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED
from dockerproxy.policy.words.constraint import Condition

WORDS: Final = {**dict.fromkeys(("0", "false", "no", "off"), False), **dict.fromkeys(("1", "true", "yes", "on"), True)}
"""Spellings of a switch's value, in any case."""

_NO_HOST: Final = Condition(CONSTRAINTS["registries"], "default")

_UNSWITCHED: Final = frozenset({"artifacts", "build", "commit", "kube", "local", "quadlets", "swagger"})
"""Sections of `libpod` without a variable in the LinuxServer image: `ALLOW` grants their operations."""

_ON: Final = frozenset({"VERSION", "PING", "EVENTS", "LIBPOD_VERSION", "LIBPOD_PING"})


SECTION_SWITCHES: Final = {
    section.replace("/_", "_").replace("/", "_").lstrip("_").upper(): section
    for section in SECTIONS
    if not (section.startswith("libpod/") and section.removeprefix("libpod/") in _UNSWITCHED)
}
"""Section by variable."""

_ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "ALLOW_START": ("ContainerStart",),
    "ALLOW_STOP": ("ContainerStop",),
    "ALLOW_RESTARTS": ("ContainerRestart", "ContainerStop", "ContainerKill"),
    "ALLOW_PAUSE": ("ContainerPause",),
    "ALLOW_UNPAUSE": ("ContainerUnpause",),
}

ACTION_SWITCHES: Final[dict[str, tuple[str, ...]]] = {
    **_ACTIONS,
    **{f"LIBPOD_{switch}": tuple(f"{name}Libpod" for name in names) for switch, names in _ACTIONS.items()},
    **{
        switch.replace("ALLOW", "LIBPOD_ALLOW_POD"): tuple(
            f"{name}Libpod".replace("Container", "Pod") for name in names
        )
        for switch, names in _ACTIONS.items()
    },
}
"""Variables that allow single operations, without `POST` or their section."""

PART_SWITCHES: Final[dict[str, tuple[str, ...]]] = {
    "ALLOW_ARCHIVE": (
        *("ContainerArchive", "ContainerArchiveInfo", "PutContainerArchive"),
        *("ContainerArchiveLibpod", "ContainerArchiveInfoLibpod", "PutContainerArchiveLibpod"),
    ),
    "ALLOW_CHANGES": ("ContainerChanges", "ContainerChangesLibpod", "ImageChangesLibpod"),
    "ALLOW_EXPORT": ("ContainerExport", "ContainerExportLibpod", "ContainerCheckpointLibpod"),
    "ALLOW_LOGS": ("ContainerLogs", "ContainerLogsLibpod"),
    "ALLOW_TOP": ("ContainerTop", "ContainerTopLibpod", "PodTopLibpod"),
}
"""Variables that remove operations from all section switches if 0. `ALLOW` can restore single ones."""

PARTS_OF: Final = {
    part: tuple(
        switch
        for switch, section in SECTION_SWITCHES.items()
        if any(OPERATIONS[name].section == section for name in names)
    )
    for part, names in PART_SWITCHES.items()
}
"""The section switches of each part."""

CONDITIONS: Final[dict[str, tuple[Condition, str]]] = {
    "ImageSearch": (_NO_HOST, "DISTRIBUTION"),
    "GetPluginPrivileges": (_NO_HOST, "DISTRIBUTION"),
    "ImageSearchLibpod": (_NO_HOST, ""),
    "ContainerCreate": (Condition(CONSTRAINTS["buildx_builders"], "none"), "GRPC"),
}
"""Conditional operations of a switch, and the switch that removes the condition.

A read that makes the engine connect to a host that the client chooses is more than a read. A build without the engine's
builder must not start a privileged one."""

SWITCHES: Final = {
    name: name in _ON or name in PART_SWITCHES for name in ("POST", *SECTION_SWITCHES, *ACTION_SWITCHES, *PART_SWITCHES)
}
"""All switches with their defaults."""

REMEDY: Final = 'to allow {what}, write a policy file with "{grant}"'
"""How to allow what no switch can, for `propose`."""


def remedy(
    name: str, images: Mapping[str, Value], denied: frozenset[str], *, contained: bool = False, adds: bool = False
) -> str:
    """Return how to allow an operation alone, for the images that a request names.

    `denied` is from `DENY`; with `contained`, bodies are checked; with `adds`, `ALLOW` is set: names are added to it.
    """
    if name in denied:
        return f"to allow it, remove {name} from DENY"
    switch = next((switch for switch, opens in ACTION_SWITCHES.items() if opens == (name,)), "")
    setting = f"set {switch}=1" if switch else f"add {name} to ALLOW" if adds else f"set ALLOW={name}"
    opened = values_of((UNRESTRICTED,))
    danger, built = describe_danger(name, opened), BUILD if name in BUILD_TUNNELS else name
    is_import = built == PULL and "tags" in images
    if (is_import or needs_tags(built, (), owns=False)) and (contained or danger):
        tagged = write_grant(built, images or {"tags": EXAMPLES["tags"]})
        return REMEDY.replace("{what}", "it if contained").replace("{grant}", tagged)
    if contained and name in SEALED:
        return propose(REMEDY, name, opened)
    is_judged = name in BODIES and name not in SEALED and OPERATIONS[name].access == "write"
    if is_judged and (contained or danger):  # Otherwise clients are root by it.
        setting += "" if contained else " and set CONTAINED=1" if setting.startswith("add") else " and CONTAINED=1"
        return f"to allow {say_what(name, {}, '', how=' if contained')}, {setting}"
    return f"to allow {say_what(name, {}, danger)}, {setting}"
