"""Who does what denials say, one after the other, has the request allowed at last, by options or by the environment.

The same of a policy file: `test_agreement.py`.
"""

import re
from collections.abc import Sequence

from config.test_switches import apply
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import environments, policy_of
from workbench.requests import ANY, NOTHING, Asked, grants, load, record, send, take_for_name

from dockerproxy.config.options import MARK, make_typed_policy, read_grants
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Verdict
from dockerproxy.problems import Problem

MOST_STEPS = 6
WHY_NONE = ("only a grant without condition", "cannot list it", "widen its conditions", "denied: only allowed if")
PRESETS = ("ci", "ai-agent", "testcontainers", "own-compose", "ping", "watchtower", "compose")
FILE = re.compile(r'(?:, write a policy file with |(remove its line and )?add )"(.+?)"(?: to "allow".*)?$')


def find_denial(policy: CompiledPolicy, asked: Asked) -> str:
    """Return what the log says of a request; nothing if it is allowed, or if no policy could allow it."""
    judged = send(policy, asked, take_for_name)
    if not isinstance(judged, Verdict) or judged.decision.allowed:
        return ""
    return judged.decision.reason or judged.decision.message


def read_options(presets: Sequence[str], allow: Sequence[str]) -> tuple[CompiledPolicy | None, list[Problem]]:
    problems: list[Problem] = []
    lines = read_grants(allow, presets, problems)
    return None if problems else compile_policy(make_typed_policy(lines, Mode.ENFORCE)), problems


@given(ANY, st.lists(st.sampled_from(PRESETS), max_size=1), st.data())
def test_what_run_says_to_add_allows_the_request_at_last(asked: Asked, presets: list[str], data: st.DataObject) -> None:
    learned = send(NOTHING, asked, take_for_name)
    if not isinstance(learned, Verdict):
        return
    allow = data.draw(st.lists(grants(record(learned)), max_size=1))
    policy, _ = read_options(presets, allow)
    for _ in range(MOST_STEPS if policy is not None else 0):
        assert policy is not None
        said = find_denial(policy, asked)
        before, mark, line = said.partition(MARK)
        if not mark:
            assert not said or any(why in said for why in WHY_NONE), said
            return
        is_replaced = before.endswith(f'remove the "--allow" of {asked.operation.name} and add')
        allow = [*(each for each in allow if not is_replaced or each.partition(":")[0] != asked.operation.name), line]
        policy, problems = read_options(presets, allow)
        assert not problems, (said, allow)
    assert policy is None, allow


@given(ANY, environments(), st.sampled_from("01"))
def test_what_the_environment_is_said_to_lack_allows_the_request_at_last(
    asked: Asked, environment: dict[str, str], contained: str
) -> None:
    environment = {**environment, "CONTAINED": contained}
    policy: CompiledPolicy | None = policy_of(**environment)
    lines: list[str] = []
    for _ in range(MOST_STEPS):
        assert policy is not None, lines
        said = find_denial(policy, asked)
        if not said:
            return
        if found := FILE.search(said):
            lines = [*(lines if not found[1] else []), found[2]]
            policy = load(*lines)
            continue
        if found := re.search(r", remove (\w+) from DENY$", said):
            environment["DENY"] = ",".join({*environment["DENY"].split(",")} - {found[1]})
        for setting in re.findall(r"set (?!CONTAINED)[A-Z_]+=\w+|add \w+ to ALLOW|CONTAINED=1$", said):
            environment = apply(environment, setting)
        policy = policy_of(**environment)
    raise AssertionError((environment, lines))
