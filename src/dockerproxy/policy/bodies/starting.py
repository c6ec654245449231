"""What is started, which someone may have made otherwise: a command in a container, a container from a checkpoint.

How one would start more than was made, and what stops it: a command that another client prepared with privileges (the
engine is asked what it is when it starts); a checkpoint whose name leads out of its directory, or a directory of the
host for it; a version of the API below 1.24, in which the body changes what the container was created with.
"""

import re
from typing import Final

from dockerproxy.policy.bodies.containing import check_commands
from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import IS_NAME
from dockerproxy.wire.document import Json

_FIRST_VERSION: Final = (1, 24)
"""From which on Docker refuses a body with which a container is started."""


def check_prepared(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What was prepared is one of the granted commands."""
    config = value if isinstance(value, dict) else {}
    arguments = config.get("arguments")
    words = [config.get("entrypoint"), *(arguments if isinstance(arguments, list) else ())]
    check_commands(seen, words if config else [], path, around)
    return value


def check_started(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """No directory of the host is named, and no body is read."""
    del around
    if value:
        seen.fault(path, value, "which is a directory of the host")
    version = tuple(int(part) for part in re.findall("[0-9]+", seen.request.version))
    if version and version < _FIRST_VERSION:
        seen.fault("the API version", seen.request.version, "in which the body can give a container more than it had")
    return value


def check_checkpoint(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """A checkpoint is called by a name, which is no path."""
    del around
    if value and not (isinstance(value, str) and IS_NAME(value)):
        seen.fault(path, value, "which is no name of a checkpoint")
    return value
