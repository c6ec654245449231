"""What one can say about a socket: grants, denials, and what they are subject to.

Everything here is a value made at load time. What is not granted is refused; a denial wins over every grant;
the order says nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from dockerproxy.policy.places import NOWHERE, Places
from dockerproxy.policy.quota import Quota
from dockerproxy.policy.values import ADD, Value
from dockerproxy.policy.words.constraint import Condition

ASK: Final = "ask"
"""A word for `mode` that is none of `Mode`: what asks enforces, until somebody has answered."""


class Mode(StrEnum):
    """What becomes of a request that the policy does not allow."""

    ENFORCE = "enforce"
    REPORT = "report"
    LEARN = "learn"


class Grant(NamedTuple):
    """A line that allows operations.

    Attributes:
        operations: Names of operations.
        source: What the operator wrote and where, like `CONTAINERS=1` or `containers:read (policy.yaml:12)`.
        conditions: What a request must keep to, all of it.
    """

    operations: frozenset[str]
    source: str
    conditions: tuple[Condition, ...] = ()


def values_of(conditions: tuple[Condition, ...]) -> Mapping[str, Value]:
    """Return conditions as a policy file has them: values by their words."""
    return {condition.word: condition.value for condition in conditions}


class Denial(NamedTuple):
    """A line that refuses operations whatever is granted."""

    operations: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the clients of one socket may do.

    Attributes:
        grants: What is allowed.
        denials: What is not, in spite of them.
        hint: Says what an operator would change to have an operation allowed.
        mode: What becomes of a request that is not allowed.
        remedy: How to add a grant, for `propose`.
        lines: Creates that have a line of their own, besides those of presets and sections.
        owner: Whose what its clients create is, if a grant speaks of `own`.
        places: Where the engine finds what its clients mount.
        quota: How much of its owner's there may be; None if there is no limit.
        hides: What is left out of the engine's answers, in words of `api/answers`.
        asks: Whether a person may allow what is not: mode `ask`, which denies like `enforce` unless somebody does.
    """

    grants: tuple[Grant, ...]
    denials: tuple[Denial, ...]
    hint: Callable[[str], str] = field(compare=False)
    mode: Mode = Mode.ENFORCE
    remedy: str = ADD
    lines: frozenset[str] = frozenset()
    owner: str = ""
    places: Places = NOWHERE
    quota: Quota | None = None
    hides: frozenset[str] = frozenset()
    asks: bool = False

    @property
    def mode_word(self) -> str:
        """What a policy file calls what becomes of a request that is not allowed."""
        return ASK if self.asks else self.mode


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request, made when the policy is compiled and shared by all requests that get it.

    Attributes:
        allowed: Whether the request goes on.
        source: The grant or denial that decided; empty where nothing speaks of the operation.
        message: For the client of a request that is not allowed: what was denied, and how to allow it.
        reason: The same for the log, where it may say more than the client may know; else empty.
        status: Of the answer to a request that is not allowed.
        about_object: Whether it holds for the object as it is now, so that the request must go on under its id.
        content: What goes on as the body, of a request whose body was read; None if that is what came.
        query: What goes on in place of some parameters, by their names.
        fixed: Parameters that the engine gets with these values, whatever the client says; empty ones are left out.
        docker_only: Whether it holds only if the engine that gets the request says over the same connection that it is
            Docker.
        shows: By which conditions, of any of several grants, an element of a list is shown, or removed by a prune; all
            are if there are none.
        owner: Whose all is that is shown, if it is all somebody's; of what publishes ports of a swarm, who asks for it.
        mounts: Volumes that it may mount as they are now, since they are the client's own.
        copies: Volumes that a contained create makes or mounts, into which the engine may copy files of the image; None
            if its body was not judged.
        makes: Those of `mounts` that do not exist, with their labels: they are made under the client's stamp before the
            request goes on.
        joins: IDs of the client's own networks that it joins, which must be there still.
        keeps_stopped: Whether it copies files of a container that must not start before the engine has done so.
        starts: Whether it starts a container, by a socket whose clients may copy files of their own ones.
        counts_for: Whose quota it may add to, so that what is there is counted first; empty if it adds to none.
    """

    allowed: bool
    source: str
    message: str = ""
    status: int = 403
    about_object: bool = False
    content: bytes | None = None
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    docker_only: bool = False
    reason: str = ""
    shows: tuple[Mapping[str, Condition], ...] = ()
    owner: str = ""
    mounts: tuple[str, ...] = ()
    copies: tuple[str, ...] | None = None
    makes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    joins: tuple[str, ...] = ()
    keeps_stopped: bool = False
    starts: bool = False
    counts_for: str = ""
