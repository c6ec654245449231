"""Parameters and fields whose values are secret: they are hidden in the log and in messages.

dockerode and what is built on it repeat the body of a request in its query, where no engine reads it. The log has the
query, so it would have the environment of each container, the arguments of each build, and credentials.

Attacks: docs/attacks.md, api/secrets.
"""

import re
from functools import partial
from typing import Final

from dockerproxy.text import fold, unquote

HIDDEN: Final = "..."
"""In place of a value. Written so, it is canonical in a target."""

_FIELDS: Final = frozenset(
    {
        *("auth", "authconfig", "buildargs", "credentials", "env", "identitytoken", "jointoken", "password"),
        *("registryauth", "registryconfig", "registrytoken", "unlockkey", "x-registry-auth", "x-registry-config"),
    }
)
"""Secret wherever they are. Folded, as all names here."""

_PARAMETERS: Final = _FIELDS | {
    *("annotations", "caconfig", "changes", "data", "driveropts", "healthcheck", "hostconfig", "labels", "options"),
    "tasktemplate",
}
"""Secret in a query: besides, objects with such fields in them, options with which a driver logs in, the contents of
secrets and configs, and lines of a Dockerfile, some of which set variables."""

_MAY_BE_SECRET: Final = partial(
    re.search, rf"(?ai)[?&;](?:[^=&;]*(?:%|[^\x00-\x7f])|(?:{'|'.join(sorted(_PARAMETERS))})=)"
)
"""A quick look that finds each secret name, and any that has an escape or a character outside ASCII in it."""

_NAMES: Final = partial(re.finditer, r"(?:^|;)([^=;]*)=")
_SEGMENTS: Final = partial(re.findall, r"(?:^|[.?])([A-Za-z-]+)")


def redact(target: str) -> str:
    """Return a request target, canonical or as the client sent it, with the values of secret parameters hidden."""
    if "?" not in target or _MAY_BE_SECRET(target) is None:
        return target
    path, _, query = target.partition("?")
    redacted = "&".join(map(_redact_piece, query.split("&")))
    return target if redacted == query else f"{path}?{redacted}"


def _redact_piece(piece: str) -> str:
    """Hide what follows the first secret name in one piece of a query."""
    for found in _NAMES(piece):
        if fold(unquote(found[1].replace("+", " "))) in _PARAMETERS:
            return piece[: found.end()] + HIDDEN
    return piece


def is_secret(path: str) -> bool:
    """Whether the value at a path must not be shown; messages have paths like `Env[0]` and `?buildargs`."""
    names = map(fold, _SEGMENTS(path))
    return not (_PARAMETERS if path.startswith("?") else _FIELDS).isdisjoint(names)
