"""Words for objects by their names: those that an operation is about, that a container gets or joins, or is called."""

from typing import Final

from dockerproxy.policy.words.constraint import Constraint, Objects
from dockerproxy.policy.words.spellings import fault_of_name


class Names(Objects):
    """Names of objects, by pattern or full id."""

    fault = staticmethod(fault_of_name)


class _Joins(Names):
    describe = Constraint.describe


CONSTRAINTS: Final = (
    Names("configs", "which configs of a swarm, by name or glob; which may be read"),
    Names("containers", "which containers, by name, glob or full id", narrows=True),
    _Joins("joins", "of which containers the network, processes and memory may be joined"),
    Names("names", "what it may be called; one of these names must be given", narrows=True),
    Names("pods", "which pods, by name, glob or full id"),
    Names("secrets", "which secrets, by name or glob; which may be read"),
    Names("services", "which services, by name, glob or full id", narrows=True),
    Names("volumes", "which volumes, by name or glob; which may be mounted"),
)
