"""What goes wrong, as values: a refused request, and mistakes of an operator.

A hostile or malformed request is an ordinary value (`Refusal`); only what a person must mend is raised.
"""

from typing import NamedTuple


class Refusal(NamedTuple):
    """Why a request is ambiguous, malformed or over a limit.

    Attributes:
        status: The HTTP status of the answer: 400, or 417 and 431 where these say it better.
        reason: What is wrong, for the client and the log; a clause without a full stop.
    """

    status: int
    reason: str


class Problem(NamedTuple):
    """One mistake in what an operator wrote.

    Attributes:
        where: The variable, or the file with line and column.
        what: What is wrong with it.
        hint: What to write instead; empty where nothing better is known.
    """

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n    {self.hint}" if self.hint else "")


class UserError(Exception):
    """Mistakes an operator can mend, all of them at once."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
