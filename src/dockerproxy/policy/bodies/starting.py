"""What is started, which someone may have made otherwise: a command in a container, a container from a checkpoint.

How one would start more than was made, and what stops it: a command that another client prepared with privileges (the
engine is asked what it is when it starts); a checkpoint whose name leads out of its directory, or a directory of the
host for it. Under API versions below 1.24 a start can have a body that changes the container; it is always refused
(`api/old_bodies.py`).
"""

from dockerproxy.policy.bodies.containing import check_commands
from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import IS_NAME
from dockerproxy.wire.document import Json


def check_prepared(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What was prepared is one of the granted commands."""
    config = value if isinstance(value, dict) else {}
    arguments = config.get("arguments")
    words = [config.get("entrypoint"), *(arguments if isinstance(arguments, list) else ())]
    check_commands(seen, words if config else [], path, around)
    return value


def check_started(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """No directory of the host is named."""
    del around
    if value:
        seen.fault(path, value, "which is a directory of the host")
    return value


def check_checkpoint(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """A checkpoint is called by a name, which is no path."""
    del around
    if value and not (isinstance(value, str) and IS_NAME(value)):
        seen.fault(path, value, "which is no name of a checkpoint")
    return value
