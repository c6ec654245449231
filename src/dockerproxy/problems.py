"""Mistakes of the operator, raised all at once, each with its place."""

from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake in what an operator wrote.

    Attributes:
        where: The variable, or the file with line and column.
        what: What is wrong with it.
        hint: What to write instead; may be empty.
    """

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n    {self.hint}" if self.hint else "")


class UserError(Exception):
    """Mistakes that the operator can fix, all at once."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
