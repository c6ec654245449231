"""`names`: what a container, network, volume or pod may be called."""

from dockerproxy.policy.constraints.base import Objects
from dockerproxy.policy.words import fault_of_name


class Names(Objects):
    """Names of objects, by pattern or full id."""

    def fault(self, item: str) -> str:
        """Return why no object can be called so."""
        return fault_of_name(item)


CONSTRAINT = Names("names", "what it may be called; one of these names must be given", narrows=True)
