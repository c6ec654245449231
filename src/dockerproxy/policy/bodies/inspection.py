"""What is seen while a body is read: what is wrong with it, and what the engine must be asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.api.secrets import HIDDEN, is_secret
from dockerproxy.policy.model import Value
from dockerproxy.policy.objects import Found, Kind, Question, ask
from dockerproxy.text import shorten_ids
from dockerproxy.wire.document import Json, show

Object: TypeAlias = dict[str, Json]
Answers: TypeAlias = Mapping[tuple[Kind, str], Found]

MOST_QUESTIONS: Final = 32
"""That one body may make us ask the engine. No honest client names so many objects at once."""

MOST_FAULTS: Final = 128
"""That are noted. A body of nothing else would have us write ten thousands of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a request besides its head.

    Attributes:
        found: The object that its path names; None if that is not known yet, or it names none.
        body: Its body, as the only item; None if it has not come yet. A body of no bytes is None itself.
        answers: What the engine said of names in the body.
    """

    found: Found | None = None
    body: tuple[Json] | None = None
    answers: Answers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a request that its grant does not let through.

    Attributes:
        path: Where, like `HostConfig.Binds[0]`; a parameter of the query begins with `?`.
        shown: Its value as understood, cut short.
        says: What is wrong with it, as a clause.
        word: Of the condition that could allow it; empty if only `unrestricted` does.
        value: What the condition would have to say at least.
    """

    path: str
    shown: str
    says: str
    word: str = ""
    value: Value = ""

    def __str__(self) -> str:
        return f"{self.path} is {self.shown}, {self.says}" if self.shown else f"{self.path} {self.says}"


@dataclass(slots=True, kw_only=True)
class Inspection:
    """What is seen while one request is read.

    Attributes:
        request: Its head.
        bounds: What the grant says, by its words.
        answers: What the engine said of names in it.
        faults: What is wrong with it.
        questions: What the engine must be asked first.
    """

    request: CanonicalRequest
    bounds: Mapping[str, Value]
    answers: Answers
    faults: list[Fault] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def fault(self, path: str, value: Json, says: str, word: str = "", needed: Value = "") -> None:
        """Note what is wrong. A secret is not shown, and of a whole id 12 digits.

        Args:
            path: Where.
            value: What is there; None if nothing is, though something must be.
            says: What is wrong with it, as a clause that goes on after the value.
            word: Of the condition that could allow it.
            needed: What that would have to say at least.
        """
        if len(self.faults) < MOST_FAULTS:
            shown = "" if value is None else HIDDEN if is_secret(path) else shorten_ids(show(value))
            self.faults.append(Fault(path, shown, says, word, needed))

    def ask(self, kind: Kind, name: str) -> Found | None:
        """Return what the engine says of a name; None if it must be asked first.

        Where there are too many questions already, no more are thought of.
        """
        found = self.answers.get((kind, name))
        if found is None and len(self.questions) <= MOST_QUESTIONS:
            question = ask(kind, name, self.request.version, self.request.operation)
            if question not in self.questions:
                self.questions.append(question)
        return found


Check: TypeAlias = Callable[[Inspection, Json, str, Object], Json]
"""Looks at a value, and returns what goes to the engine in its place.

Its arguments are the inspection, the value (None if there is none), its path, and the object around it.
"""
