"""Capabilities and security options of a container.

Attack: an option that sets confinement to what the engine was told to tighten -> Defence: a list of those that tighten.
"""

from typing import Final

from dockerproxy.policy.claim import Object, Reading, items_at
from dockerproxy.policy.constraints.add_capabilities import capability_name
from dockerproxy.wire.document import Json, list_of

_NO_NEW_PRIVILEGES: Final = frozenset({"no-new-privileges", "no-new-privileges=true", "no-new-privileges:true"})

_TIGHTENING: Final = _NO_NEW_PRIVILEGES | {"apparmor=docker-default", "apparmor:docker-default"}
"""Security options that are what the engine does anyway, or less. Docker takes `:` for `=`. Its own filter of system
calls, `seccomp=builtin`, is not among them: it may be looser than the one that the engine is configured with."""


def check_capabilities(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Capabilities that are added."""
    for where, added in items_at(value, path):
        reading.claim("add_capabilities", capability_name(str(added)), where, added, "a capability that no rule allows")


def check_security_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Options make the confinement tighter, or leave it as it is."""
    for where, option in items_at(value, path):
        if option not in _TIGHTENING:
            reading.violate(where, option, "not allowed: it could loosen the confinement")
    kept = not _NO_NEW_PRIVILEGES.isdisjoint(map(str, list_of(value)))
    reading.claim("no_new_privileges", kept, path, None, "must have no-new-privileges=true")
