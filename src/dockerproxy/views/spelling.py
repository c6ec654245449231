"""What the engine says of mounts, in the names of the client: directories as its `paths` call them.

Where an inspection or a list has paths of the host, those that the client has a name for are written so. A part of a
volume of ours is shown as the bind that the client asked for (`policy/subtrees`), and these volumes are in no list. All
else stays byte for byte. Without it, a client that makes a container anew from its inspection would name what no grant
lists.

Attacks: docs/attacks.md, views/spelling.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from dockerproxy.api.answers import REST, Node
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.policy.places import Places
from dockerproxy.policy.subtrees import leave_out, show_binds
from dockerproxy.views.hiding import cut

SPELLED: Final = frozenset(
    {
        *("ContainerInspect", "ContainerInspectLibpod", "ContainerList", "PodInspectLibpod"),
        *("ServiceInspect", "ServiceList", "SystemDataUsage", "TaskInspect", "TaskList", "VolumeList"),
    }
)
"""Operations whose answers have paths of the host that a client can mount, or volumes of ours."""


def respell(operation: Operation, places: Places, content: bytes) -> bytes | None:
    """Return the content of an answer in the client's names; None if it cannot be read."""
    return cut(content, _grow(operation.section, tuple(places.paths.items())))


@lru_cache(maxsize=16)
def _grow(section: str, paths: tuple[tuple[str, str], ...]) -> Mapping[str, Node]:
    """Return where paths are in an answer, and how they are written anew."""
    places = Places(dict(paths))

    def spell(path: str) -> str:
        return places.of_client(path) or path

    def spell_bind(bind: str) -> str:
        source, colon, rest = bind.partition(":")
        return f"{spell(source)}{colon}{rest}" if source.startswith("/") else bind

    source: Mapping[str, Node] = {"Source": _rewrite(spell), REST: str}

    def spell_mounts(text: str) -> str:
        left = cut(show_binds(text).encode(errors="surrogateescape"), source)
        if left is None:
            raise ValueError(text)
        return left.decode(errors="surrogateescape")

    mounts: Mapping[str, Node] = {"Mounts": spell_mounts}
    spec = {"TaskTemplate": _within({"ContainerSpec": _within(mounts)}), "ContainerSpec": _within(mounts)}
    if section == OPERATIONS["VolumeList"].section:
        return _within({"Volumes": leave_out})
    if section == OPERATIONS["SystemDataUsage"].section:
        lists: Mapping[str, Node] = {"Containers": _within(mounts), "Volumes": leave_out}
        usage = {"ContainerUsage": lists["Containers"], "VolumeUsage": leave_out}
        return _within({**lists, **{name: _within({"Items": each}) for name, each in usage.items()}})
    if section.endswith("pods"):
        return _within({"mounts": mounts["Mounts"]})
    if section.endswith("containers"):
        return _within({"HostConfig": _within({"Binds": _rewrite(spell_bind), **mounts}), **mounts})
    return _within({"Spec": _within(spec), "PreviousSpec": _within(spec)})


def _within(fields: Mapping[str, Node]) -> Mapping[str, Node]:
    """Return an object of which all other fields stay."""
    return {**fields, REST: str}


def _rewrite(spell: Callable[[str], str]) -> Callable[[str], str]:
    """Return what writes a text anew, or each of a list of such."""

    def write(text: str) -> str:
        value = json.loads(text)
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in texts):
            return text
        spelled = [spell(each) for each in texts]
        return text if spelled == texts else json.dumps(spelled if isinstance(value, list) else spelled[0])

    return write
