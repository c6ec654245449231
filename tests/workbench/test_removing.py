"""What is said to end what a policy file grants ends it, and leaves a file without a mistake."""

import re

from hypothesis import event, given
from hypothesis import strategies as st
from policy.policies import PLAIN
from workbench.bearings import change, changes, tried_on
from workbench.lines import POLICIES, load, write

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.exposure import find_exposures
from dockerproxy.workbench.exposures import say_end

ENDS = re.compile(r"(?:remove (.*?) (?:and write )?)?(?:deny: \[([\w, ]*)\] )?(?:removes it|to end it)")


def find_allowed(socket: SocketSettings) -> set[str]:
    return {name for name in OPERATIONS if socket.policy.allows(name)}


@given(POLICIES, st.integers(0, 9))
def test_what_is_said_to_end_an_exposure_ends_it(lines: list[str], number: int) -> None:
    before = load(write(lines))
    exposures = find_exposures(before.policy) if before else ()
    if before is None or not exposures:
        return
    exposed = exposures[number % len(exposures)]
    told = say_end(before.policy.policy, exposed, in_file=True)
    found = ENDS.fullmatch(told)
    assert found, told
    event(re.sub(r"[A-Z(][^ ]+", "X", told))
    removed = {int(number) for number in re.findall(r"\(policy\.yaml:(\d+)\)", found[1] or "")}
    left = [line for number, line in enumerate(lines, 5) if number not in removed]
    after = load(write(left, filter(None, (found[2] or "").split(", "))))
    assert after is not None, told
    assert exposed.says not in {each.says for each in find_exposures(after.policy)}, told
    assert find_allowed(after) <= find_allowed(before) - {*exposed.operations}, told


@given(POLICIES, st.sampled_from(sorted(PLAIN)))
def test_what_explain_says_would_deny_a_request_denies_it(lines: list[str], name: str) -> None:
    text = write(lines)
    before = load(text)
    tried = tried_on(before, PLAIN[name].method, PLAIN[name].target) if before else None
    if before is None or tried is None or not tried.decision.allowed:
        return
    said = changes(before, tried)
    after = load(
        change(text.replace("    deny: []", ""), said).replace("    allow:\n    deny:", "    allow: []\n    deny:")
    )
    assert after is not None, said
    assert not tried_on(after, PLAIN[name].method, PLAIN[name].target).decision.allowed, said
    assert find_allowed(before) - find_allowed(after) <= {name}
