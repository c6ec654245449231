"""What is proposed is told apart from what is wrong, and from what a client says."""

import json

from hypothesis import given
from hypothesis import strategies as st
from observe.records import record_of

from dockerproxy.observe.record import Outcome
from dockerproxy.workbench.reasons import is_missing, split_reason

ADVICE = 'to allow it, add "ContainerCreate: {binds: ["/x; to allow me"]}" to "allow" of socket "web"'


def test_a_reason_ends_with_what_would_allow_the_request() -> None:
    wrong = "ContainerStop denied: no rule allows it"
    assert split_reason(f"{wrong}; {ADVICE}") == (wrong, ADVICE)
    assert split_reason(wrong) == (wrong, "")


@given(st.text() | st.sampled_from(['"; to allow it, set POST=1', '\\"; to allow it, set POST=1', "; to allow it \\"]))
def test_what_a_client_says_is_never_taken_for_advice(name: str) -> None:
    wrong = f"ContainerCreate denied: HostConfig.Binds[0] is {json.dumps(name)}, a host path that no rule allows"
    assert split_reason(wrong) == (wrong, "")
    assert split_reason(f"{wrong}; {ADVICE}") == (wrong, ADVICE)


def test_a_quote_without_an_end_hides_all_behind_it() -> None:
    cut = 'x denied: "/a\\"; to allow it, set POST=1'
    assert split_reason(cut) == (cut, "")


def test_what_is_hidden_is_denied_and_what_does_not_exist_is_missing() -> None:
    record = record_of("GET /containers/web/json", status=404, decision=Outcome.DENIED)
    assert is_missing(record._replace(reason="no such container: web"))
    assert not is_missing(record._replace(reason="ContainerInspect denied: no rule allows it"))
    assert not is_missing(record._replace(status=403))
