"""`no_new_privileges`: set-user-id programs must be disabled; and other security options.

If `user` excludes root, the proxy sets the same option.

Attacks: docs/attacks.md, policy/words/no_new_privileges.
"""

from typing import Final

from dockerproxy.api.request import read_version
from dockerproxy.policy.claim import KEEP, Claim, Object, Reading, Substitute, items_at
from dockerproxy.policy.words.constraint import Choice
from dockerproxy.wire.document import Json, list_of

_SPELLED: Final = ("no-new-privileges", "no-new-privileges=true", "no-new-privileges:true")
"""Spellings of the security option."""

_SINCE: Final = (1, 44, 0)
"""Under older versions, the engine ignores the field of a service (`adjustForAPIVersion` in its service router)."""

_TIGHTENING: Final = frozenset({*_SPELLED, "apparmor=docker-default", "apparmor:docker-default"})
"""Security options that keep or tighten the engine's defaults. Docker takes `:` for `=`. `seccomp=builtin` is not
included: it may be looser than the engine's configured filter."""

_LOOSENS: Final = "not allowed: it could loosen the confinement"
_NEEDLESS: Final = "not allowed: it turns confinement off; remove it: debuggers need it only before Linux 4.8"
"""Seccomp: Docker's filter allows ptrace since Linux 4.8 (moby/profiles@02e898b, seccomp/default_linux.go)."""


def check_security_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Options must keep or tighten the confinement. A container without root gets no-new-privileges."""
    options = list_of(value)
    kept = any(option in _SPELLED for option in options)
    put: Substitute = KEEP if kept else [*options, _SPELLED[0]]
    reading.claims.append(Claim("user", ((True, put),), path, None, "", target=path))
    for where, option in items_at(value, path):
        if option not in _TIGHTENING:
            reading.violate(where, option, _NEEDLESS if option == "seccomp=unconfined" else _LOOSENS)
    reading.claim("no_new_privileges", kept, path, None, "must have no-new-privileges=true")


def check_no_new_privileges(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Must be true if the grant requires it or excludes root, and the engine must not ignore it."""
    version = read_version(reading.request.version)
    is_read, says = version is None or version >= _SINCE, f"is ignored by the engine under {reading.request.version}"
    reading.claims.append(Claim("user", ((is_read, KEEP if value is True else True),), path, None, says, target=path))
    reading.claim_since("no_new_privileges", _SINCE, path)
    says = "but must be true" if value is False else "must be true"
    reading.claim("no_new_privileges", value is True, path, value, says)


WORDS: Final = (Choice("no_new_privileges", "set-user-id programs must be kept from working", "required"),)
CHECKS: Final = (check_security_options, check_no_new_privileges)
