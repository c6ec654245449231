"""`names`: what a container, network, volume or pod may be called."""

from dockerproxy.policy.constraints.base import Objects
from dockerproxy.policy.words import fault_of_name


class Names(Objects):
    """Names of objects, by pattern or full id."""

    fault = staticmethod(fault_of_name)


CONSTRAINT = Names("names", "what it may be called; one of these names must be given", narrows=True)
