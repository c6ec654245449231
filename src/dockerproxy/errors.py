"""Why a request is refused, as a value: a hostile or malformed request is nothing exceptional."""

from typing import NamedTuple


class Refusal(NamedTuple):
    """Why a request is ambiguous, malformed or over a limit.

    Attributes:
        status: The HTTP status of the answer: 400, or 404, 417 and 431 where these say it better.
        reason: What is wrong, for the client and the log; a clause without a full stop.
    """

    status: int
    reason: str
