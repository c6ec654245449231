"""The refusal of a request, as a value: malformed requests are expected, so they raise no exception."""

from typing import NamedTuple


class Refusal(NamedTuple):
    """Why a request is ambiguous, malformed or over a limit.

    Attributes:
        status: The HTTP status of the answer: 400, or 404, 413, 417 and 431 where these are more specific.
        reason: What is wrong, for the client and the log; a clause without a full stop.
    """

    status: int
    reason: str
