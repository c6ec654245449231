"""Compare a policy with its presets and `own`, and leave out the API of the other engine for display."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.groups import PRESET
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.policy.compile import OWN_GRANT, CompiledPolicy, compile_policy
from dockerproxy.policy.model import CREATES, Grant, Source
from dockerproxy.policy.objects import OWN

_CREATES: Final = frozenset(CREATES)
_ABOUT_OWN: Final = "every operation on objects that clients of this socket created"

LIBPOD: Final = frozenset(name for name, operation in OPERATIONS.items() if operation.section.startswith("libpod/"))
"""Operations of Podman's own API."""

_BY_DEFAULT: Final = frozenset({"SystemPingLibpod", "SystemPingHeadLibpod", "SystemVersionLibpod"})
"""Allowed by default in the environment."""


def list_bases(policy: CompiledPolicy) -> Mapping[str, str]:
    """Return the presets of a policy, and `own` if granted, each with its purpose."""
    words = dict.fromkeys(grant.source.word for grant in policy.policy.grants)
    names = {word: word.removeprefix(PRESET) for word in words if word.startswith(PRESET)}
    about = {word: find_preset(name).about for word, name in names.items() if name in PRESETS}
    return {**about, **({OWN: _ABOUT_OWN} if OWN in words else {})}


def find_base(policy: CompiledPolicy) -> CompiledPolicy:
    """Return the policy of only its presets and `own`."""
    grants: list[Grant] = []
    for word in list_bases(policy):
        grants += (OWN_GRANT,) if word == OWN else find_preset(word.removeprefix(PRESET)).grants
    return compile_policy(policy.policy._replace(grants=tuple(_join_creates(grants)), denials=()))


def _join_creates(grants: Iterable[Grant]) -> Iterator[Grant]:
    """Drop a create without conditions if a preset has the create with conditions, as a policy file does."""
    grants = tuple(grants)
    limited = frozenset().union(*(grant.operations & _CREATES for grant in grants if grant.conditions))
    for grant in grants:
        left = grant.operations if grant.conditions else grant.operations - limited
        if left:
            yield grant._replace(operations=left)


def list_denied(policy: CompiledPolicy, base: CompiledPolicy) -> list[str]:
    """Return the operations that a base allows and the policy denies."""
    return [name for name in OPERATIONS if base.allows(name) and not policy.allows(name)]


def leave_out(policy: CompiledPolicy, base: CompiledPolicy) -> CompiledPolicy:
    """Return a policy for display, without the cases that its base has too."""
    known = {name: {case.conditions for case in cases} for name, cases in base.cases.items()}
    cases = {
        name: tuple(case for case in cases if case.conditions not in known[name])
        for name, cases in policy.cases.items()
    }
    return policy._replace(cases=cases)


def without_libpod(policy: CompiledPolicy) -> CompiledPolicy:
    """Return a policy for display, without Podman's own API."""
    return policy._replace(cases={name: () if name in LIBPOD else cases for name, cases in policy.cases.items()})


def needs_podman(policy: CompiledPolicy) -> bool:
    """Whether a line grants only Podman's own API: the engine is probably Podman."""
    operations: dict[Source, set[str]] = {}
    for grant in policy.policy.grants:
        operations.setdefault(grant.source, set()).update(grant.operations)
    return any(left and left <= LIBPOD for left in (names - _BY_DEFAULT for names in operations.values()))
