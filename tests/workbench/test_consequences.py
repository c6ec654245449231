"""The tables of facts and rules are whole: every fact comes from somewhere, and leads to root."""

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.workbench.consequences import GIVING, MAKERS, ROOT, RULES, Extent, is_harmless, on_host

GIVEN = {
    f"{fact}@{MAKERS[name]}" if name in MAKERS and fact != ROOT else fact
    for exposure in GIVING
    for name in exposure.names.split()
    for fact in exposure.gives.replace("?", "").split()
}
DERIVED = {rule.fact.removesuffix("?") for rule in RULES}


def test_every_operation_of_a_fact_exists() -> None:
    assert {name for exposure in GIVING for name in exposure.names.split()} <= OPERATIONS.keys()
    assert OPERATIONS.keys() >= MAKERS.keys()


def test_what_a_rule_needs_is_given_by_grants_or_by_another_rule() -> None:
    things = {f"@{thing}" for thing in MAKERS.values()}
    for rule in RULES:
        for fact in rule.facts:
            is_of_thing = any(fact.endswith(thing) for thing in things)
            plain = fact.removeprefix("its-")
            bases = {each.partition("@")[0] for each in GIVEN}
            assert plain in GIVEN | DERIVED or (is_of_thing and plain.partition("@")[0] in bases), rule


def test_every_fact_leads_to_root() -> None:
    needed = {fact.removeprefix("its-") for rule in RULES for fact in rule.facts} | {ROOT}
    assert {fact for fact in GIVEN if fact not in needed} <= {"volume@pod"}  # Whole, a pod can be anything.


def test_what_is_about_the_host_is_never_only_ones_own() -> None:
    assert on_host("root", Extent.OWN) is on_host("any@service", Extent.OWN) is Extent.YES
    assert on_host("root", Extent.SOME) is Extent.YES
    assert on_host("commands", Extent.OWN) is Extent.OWN
    assert is_harmless("root", Extent.OWN)
    assert not is_harmless("root", Extent.MAY)
    assert not is_harmless("commands", Extent.OWN)
