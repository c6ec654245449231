"""A decision is total, nothing is allowed that was not granted, and a denial wins."""

from random import Random

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from policy.ordinary import ordinary
from policy.policies import (
    GRANTS,
    ID,
    PLAIN,
    TRIED,
    allowed_by,
    environments,
    grant_on,
    hint_of,
    policies,
    policy_of,
    policy_with,
    request_for,
    request_of,
    settled,
)
from rows import for_each

from dockerproxy.advice.denials import Adviser
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import HEALTH, OPERATIONS
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.config.switches import SWITCHES
from dockerproxy.policy.claim import Known, Reading
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.decide import decide, read_once, substitute
from dockerproxy.policy.model import Decision, Denial, Grant, Policy, Source
from dockerproxy.policy.objects import KINDS, Lookup, ResolvedObject
from dockerproxy.wire.document import Json


@given(policies())
def test_every_request_gets_an_answer_that_says_where_it_comes_from(policy: Policy) -> None:
    compiled = compile_policy(policy)
    granted = {name for grant in policy.grants for name in grant.operations}
    denied = {name for denial in policy.denials for name in denial.operations}
    for request in TRIED:
        name = request.operation.name
        decision = settled(compiled, request)
        if decision.allowed:
            assert name in granted - denied
            assert decision.source
            assert not decision.message
        else:
            assert decision.message.startswith(f"{name} denied")
            remedies = (hint_of(policy, name), "; to allow it", "only a grant without condition")
            assert any(remedy in decision.message for remedy in remedies)
            assert bool(decision.source) is (name in granted | denied)


@given(policies(), GRANTS)
def test_adding_a_grant_never_removes_a_permission(policy: Policy, grant: Grant) -> None:
    before = allowed_by(compile_policy(policy))
    after = allowed_by(compile_policy(policy._replace(grants=(grant, *policy.grants))))
    event(f"{len(after - before) > 0}")
    assert before <= after


@given(policies(), st.randoms())
def test_the_order_of_grants_says_nothing(policy: Policy, random: Random) -> None:
    grants = list(policy.grants)
    random.shuffle(grants)
    assert allowed_by(compile_policy(policy._replace(grants=tuple(grants)))) == allowed_by(compile_policy(policy))


@given(policies(), st.frozensets(st.sampled_from(sorted(OPERATIONS)), min_size=1))
def test_a_denial_wins_over_every_grant(policy: Policy, names: frozenset[str]) -> None:
    before = allowed_by(compile_policy(policy))
    compiled = compile_policy(policy._replace(denials=(*policy.denials, Denial(names, Source("DENY")))))
    for name in names:
        decision = settled(compiled, PLAIN[name])
        assert not decision.allowed
        assert decision.source == "DENY"
    others = {f"{request.method} {request.target}" for name, request in PLAIN.items() if name in names}
    assert {one for one in before if one.partition("?")[0] not in others} == allowed_by(compiled)


@given(environments(), st.sampled_from(sorted(SWITCHES)))
def test_turning_a_switch_on_never_removes_a_permission(environment: dict[str, str], switch: str) -> None:
    before = allowed_by(policy_of(**{**environment, switch: "0"}))
    after = allowed_by(policy_of(**{**environment, switch: "1"}))
    event(f"opens something: {len(after) > len(before)}")
    assert before <= after


