"""Capabilities of a container, and options of its confinement and of its log.

Attack: an option that sets confinement to what the engine was told to tighten -> Defence: a list of those that tighten.
Attack: an option of the log driver by which the engine connects somewhere or reads files -> Defence: a list of others.
Attack: so many files of a log that Docker renames for hours, one name after the other, and removes no such container ->
Defence: at most a hundred (test: test_a_log_has_few_files).
"""

import re
from typing import Final

from dockerproxy.policy.amounts import read_human_size
from dockerproxy.policy.claim import Object, Reading, items_at, pairs_at
from dockerproxy.policy.words.capabilities import capability_name
from dockerproxy.policy.words.no_new_privileges import SPELLED
from dockerproxy.wire.document import Json, list_of

_TIGHTENING: Final = frozenset({*SPELLED, "apparmor=docker-default", "apparmor:docker-default"})
"""Security options that are what the engine does anyway, or less. Docker takes `:` for `=`. Its own filter of system
calls, `seccomp=builtin`, is not among them: it may be looser than the one that the engine is configured with."""

_LOG_OPTIONS: Final = frozenset({"max-size", "max-file", "compress"})
"""They bound what the engine keeps; all others may make it connect somewhere, read files, or show the environment."""

_IS_FEW: Final = re.compile("[1-9][0-9]?|100").fullmatch


def check_capabilities(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Capabilities that are added."""
    for where, added in items_at(value, path):
        reading.claim("add_capabilities", capability_name(str(added)), where, added, "a capability that no rule allows")


def check_security_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Options make the confinement tighter, or leave it as it is."""
    for where, option in items_at(value, path):
        if option not in _TIGHTENING:
            reading.violate(where, option, "not allowed: it could loosen the confinement")
    kept = any(option in SPELLED for option in list_of(value))
    reading.claim("no_new_privileges", kept, path, None, "must have no-new-privileges=true")


def check_log_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Options of the log driver do no more than bound its files."""
    for where, name, option in pairs_at(value, path):
        if name not in _LOG_OPTIONS:
            reading.violate(where, option, "not allowed: it could make the engine connect somewhere or read files")
        elif name == "max-size" and not read_human_size(str(option)):
            reading.violate(where, option, "not a valid size above 0")
        elif name == "max-file" and not _IS_FEW(str(option)):
            reading.violate(where, option, "not a number from 1 to 100")
