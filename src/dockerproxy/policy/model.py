"""What one can say about a socket: grants, denials, and what they are subject to.

Everything here is a value made at load time. What is not granted is refused; a denial wins over every grant;
the order says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dockerproxy.api.request import CanonicalRequest


class Condition(Protocol):
    """A constraint on an allowed operation."""

    def holds(self, request: CanonicalRequest) -> bool:
        """Whether the request keeps to it."""

    def __str__(self) -> str:
        """Say it as a clause that follows "if"."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A line that allows operations.

    Attributes:
        operations: Names of operations.
        source: What the operator wrote, like `CONTAINERS=1`.
        condition: What a request must keep to, if anything.
    """

    operations: frozenset[str]
    source: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """A line that refuses operations whatever is granted."""

    operations: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the clients of one socket may do.

    Attributes:
        grants: What is allowed.
        denials: What is not, in spite of them.
        hints: For each operation, what an operator would change to have it allowed.
    """

    grants: tuple[Grant, ...]
    denials: tuple[Denial, ...]
    hints: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request, made when the policy is compiled and shared by all requests that get it.

    Attributes:
        allowed: Whether the request goes on.
        source: The grant or denial that decided; empty where nothing speaks of the operation.
        message: For the client of a request that is not allowed: what was refused, and what would allow it.
    """

    allowed: bool
    source: str
    message: str = ""
