"""Enforcing, explaining, learning and comparing never disagree about a request."""

import re
from http import HTTPStatus
from pathlib import Path

from cli.files import write as write_file
from cli.programs import run_here
from cli.test_suggest import write_log
from folders import short_folder
from hypothesis import assume, given
from hypothesis import strategies as st
from observe.records import NOON, SOCKET
from workbench.requests import ANY, NOTHING, Asked, grants, load, record, send, take_for_name, write

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.phases import Verdict
from dockerproxy.workbench.bearing import find_change
from dockerproxy.workbench.learning import Learner
from dockerproxy.workbench.needs import Impossible, find_named, find_need
from dockerproxy.workbench.trying import Tried, try_request

PROPOSED = re.compile('; to allow it([^"]*), (?:remove its line and )?add "(.+)" to "allow"')
WORDS = re.compile(r"(\w+): ").findall
MOST_LINES = 4
"""One after the other: what depends on an answer of the engine is asked when all else is granted."""

WHY_NO_LINE = ("Requests that no policy allows", "denied for the body, which is not in the log")
WHY_NOT_ENOUGH = ("is left out, because", "cannot list what a request has", "as here, they may be denied", "not the ID")
"""The last in what is denied once all else is granted, since only the engine knows an ID."""

WHY_NONE = (
    *("only a grant without condition", "only an unrestricted grant allows", "denied: only allowed if"),
    *("cannot list it", "No such ", "to allow it, first use a clean path"),
)


def learned_of(asked: Asked) -> Verdict:
    """Return what becomes of a request on a socket that learns."""
    judged = send(NOTHING, asked, take_for_name)
    assume(isinstance(judged, Verdict))
    assert isinstance(judged, Verdict)
    return judged


def policy_of(*lines: str) -> CompiledPolicy:
    policy = load(*lines)
    assume(policy is not None)
    assert policy is not None
    return policy


def is_allowed(policy: CompiledPolicy, asked: Asked) -> bool:
    judged = send(policy, asked, take_for_name)
    return isinstance(judged, Verdict) and judged.decision.allowed


# What is learned


@given(ANY)
def test_what_is_learned_of_a_request_allows_it_or_says_why_not(asked: Asked) -> None:
    judged = send(NOTHING, asked)
    assume(isinstance(judged, Verdict))
    assert isinstance(judged, Verdict)
    assume(judged.decision.status != HTTPStatus.NOT_FOUND)  # Of what is not there, a record says nothing more.
    seen = record(judged)
    learner = Learner(SOCKET)
    learner.note(seen, NOON)
    grants, impossible = learner.learned().grants, learner.learned().impossible
    if not grants:
        assert impossible
        return
    (grant,) = grants
    policy = read_policy(learner.text(), "web.learned.yaml").sockets[0].policy
    again = send(policy, asked)
    assert isinstance(again, Verdict)
    assert again.decision.allowed or again.decision.status == HTTPStatus.NOT_FOUND, again.decision
    if "unrestricted" in grant.conditions:
        assert grant.openings


# What is compared


@given(ANY, st.data())
def test_all_verbs_say_the_same_of_a_request(asked: Asked, data: st.DataObject) -> None:
    seen = record(learned_of(asked))
    grant = data.draw(grants(seen))
    allowed = is_allowed(policy_of(grant), asked)
    with short_folder() as folder:
        policy = write_file(folder / "policy.yaml", write(grant))
        log = write_log(folder / "log", seen)
        said = {"diff": _diff(folder, policy, log)}
        if not isinstance(find_need(seen), Impossible):
            said["suggest"] = "# Add to `allow`" not in run_here("suggest", log, "--policy", policy).out
        if not (asked.operation.name in BODIES and BODIES[asked.operation.name].of_object):
            said |= _explain(folder, policy, asked)
    assert said == dict.fromkeys(said, allowed), (grant, seen)


def _diff(folder: Path, policy: str, log: str) -> bool:
    before = write_file(folder / "before.yaml", write())
    return "\n1 of 1 recorded request would" in run_here("diff", before, policy, "--log", log).out


def _explain(folder: Path, policy: str, asked: Asked) -> dict[str, bool]:
    words, line = ["--policy", policy], f"allow {asked.operation.method} {asked.target}"
    if asked.content is not None:
        (folder / "body").write_bytes(asked.content)
        words, line = [*words, "--body", str(folder / "body")], f"{line} < body"
    explained = run_here("explain", *words, asked.operation.method, asked.target)
    tested = run_here("test", write_file(folder / "tests", f"{line}\n"), "--policy", policy)
    return {"explain": explained.status == 0, "test": tested.status == 0}


