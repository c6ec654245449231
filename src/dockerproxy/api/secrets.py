"""Parameters and fields whose values are secret: they are hidden in the log and in messages.

dockerode and its users repeat a request's body in the query, which no engine reads. The log shows the query. Without
this, it would show each container's environment, each build's arguments, and credentials.

Attacks: docs/attacks.md, api/secrets.
"""

import re
from functools import partial
from typing import Final

from dockerproxy.text import fold, unquote

HIDDEN: Final = "..."
"""Shown instead of a value. Canonical in a target."""

_FIELDS: Final = frozenset(
    {
        *("auth", "authconfig", "buildargs", "credentials", "env", "identitytoken", "jointoken", "password"),
        *("registryauth", "registryconfig", "registrytoken", "unlockkey", "x-registry-auth", "x-registry-config"),
    }
)
"""Secret everywhere. All names here are folded."""

_PARAMETERS: Final = _FIELDS | {
    *("annotations", "caconfig", "changes", "data", "driveropts", "healthcheck", "hostconfig", "labels", "options"),
    "tasktemplate",
}
"""Secret in a query. These also contain such fields, login options of a driver, contents of secrets and configs, or
Dockerfile lines that may set variables."""

_MAY_BE_SECRET: Final = partial(
    re.search, rf"(?ai)[?&;](?:[^=&;?]*(?:%|[^\x00-\x7f])|(?:{'|'.join(sorted(_PARAMETERS))})=)"
)
"""A quick search that finds every secret name, and any name with an escape or a non-ASCII character."""

_NAMES: Final = partial(re.finditer, r"(?:^|;)([^=;]*)=")
_SEGMENTS: Final = partial(re.findall, r"(?:^|[.?])([A-Za-z-]+)")


def redact(target: str) -> str:
    """Return a request target, canonical or as the client sent it, with secret values hidden."""
    if "?" not in target or _MAY_BE_SECRET(target) is None:
        return target
    path, _, query = target.partition("?")
    redacted = "&".join(map(_redact_piece, query.split("&")))
    return target if redacted == query else f"{path}?{redacted}"


def _redact_piece(piece: str) -> str:
    """Hide the value after the first secret name in one piece of a query."""
    for found in _NAMES(piece):
        if fold(unquote(found[1].replace("+", " "))) in _PARAMETERS:
            return piece[: found.end()] + HIDDEN
    return piece


def is_secret(path: str) -> bool:
    """Whether to hide the value at a path. Messages have paths like `Env[0]` and `?buildargs`."""
    names = map(fold, _SEGMENTS(path))
    return not (_PARAMETERS if path.startswith("?") else _FIELDS).isdisjoint(names)
