"""The life of an exchange: what may follow what, and that it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.wire.exchange import EXCHANGE, OutOfTurn, Signal, State, step

EVERY = [(state, signal) for state in State for signal in Signal]
REQUEST_GOES_ON = {State.SENDING, State.SENDING_ANSWERING, State.SENDING_ANSWERED, State.SKIPPING}
ENDS = {State.CLOSING, State.TUNNEL}

# Which states a signal has a place in, in the words of RFC 9112 and of Docker, not of the table.
PLACES = {
    Signal.HOLD: {State.IDLE},
    Signal.HEAD: {State.IDLE, State.HELD},
    Signal.WHOLE: {State.IDLE, State.HELD},
    Signal.REQUEST_END: REQUEST_GOES_ON,
    Signal.ANSWER: {State.SENDING, State.SENT},
    Signal.ANSWER_END: {State.SENDING_ANSWERING, State.SENT_ANSWERING},
    Signal.SWITCH: {State.SENT},
    Signal.REFUSE: {State.IDLE, State.HELD, State.SENDING, State.SENT},
    Signal.NEXT: {State.DONE},
    Signal.CLOSE: {State.DONE, State.SKIPPING, State.SENDING_ANSWERED},
}


@for_each(("state", "signal"), EVERY)
def test_a_signal_is_taken_in_its_place_and_is_a_breach_of_the_protocol_anywhere_else(
    state: State, signal: Signal
) -> None:
    if state in PLACES[signal]:
        assert step(state, signal) in State
    else:
        with pytest.raises(OutOfTurn, match="while"):
            step(state, signal)


@for_each("state", State)
def test_every_state_is_in_the_table_and_can_be_reached(state: State) -> None:
    assert state in EXCHANGE
    reached, new = set[State](), {State.IDLE}
    while new:
        reached |= new
        new = {following for one in new for following in EXCHANGE[one].values()} - reached
    assert state in reached


@for_each("state", State)
def test_nothing_leaves_a_connection_that_ends_or_is_a_tunnel_and_everything_else_can_go_on(state: State) -> None:
    assert (EXCHANGE[state] == {}) is (state in ENDS)


@for_each(("state", "signal"), EVERY)
def test_a_step_never_forgets_whether_the_request_is_complete(state: State, signal: Signal) -> None:
    if signal not in EXCHANGE[state] or signal in {Signal.HEAD, Signal.NEXT, Signal.CLOSE}:
        return
    following = step(state, signal)
    if signal is Signal.REQUEST_END:
        assert following not in REQUEST_GOES_ON
    elif state not in {State.IDLE, State.HELD}:
        assert (following in REQUEST_GOES_ON) is (state in REQUEST_GOES_ON)


@given(st.data())
def test_an_exchange_is_done_only_when_request_and_answer_each_ended_once(data: st.DataObject) -> None:
    state, signals = State.IDLE, list[Signal]()
    while state not in {State.DONE, *ENDS}:
        signals.append(data.draw(st.sampled_from(sorted(EXCHANGE[state]))))
        state = step(state, signals[-1])
        assert len(signals) <= len(Signal), "an exchange goes round in circles"
    ends = signals.count(Signal.ANSWER_END) + signals.count(Signal.REFUSE) + signals.count(Signal.SWITCH)
    assert ends == 1
    if state in {State.DONE, State.TUNNEL}:
        assert signals.count(Signal.REQUEST_END) + signals.count(Signal.WHOLE) == 1


@for_each(
    ("signals", "end"),
    [
        ("HEAD REQUEST_END ANSWER ANSWER_END NEXT", State.IDLE),
        ("HEAD ANSWER REQUEST_END ANSWER_END NEXT", State.IDLE),
        ("HEAD ANSWER ANSWER_END REQUEST_END NEXT", State.IDLE),
        ("HEAD ANSWER ANSWER_END CLOSE", State.CLOSING),
        ("WHOLE ANSWER ANSWER_END NEXT", State.IDLE),
        ("WHOLE SWITCH", State.TUNNEL),
        ("HEAD REQUEST_END SWITCH", State.TUNNEL),
        ("HEAD REFUSE REQUEST_END NEXT", State.IDLE),
        ("HEAD REQUEST_END REFUSE CLOSE", State.CLOSING),
        ("REFUSE REQUEST_END NEXT", State.IDLE),
        ("REFUSE CLOSE", State.CLOSING),
    ],
)
def test_the_known_stories_end_where_they_should(signals: str, end: State) -> None:
    state = State.IDLE
    for name in signals.split():
        state = step(state, Signal[name])
    assert state is end
