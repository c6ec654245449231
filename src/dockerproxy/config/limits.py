"""The limits of a socket as operators write them: their names, units and descriptions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from dockerproxy.settings import Limits


class Measure(StrEnum):
    """The unit of a limit."""

    NUMBER = "number"
    BYTES = "bytes"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Limit:
    """The names and the description of a limit.

    Attributes:
        name: Of the attribute of `Limits`, and of the key below `limits` in a policy file.
        variable: Of the environment, for sockets that do not set this limit.
        measure: Its unit.
        says: Its description.
    """

    name: str
    variable: str
    measure: Measure
    says: str


# fmt: off
LIMITS: Final = (
    Limit("connections",    "MAX_CONNECTIONS", Measure.NUMBER,  "clients connected at one time"),
    Limit("requests",       "MAX_REQUESTS",    Measure.NUMBER,  "requests under way at one time, streams apart"),
    Limit("rate",           "MAX_RATE",        Measure.NUMBER,  "requests in a second, 4 KiB of a head for each"),
    Limit("streams",        "MAX_STREAMS",     Measure.NUMBER,  "streams open at one time: events, logs, progress"),
    Limit("tunnels",        "MAX_TUNNELS",     Measure.NUMBER,  "tunnels open at one time: attach, exec, BuildKit"),
    Limit("head",           "MAX_HEAD",        Measure.BYTES,   "a request head"),
    Limit("body",           "MAX_BODY",        Measure.BYTES,   "a body that is held to be looked at"),
    Limit("buffered",       "MAX_BUFFERED",    Measure.BYTES,   "all that is held for the socket's clients"),
    Limit("header_timeout", "HEADER_TIMEOUT",  Measure.SECONDS, "for a request head to be complete"),
    Limit("body_timeout",   "BODY_TIMEOUT",    Measure.SECONDS, "for a body in JSON to be complete"),
    Limit("engine_timeout", "ENGINE_TIMEOUT",  Measure.SECONDS, "for the engine to begin an answer that comes at once"),
)
# fmt: on
"""Every limit. The error at a limit names its variable."""


def with_limits(limits: Limits, said: Mapping[str, float]) -> Limits:
    """Return limits with some values replaced, by their names; numbers and bytes become integers."""
    return replace(limits, **said)  # type: ignore[arg-type] # mypy cannot see which of them are whole