@given(environments())
def test_what_neither_a_switch_nor_a_name_opens_stays_closed(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    if environment.get("POST") != "1":
        named = environment.get("ALLOW", "").split(",")
        writes = {name for name, operation in OPERATIONS.items() if operation.access == "write" and policy.allows(name)}
        opened = {name for name in writes - set(named) if policy.cases[name][0].decision.source.startswith("ALLOW_")}
        podmans = {name for name in writes - set(named) if "LIBPOD_ALLOW_" in policy.cases[name][0].decision.source}
        assert writes <= opened | podmans | set(named)


@for_each("name", OPERATIONS)
def test_without_any_grant_nothing_is_allowed(name: str) -> None:
    nothing = compile_policy(Policy(grants=(), denials=(), advice=Adviser(lambda *_: "nothing helps")))
    assert not settled(nothing, PLAIN[name]).allowed
    assert not nothing.allows(name)


@given(environments())
def test_our_own_health_check_is_allowed_whatever_is_set(environment: dict[str, str]) -> None:
    decision = settled(policy_of(**environment), request_for(HEALTH))
    assert (decision.allowed, decision.source) == (True, "always")


@pytest.mark.parametrize(("method", "target"), [("GET", "/debug/vars"), ("POST", "/v1.45/new"), ("HEAD", "/info")])
def test_what_the_catalog_does_not_know_is_refused_under_every_policy(method: str, target: str) -> None:
    everything = policy_of(ALLOW=",".join(OPERATIONS))
    decision = settled(everything, request_of(method, target))
    assert not decision.allowed
    path = target.removeprefix("/v1.45")
    assert (
        decision.message
        == f"{method} {path} denied: not a known Docker API operation; unknown operations are always denied"
    )


FOUNDS = st.builds(
    ResolvedObject,
    st.sampled_from([ID, "x"]),
    st.lists(st.sampled_from(["web", "db-1"]), max_size=2).map(tuple),
    every=st.booleans(),
    subject=st.sampled_from([ID, ""]),
)


@given(policies(), st.sampled_from(TRIED), FOUNDS)
def test_a_lookup_is_asked_once_and_only_where_a_grant_is_about_objects(
    policy: Policy, request: CanonicalRequest, found: ResolvedObject
) -> None:
    compiled = compile_policy(policy)
    first = decide(compiled, request)
    event(type(first).__name__)
    if isinstance(first, Lookup):
        assert any(case.decision.about_object for case in compiled.cases[request.operation.name])
        assert request.operation.name in KINDS
        assert first.operation is request.operation
    assert isinstance(decide(compiled, request, ordinary(request.operation.name, found)), Decision)


@given(policies(), st.sampled_from(TRIED), FOUNDS)
def test_the_same_input_has_the_same_answer(policy: Policy, request: CanonicalRequest, found: ResolvedObject) -> None:
    compiled = compile_policy(policy)
    assert decide(compiled, request) == decide(compiled, request)
    known = ordinary(request.operation.name, found)
    assert decide(compiled, request, known) == decide(compile_policy(policy), request, known)


def test_no_lookup_is_asked_where_another_grant_allows_the_request_anyway() -> None:
    policy = policy_with(grant_on("ContainerLogs", "web"), grant_on("ContainerLogs", follow=False))
    allowed = decide(policy, request_of("GET", "/containers/x/logs?follow=0"))
    assert isinstance(allowed, Decision)
    assert (allowed.allowed, allowed.about_object) == (True, False)
    assert isinstance(decide(policy, request_of("GET", "/containers/x/logs?follow=1")), Lookup)


def test_an_object_that_cannot_be_known_is_not_allowed() -> None:
    policy = policy_with(grant_on("ImagePush", "**"))
    decision = decide(policy, request_of("POST", "/images/x/push"))
    assert isinstance(decision, Decision)
    assert not decision.allowed


def test_a_decision_about_an_object_says_so() -> None:
    policy = policy_with(grant_on("ContainerStart", "web"))
    assert settled(policy, PLAIN["ContainerStart"]) == Decision(
        allowed=True, sources=(Source("ContainerStart", "policy.yaml", 1),), about_object=True
    )
    assert not settled(policy, PLAIN["ContainerStart"], ResolvedObject(ID, ("other",), subject=ID)).allowed


def test_a_body_is_read_once_unless_it_is_about_another_object() -> None:
    request, reads = PLAIN["ContainerCreate"], list[Reading]()
    known = Known(body=({"Image": "app"},))
    decide(policy_with(Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1"))), request, known, reads)
    table, read = BODIES["ContainerCreate"], reads[0]
    assert read_once(reads, table, request, known) is read
    found = ResolvedObject(ID, ("web",), subject=ID)
    assert read_once(reads, table, request, known._replace(found=found)).found is found


@pytest.mark.parametrize("source", ["/*", "/**", "/??*", "/srv/*"])
def test_what_a_client_wrote_is_never_suggested_as_a_pattern(source: str) -> None:
    body: Json = {"Image": "app", "HostConfig": {"Binds": [f"{source}:/x"]}}
    policy = policy_with(Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1")))
    decision = decide(policy, PLAIN["ContainerCreate"], Known(body=(body,)))
    assert isinstance(decision, Decision)
    assert 'condition "binds" cannot list it' in decision.message
    assert "to allow it" not in decision.message


@for_each(
    ("content", "target", "sent"),
    [
        ({}, "A", {"A": 7}),
        ({"A": {"B": 1}}, "A.B", {"A": {"B": 7}}),
        ({"A": None}, "A.B", {"A": {"B": 7}}),
        ({"A": [{"B": 1}, {"B": 2}]}, "A[1].B", {"A": [{"B": 1}, {"B": 7}]}),
        # Where no place is, nothing is put.
        ({"A": 5}, "A.B", {"A": 5}),
        ({"A": 5}, "A[0].B", {"A": 5}),
        (None, "A", None),
        ([], "A", []),
    ],
)
def test_a_substitute_is_put_at_its_place(content: Json, target: str, sent: Json) -> None:
    read = Reading(request=request_of("GET", "/_ping"), answers={}, content=content, query={"a": ("b",)})
    assert substitute(read, {target: 7, "?x": "y"}) == {"a": ("b",), "x": ("y",)}
    assert read.content == sent
