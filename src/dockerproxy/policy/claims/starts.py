"""What is started, which someone may have made otherwise: a command in a container, a container from a checkpoint.

Attack: start a command that another client prepared with privileges -> Defence: the engine is asked what it is.
Attack: a checkpoint whose name leads out of its directory, or a host directory for it -> Defence: names only.
Attack: a body that changes the container, under API versions below 1.24 -> Defence: refused (`api/old_bodies.txt`).
"""

from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.claims.commands import check_commands
from dockerproxy.policy.claims.names import IS_NAME
from dockerproxy.wire.document import Json, list_of, object_of


def check_prepared(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """What was prepared is one of the granted commands."""
    config = object_of(value)
    words = [config.get("entrypoint"), *list_of(config.get("arguments"))]
    check_commands(reading, words if config else [], path, parent)


def check_checkpoint(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A checkpoint is called by a name, which is no path."""
    if value and not (isinstance(value, str) and IS_NAME(value)):
        reading.violate(path, value, "not a valid checkpoint name")