@given(ANY, st.data())
def test_what_is_denied_is_denied_by_its_record_for_the_same_reason(asked: Asked, data: st.DataObject) -> None:
    policy = policy_of(data.draw(grants(record(learned_of(asked)))))
    judged = send(policy, asked, take_for_name)
    assert isinstance(judged, Verdict)
    if judged.decision.allowed or judged.needs is None:
        return
    seen = record(judged)._replace(decision=Outcome.DENIED, status=403)
    tried = try_request(policy, seen.method, seen.target, found=find_named(judged.request, seen), recorded=judged.needs)
    assert isinstance(tried, Tried)
    assert not tried.decision.allowed
    judged_line, tried_line = (PROPOSED.search(each.decision.message) for each in (judged, tried))
    if judged_line is not None:
        assert tried_line is not None, tried.decision
        assert {*WORDS(judged_line[2])} <= {*WORDS(tried_line[2])}
    elif "only a grant without condition" in judged.decision.message:
        assert "only a grant without condition" in tried.decision.message


# What is proposed


@given(ANY, st.data())
def test_what_a_denial_proposes_admits_the_request_at_last_or_it_says_why_not(
    asked: Asked, data: st.DataObject
) -> None:
    lines = [data.draw(grants(record(learned_of(asked))))]
    policy: CompiledPolicy | None = policy_of(*lines)
    for _ in range(MOST_LINES):
        assert policy is not None, lines
        judged = send(policy, asked, take_for_name)
        assert isinstance(judged, Verdict)
        if judged.decision.allowed:
            return
        message = judged.decision.reason or judged.decision.message
        found = PROPOSED.search(message)
        if found is None:
            assert any(why in message for why in WHY_NONE), message
            return
        lines = [*(lines if "remove its line" not in message else []), found[2]]
        policy = load(*lines)
    raise AssertionError(lines)


@given(ANY, st.data())
def test_what_suggest_proposes_for_a_denied_request_admits_it_or_it_says_why_not(
    asked: Asked, data: st.DataObject
) -> None:
    grant = data.draw(grants(record(learned_of(asked))))
    judged = send(policy_of(grant), asked, take_for_name)
    assert isinstance(judged, Verdict)
    if judged.decision.allowed or judged.decision.status != HTTPStatus.FORBIDDEN:
        return
    seen = record(judged)._replace(decision=Outcome.DENIED, status=403, reason="denied")
    with short_folder() as folder:
        log, policy = write_log(folder / "log", seen), write_file(folder / "policy.yaml", write(grant))
        out = run_here("suggest", log, "--policy", policy).out.partition("# Not used")[0]
    lines = [line for line in out.splitlines() if line.startswith("      ") and not line.lstrip().startswith("#")]
    if "      - " not in out:
        assert any(why in out for why in WHY_NO_LINE), out
        return
    text = "\n".join(lines).strip().removeprefix("- ")
    again = (None if "replaces the existing line" in out else load(grant, text)) or load(text)
    assert again is not None, out
    after = send(again, asked, take_for_name)
    assert isinstance(after, Verdict)
    assert after.decision.allowed or any(why in f"{out}{after.decision.message}" for why in WHY_NOT_ENOUGH), out


@given(ANY, st.data())
def test_the_line_that_explain_proposes_admits_the_request(asked: Asked, data: st.DataObject) -> None:
    grant = data.draw(grants(record(learned_of(asked))))
    policy = policy_of(grant)
    tried = try_request(policy, asked.operation.method, asked.target, asked.content)
    assert isinstance(tried, Tried)
    *_, (_, change), (_, line) = [("", ""), ("", ""), *find_change(policy.policy, tried, SOCKET.name, "policy.yaml")]
    if (
        tried.decision.allowed
        or "to allow it" not in change
        or ", also " in change
        or "its body says what else it needs" in change
    ):
        return
    again = load(grant, line[2:]) or load(line[2:])  # Where the file would have a mistake, in its place.
    assert again is not None, line
    after = try_request(again, asked.operation.method, asked.target, asked.content)
    assert isinstance(after, Tried)
    assert after.decision.allowed or "not a single map" in after.decision.message, (line, after.decision)
