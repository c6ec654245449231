"""A compiled policy has, for each operation, the cases in the order they are tried and the answer if none holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import GRANTS, condition, grant_on, policies, policy_with

from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import HEALTH, OPERATIONS, UNKNOWN
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import OWN_GRANT, Case, compile_policy, describe_conditions, extend
from dockerproxy.policy.model import Decision, Denial, Grant, Policy, Source
from dockerproxy.policy.steps import PlanKind
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.tenancy.own import Own

NO_HOST = condition("registries", "default")
SEARCH = frozenset({"ImageSearch"})


def message_of(*grants: Grant, operation: str) -> str:
    return policy_with(*grants).deny(operation).message


def test_every_operation_has_its_cases_and_its_default() -> None:
    compiled = policy_with()
    assert compiled.cases.keys() == {*OPERATIONS, HEALTH.name, UNKNOWN.name}
    assert {name for name in compiled.cases if compiled.cases[name]} == {HEALTH.name}


def test_what_allows_without_a_condition_is_tried_first() -> None:
    compiled = policy_with(Grant(SEARCH, Source("IMAGES=1"), (NO_HOST,)), Grant(SEARCH, Source("ALLOW")))
    assert compiled.cases["ImageSearch"] == (
        Case((), Decision(allowed=True, sources=(Source("ALLOW"),)), BODIES["ImageSearch"]),
        Case(
            (NO_HOST,), Decision(allowed=True, sources=(Source("IMAGES=1"),)), BODIES["ImageSearch"], judges_head=True
        ),
    )


def test_what_the_engine_must_be_asked_for_is_tried_last() -> None:
    compiled = policy_with(grant_on("ContainerLogs", "web"), grant_on("ContainerLogs", follow=False))
    assert [case.decision.about_object for case in compiled.cases["ContainerLogs"]] == [False, True]


def test_a_denied_operation_has_no_case_and_names_the_denial() -> None:
    compiled = policy_with(
        Grant(SEARCH, Source("ALLOW")), denials=(Denial(SEARCH, Source("DENY")), Denial(SEARCH, Source("LATER")))
    )
    assert compiled.cases["ImageSearch"] == ()
    denied = compiled.deny("ImageSearch")
    assert (denied.allowed, denied.sources) == (False, (Source("DENY"),))
    assert denied.message == "ImageSearch denied: a rule denies it; hint for ImageSearch"


def test_the_conditions_that_were_not_met_are_said() -> None:
    grants = (
        Grant(SEARCH, Source("IMAGES=1"), (NO_HOST,)),
        Grant(SEARCH, Source("OTHER=1"), (condition("signal", ("X",)),)),
    )
    denied = policy_with(*grants).deny("ImageSearch")
    assert (denied.allowed, denied.sources) == (False, (Source("IMAGES=1"), Source("OTHER=1")))
    reason = "only allowed if no registry host is named or signal is X"
    assert denied.message == f"ImageSearch denied: {reason}; hint for ImageSearch"


def test_conditions_of_one_grant_are_said_together() -> None:
    [case] = policy_with(grant_on("ContainerLogs", "db-*", "web", follow=False)).cases["ContainerLogs"]
    assert describe_conditions(case.conditions) == "the container is db-* or web and follow is false"


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ((grant_on("ContainerDeleteLibpod", "web"),), "the container is web, and without the parameter depend"),
        ((grant_on("ImageDelete", "web"),), "the image is web, and without the parameter force"),
        ((grant_on("ImageDelete", "web", force=True),), "the image is web and force is true"),
        ((grant_on("ContainerDelete", "web"),), "the container is web"),
        ((grant_on("ImageDelete", force=False),), "force is false"),
    ],
)
def test_a_parameter_that_would_reach_further_is_said_where_nothing_gives_leave(
    grants: tuple[Grant, ...], said: str
) -> None:
    [operation] = grants[0].operations
    assert f"{operation} denied: only allowed if {said}; hint" in message_of(*grants, operation=operation)


def test_an_operation_is_allowed_if_some_request_for_it_is() -> None:
    compiled = policy_with(Grant(SEARCH, Source("IMAGES=1"), (NO_HOST,)))
    assert compiled.allows("ImageSearch")
    assert not compiled.allows("ImageList")


def test_a_grant_of_what_has_a_body_is_contained_unless_it_says_otherwise() -> None:
    plain = Grant(frozenset({"ContainerCreate", "ContainerList"}), Source("A"))
    opened = Grant(frozenset({"ContainerCreate"}), Source("B"), (UNRESTRICTED,))
    policy = policy_with(plain, opened)
    assert [(case.decision.source, case.body is None) for case in policy.cases["ContainerCreate"]] == [
        ("B", True),
        ("A", False),
    ]
    assert [case.body for case in policy.cases["ContainerList"]] == [None]


def test_what_nothing_can_bound_is_granted_unrestricted_or_not_at_all() -> None:
    contained = policy_with(Grant(frozenset({"SwarmInit"}), Source("A")))
    assert not contained.allows("SwarmInit")
    assert contained.deny("SwarmInit").source == "A"
    assert contained.deny("SwarmInit").message == (
        f"SwarmInit denied: {SEALED['SwarmInit']}, and no condition can limit it; "
        'to allow it and let clients become root on the host, add "SwarmInit: unrestricted" to "allow"'
    )
    assert policy_with(Grant(frozenset({"SwarmInit"}), Source("A"), (UNRESTRICTED,))).allows("SwarmInit")


def test_that_it_is_unrestricted_is_no_condition_to_be_said() -> None:
    policy = policy_with(
        Grant(frozenset({"ContainerExec"}), Source("A"), (condition("containers", ("web",)), UNRESTRICTED))
    )
    assert policy.deny("ContainerExec").message.startswith(
        "ContainerExec denied: only allowed if the container is web; "
    )


def test_a_build_is_for_docker_only_unless_it_is_unrestricted() -> None:
    for name, only in (("ImageBuild", True), ("ImageCreate", False), ("PutContainerArchive", False)):
        words = (condition("tags", ("x",)),) if name != "PutContainerArchive" else ()
        [case] = policy_with(Grant(frozenset({name}), Source("A"), words)).cases[name]
        assert (case.decision.plan is PlanKind.BUILD) is only
        [case] = policy_with(Grant(frozenset({name}), Source("A"), (UNRESTRICTED,))).cases[name]
        assert case.decision.plan is None


OWNING = "sockets: {ci: {path: /ci.sock, allow: [own, CREATES]}}"
LINE = "ContainerCreate: {memory: 1GiB, user: not-root, names: [job-*], images: [busybox], networks: [ci]}"


def conditions_of(name: str, creates: str) -> list[str]:
    """Return the conditions under which what is own may be changed, beside creates that are granted."""
    (socket,) = read_policy(OWNING.replace("CREATES", creates), "p").sockets
    return [
        describe_conditions(case.conditions).removeprefix("it was created through this socket").removeprefix(" and ")
        for case in socket.policy.cases[name]
    ]


def test_own_gives_no_more_than_the_create() -> None:
    assert conditions_of("ContainerUpdate", LINE) == ["memory is 1GiB"]
    assert conditions_of("ContainerExec", LINE) == ["user is not-root"]
    assert conditions_of("ContainerRename", LINE) == ["the name is job-*"]
    assert conditions_of("ContainerStart", LINE) == [""]
    assert conditions_of("ServiceUpdate", "ServiceCreate: {images: [web], read_only: required}") == [
        "the image is web and read_only is required"
    ]
    assert conditions_of("ContainerExec", "SystemInfo") == []


def test_a_denied_create_lends_no_bounds() -> None:
    all_denied = Grant(frozenset({"ContainerCreate"}), Source("A"), (condition("memory", "1GiB"),))
    denied = policy_with(OWN_GRANT, all_denied, denials=(Denial(all_denied.operations, Source("D")),))
    policy = compile_policy(denied.policy._replace(tenancy=Own("ci")))
    assert policy.cases["ContainerUpdate"] == ()


def test_a_grant_of_a_change_says_what_it_may_be() -> None:
    more = conditions_of("ContainerUpdate", f"{LINE}, ContainerUpdate: {{own: true, memory: 4GiB}}")
    assert more == ["memory is 1GiB", "memory is 4GiB"]
    both = conditions_of("ContainerUpdate", f"{LINE}, ContainerUpdate: {{own: true, labelled: {{a: b}}}}")
    assert sorted(both) == ["it is labelled a=b and memory is 1GiB", "memory is 1GiB"]
    whole = conditions_of("ContainerUpdate", f"{LINE}, ContainerUpdate: {{own: true, unrestricted: true}}")
    assert sorted(whole) == ["", "memory is 1GiB"]


@given(policies(), st.sampled_from([(), (OWN_GRANT,)]), GRANTS, st.sampled_from(sorted(OPERATIONS)))
def test_one_more_grant_is_compiled_as_with_the_whole_policy_and_changes_no_other_operation(
    policy: Policy, own: tuple[Grant, ...], grant: Grant, name: str
) -> None:
    policy = policy._replace(grants=(*policy.grants, *own), tenancy=Own("team"))
    grant = grant._replace(operations=frozenset({name}))
    before, whole = map(compile_policy, (policy, policy._replace(grants=(*policy.grants, grant))))
    extended = extend(before, grant)
    assert extended.cases == {**before.cases, name: whole.cases[name]}
    assert (extended.policy, extended.tenancy) == (whole.policy, whole.tenancy)
