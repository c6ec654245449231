"""A compiled policy has, for each operation, the cases in the order they are tried and the answer if none holds."""

from dockerproxy.api.catalog import HEALTH, OPERATIONS
from dockerproxy.policy.compile import Case, compile_policy
from dockerproxy.policy.conditions import NamesNoHost
from dockerproxy.policy.model import Decision, Denial, Grant, Policy

NO_HOST = NamesNoHost("term", namespaces=False)
SEARCH = frozenset({"ImageSearch"})


def make_policy(*grants: Grant, denials: tuple[Denial, ...] = ()) -> Policy:
    return Policy(grants=grants, denials=denials, hints={name: f"hint for {name}" for name in OPERATIONS})


def test_every_operation_has_its_cases_and_its_default() -> None:
    compiled = compile_policy(make_policy())
    assert compiled.cases.keys() == compiled.default.keys() == {*OPERATIONS, HEALTH.name}


def test_what_allows_without_a_condition_is_tried_first() -> None:
    compiled = compile_policy(make_policy(Grant(SEARCH, "IMAGES=1", NO_HOST), Grant(SEARCH, "ALLOW")))
    assert compiled.cases["ImageSearch"] == (
        Case(None, Decision(allowed=True, source="ALLOW")),
        Case(NO_HOST, Decision(allowed=True, source="IMAGES=1")),
    )


def test_a_denied_operation_has_no_case_and_names_the_denial() -> None:
    denial = Denial(SEARCH, "DENY")
    compiled = compile_policy(make_policy(Grant(SEARCH, "ALLOW"), denials=(denial,)))
    assert compiled.cases["ImageSearch"] == ()
    assert compiled.default["ImageSearch"] == Decision(
        allowed=False, source="DENY", message="ImageSearch is not allowed here; hint for ImageSearch"
    )


def test_the_conditions_that_were_not_met_are_said() -> None:
    grants = (Grant(SEARCH, "IMAGES=1", NO_HOST), Grant(SEARCH, "OTHER=1", NamesNoHost("x", namespaces=True)))
    assert compile_policy(make_policy(*grants)).default["ImageSearch"] == Decision(
        allowed=False,
        source="IMAGES=1 or OTHER=1",
        message="ImageSearch is not allowed here except if term names no registry host or x names no registry host; "
        "hint for ImageSearch",
    )


def test_an_operation_is_allowed_if_some_request_for_it_is() -> None:
    compiled = compile_policy(make_policy(Grant(SEARCH, "IMAGES=1", NO_HOST)))
    assert compiled.allows("ImageSearch")
    assert not compiled.allows("ImageList")
