"""`path`: a path in a container, as it is spelled: what links in there point to cannot be seen from here."""

from dockerproxy.policy.constraints.base import Globs
from dockerproxy.policy.words import fault_of_path


class _Path(Globs):
    fault = staticmethod(fault_of_path)


CONSTRAINT = _Path(
    "path", "which paths in the container, as they are spelled; links in there are followed by the engine", narrows=True
)
