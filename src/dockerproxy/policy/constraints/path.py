"""`path`: a path in a container, as it is spelled: what links in there point to cannot be seen from here."""

from dockerproxy.policy.constraints.base import Globs
from dockerproxy.policy.words import fault_of_path


class _Path(Globs):
    def fault(self, item: str) -> str:
        """Return why an item is no path."""
        return fault_of_path(item)


CONSTRAINT = _Path(
    "path", "which paths in the container, as they are spelled; links in there are followed by the engine", narrows=True
)
