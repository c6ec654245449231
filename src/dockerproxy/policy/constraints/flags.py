"""Words for parameters that are true or false: a request has the value that a grant demands."""

from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.constraints.base import Constraint, Matcher
from dockerproxy.policy.values import Takes, Value


class Flag(Constraint):
    """A parameter that is true or false has this value."""

    takes = Takes.FLAG

    def __init__(self, name: str, summary: str) -> None:
        super().__init__(name, summary, narrows=True)

    def matcher(self, granted: Value) -> Matcher:
        """Match the value itself."""
        return lambda value: value is granted

    def least(self, value: Hashable) -> Value | None:
        """Demand the value."""
        return value if isinstance(value, bool) else None


CONSTRAINTS: Final = (
    Flag("follow", "whether the answer goes on as more is printed"),
    Flag(
        "force",
        "whether what is in use goes too; for images and volumes, Podman then deletes the containers that use it",
    ),
    Flag("remove_volumes", "whether its unnamed volumes go too"),
    Flag("showsecret", "whether Podman shows the secret's value"),
    Flag(
        "stdin",
        "whether the client can type into it; a request has to say so or not, for engines differ where it says nothing",
    ),
    Flag("stream", "whether the answer goes on, a line a second"),
)
