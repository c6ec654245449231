"""The JSON Schema of the log in JSON, for whoever stores and searches it, and which of its fields are stable.

The fields are those of `observe/record`, as `observe/log` writes them
(test: test_the_schema_has_the_fields_that_a_line_has_and_no_others).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from dockerproxy.config.schema import DIALECT, Schema
from dockerproxy.observe.record import MAX_TARGET, Outcome
from dockerproxy.settings import Level


class Stability(StrEnum):
    """What the next release may change of a field."""

    STABLE = "stable"
    WORDING = "wording"
    GROWING = "growing"


_PROMISE: Final = (
    "One line of the log of dockerproxy, with LOG_FORMAT=json. The field x-stability of a property says what the next"
    " minor release may change: of a stable one nothing, of wording the words, which are for people, and a growing one"
    " may have new keys. There may be new fields, and new values of event: ignore what you do not know."
)

_TIME: Final[Schema] = {"type": "string", "format": "date-time", "pattern": r"^.{10}T.{8}\.[0-9]{3}Z$"}
_TEXT: Final[Schema] = {"type": "string"}
_ID: Final[Schema] = {"type": "integer", "minimum": -1}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_NEED: Final[Schema] = {
    "anyOf": [
        {"type": ["string", "boolean"]},
        {"type": "object", "additionalProperties": {"anyOf": [_TEXT, _TEXTS]}},
        {"type": "array", "items": {"anyOf": [_TEXT, _TEXTS]}},
    ]
}

_EVENTS: Final = ("exchange", "start", "message")
_STABLE, _WORDING, _GROWING = Stability

# fmt: off
_FIELDS: Final[Mapping[str, tuple[Stability, str, Schema]]] = {
    "time":      (_STABLE, "When the line was written, in UTC.", _TIME),
    "level":     (_STABLE, "The severity, in syslog's words.", {"enum": [level.value for level in Level]}),
    "event":     (_STABLE, "A finished exchange, the start of a stream or tunnel, or a message.", {"enum": _EVENTS}),
    "socket":    (_STABLE, "Our socket's name in the policy file, or docker.", _TEXT),
    "uid":       (_STABLE, "The client's user, as the kernel says.", _ID),
    "gid":       (_STABLE, "The client's group, likewise.", _ID),
    "pid":       (_STABLE, "The client's process, likewise; 0 if it is invisible, as in another container.", _ID),
    "method":    (_STABLE, "As sent.", _TEXT),
    "target":    (_STABLE, "Canonical path and query; as sent, if refused.", {**_TEXT, "maxLength": MAX_TARGET}),
    "operation": (_STABLE, "Its name in the catalog, or empty; ProxyHealth is the health check.", _TEXT),
    "object":    (_STABLE, "The object's name, if the engine was asked; else empty.", _TEXT),
    "decision":  (_STABLE, "What was decided.", {"enum": [outcome.value for outcome in Outcome]}),
    "source":    (_WORDING, "The setting that decided, like preset:traefik (policy.yaml:7), or empty.", _TEXT),
    "reason":    (_WORDING, "Why the answer is not the engine's own, and what would change that; or empty.", _TEXT),
    "status":    (_STABLE, "Of the answer; 0 if none came.", {**_COUNT, "maximum": 999}),
    "received":  (_STABLE, "Bytes of the client's body or tunnel.", _COUNT),
    "sent":      (_STABLE, "Bytes of the answer with its head, or of the tunnel.", _COUNT),
    "ms":        (_STABLE, "Milliseconds from the head to the end, or to the start.", {"type": "number", "minimum": 0}),
    "id":        (_STABLE, "Of the decision; the start and the end of a stream have the same.", _TEXT),
    "times":     (_STABLE, "For how many equal reads this line stands.", {"type": "integer", "minimum": 1}),
    "since":     (_STABLE, "When the first of them came.", _TIME),
    "body":      (_GROWING, "What a contained grant must say.", {"type": "object", "additionalProperties": _NEED}),
    "created":   (_STABLE, "The ID of what the request created, or a volume's name.", _TEXT),
    "text":      (_WORDING, "What a message says.", _TEXT),
}
# fmt: on

_MESSAGE: Final = ("time", "level", "event", "text")
_SOMETIMES: Final = frozenset({"times", "since", "body", "created", "text"})
"""Fields that not every exchange has."""


def make_log_schema() -> Schema:
    """Make the schema."""
    return {
        "$schema": DIALECT,
        "title": "line of the log of dockerproxy",
        "description": _PROMISE,
        "type": "object",
        "properties": {
            name: {"description": description, "x-stability": stability, **schema}
            for name, (stability, description, schema) in _FIELDS.items()
        },
        "required": ["event"],
        "if": {"properties": {"event": {"const": "message"}}},
        "then": {"required": list(_MESSAGE)},
        "else": {"required": [name for name in _FIELDS if name not in _SOMETIMES]},
        "dependentRequired": {"times": ["since"], "since": ["times"]},
    }
