"""The profile: what clients of a socket may create, one grant for each kind, made of a preset and a line of the file.

Attacks: docs/attacks.md, policy/profile.
"""

from typing import Final

from dockerproxy.policy.values import merge
from dockerproxy.policy.words.constraint import Condition

CREATES: Final = (
    *("ContainerCreate", "ServiceCreate", "NetworkCreate", "VolumeCreate", "SecretCreate", "ConfigCreate"),
    *("ImageCreate", "ImageBuild"),
)
"""Operations of which a socket has one contained grant."""

_CHANGES: Final = ("ContainerExec", "ContainerRename", "ContainerUpdate", "NetworkConnect")
CREATED_BY: Final = {
    **dict.fromkeys(_CHANGES, "ContainerCreate"),
    **{f"{kind}Update": f"{kind}Create" for kind in ("Config", "Secret", "Service")},
}
"""For operations that change what was created: the one that creates it."""


def complete(preset: tuple[Condition, ...], line: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return what a preset and a line say of a create together: lists that permit add up, else the line goes first."""
    said = {condition.word: condition for condition in preset}
    for condition in line:
        other = said.get(condition.word)
        adds_up = isinstance(condition.value, tuple) and not condition.constraint.narrows
        value = merge(other.value, condition.value) if adds_up and other is not None else None
        said[condition.word] = condition if value is None else Condition(condition.constraint, value)
    return tuple(said.values())
