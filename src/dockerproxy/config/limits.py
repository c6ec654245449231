"""The limits of a socket as operators write them: their names, units and descriptions."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final, NamedTuple

from dockerproxy.policy.amounts import write_size
from dockerproxy.settings import Limits


class Measure(StrEnum):
    """The unit of a limit."""

    NUMBER = "number"
    BYTES = "bytes"
    SECONDS = "seconds"


class Limit(NamedTuple):
    """A limit: its name in `Limits` and in a policy file, and its variable, for sockets of which no file says it."""

    name: str
    variable: str
    measure: Measure
    says: str

    def write(self, limits: Limits) -> str:
        """Write its value as a policy file has it; seconds with their unit."""
        value = getattr(limits, self.name)
        match self.measure:
            case Measure.SECONDS:
                return f"{value:g}s"
            case Measure.BYTES:
                return write_size(value)
            case Measure.NUMBER:
                return str(value)


# fmt: off
LIMITS: Final = (
    Limit("connections",    "MAX_CONNECTIONS", Measure.NUMBER,  "connected clients"),
    Limit("requests",       "MAX_REQUESTS",    Measure.NUMBER,  "running requests, without streams and tunnels"),
    Limit("rate",           "MAX_RATE",        Measure.NUMBER,  "requests in a second; each 4 KiB of head is one more"),
    Limit("streams",        "MAX_STREAMS",     Measure.NUMBER,  "open streams: events, logs, progress"),
    Limit("tunnels",        "MAX_TUNNELS",     Measure.NUMBER,  "open tunnels: attach, exec, BuildKit"),
    Limit("head",           "MAX_HEAD",        Measure.BYTES,   "size of a request head"),
    Limit("body",           "MAX_BODY",        Measure.BYTES,   "size of a body that is checked"),
    Limit("buffered",       "MAX_BUFFERED",    Measure.BYTES,   "everything that is held for the socket's clients"),
    Limit("header_timeout", "HEADER_TIMEOUT",  Measure.SECONDS, "for a complete request head"),
    Limit("body_timeout",   "BODY_TIMEOUT",    Measure.SECONDS, "for a complete JSON body"),
    Limit("engine_timeout", "ENGINE_TIMEOUT",  Measure.SECONDS, "for the engine's answer, unless it streams or waits"),
)
# fmt: on
"""Every limit. The error at a limit names its variable."""


def with_limits(limits: Limits, said: Mapping[str, float]) -> Limits:
    """Return limits with some values replaced, by their names; numbers and bytes become integers."""
    return replace(limits, **said)  # type: ignore[arg-type] # mypy cannot see which of them are whole
