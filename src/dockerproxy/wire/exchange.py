"""State table of one exchange: which signal may follow in which state.

A missing entry is a protocol error, by the engine or by us; the connection ends. The left half of a state's name is the
request, the right half the response.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """State of an exchange."""

    IDLE = "no request"
    HELD = "the request waits for its body, the engine's answer to a lookup, or a person's answer"
    SENDING = "the request is being sent, no answer yet"
    SENDING_ANSWERING = "the engine answers before the request ends: a build's progress, an early error"
    SENDING_ANSWERED = "the answer is complete, the request is not"
    SENT = "the request is complete, no answer yet"
    SENT_ANSWERING = "the answer is coming"
    SKIPPING = "the proxy answered; the rest of the request is read and dropped"
    DONE = "both are complete"
    CLOSING = "the last answer is written; further bytes are dropped until the client goes"
    TUNNEL = "no longer HTTP"


class Signal(StrEnum):
    """An event of an exchange."""

    HOLD = "a request cannot be judged before its body came or the engine was asked"
    HEAD = "the head of a request was judged and allowed"
    WHOLE = "a request without a body, or with a held one, was judged and allowed"
    REQUEST_END = "the request is complete"
    ANSWER = "the engine's final response head came"
    ANSWER_END = "the response is complete"
    SWITCH = "the engine agreed to a tunnel"
    REFUSE = "the proxy answers"
    NEXT = "the connection is free for the next request"
    CLOSE = "the connection ends after this"


Table = dict[State, dict[Signal, State]]

# fmt: off
EXCHANGE: Final[Table] = {
    State.IDLE:              {Signal.HEAD: State.SENDING, Signal.WHOLE: State.SENT, Signal.REFUSE: State.SKIPPING,
                              Signal.HOLD: State.HELD},
    State.HELD:              {Signal.HEAD: State.SENDING, Signal.WHOLE: State.SENT, Signal.REFUSE: State.SKIPPING},
    State.SENDING:           {Signal.REQUEST_END: State.SENT, Signal.ANSWER: State.SENDING_ANSWERING,
                              Signal.REFUSE: State.SKIPPING},
    State.SENDING_ANSWERING: {Signal.REQUEST_END: State.SENT_ANSWERING, Signal.ANSWER_END: State.SENDING_ANSWERED},
    State.SENDING_ANSWERED:  {Signal.REQUEST_END: State.DONE, Signal.CLOSE: State.CLOSING},
    State.SENT:              {Signal.ANSWER: State.SENT_ANSWERING, Signal.SWITCH: State.TUNNEL,
                              Signal.REFUSE: State.DONE},
    State.SENT_ANSWERING:    {Signal.ANSWER_END: State.DONE},
    State.SKIPPING:          {Signal.REQUEST_END: State.DONE, Signal.CLOSE: State.CLOSING},
    State.DONE:              {Signal.NEXT: State.IDLE, Signal.CLOSE: State.CLOSING},
    State.CLOSING:           {},
    State.TUNNEL:            {},
}
# fmt: on


class OutOfTurn(Exception):  # noqa: N818 (it names what happened)
    """A signal that is not in the table."""


def step(state: State, signal: Signal) -> State:
    """Return the state after a signal. `OutOfTurn`: the protocol was broken, and the connection must end."""
    try:
        return EXCHANGE[state][signal]
    except KeyError:
        raise OutOfTurn(f"{signal} while {state}") from None
