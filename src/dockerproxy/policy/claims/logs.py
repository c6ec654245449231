"""Options of the log driver, which could make the engine connect somewhere or read files."""

from typing import Final

from dockerproxy.policy.amounts import read_human_size
from dockerproxy.policy.claim import Object, Reading, pairs_at
from dockerproxy.wire.document import Json

_LOG_OPTIONS: Final = frozenset({"max-size", "max-file", "compress"})
"""They bound what the engine keeps; all others may make it connect somewhere, read files, or show the environment."""


def check_log_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Options of the log driver do no more than bound its files."""
    for where, name, option in pairs_at(value, path):
        if name not in _LOG_OPTIONS:
            reading.violate(where, option, "not allowed: it could make the engine connect somewhere or read files")
        elif name == "max-size" and not read_human_size(str(option)):
            reading.violate(where, option, "not a valid size above 0")
