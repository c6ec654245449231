"""A network is joined only if it is granted, or the engine's own where a grant says nothing."""

import pytest
from policy.inspecting import admits
from policy.policies import ID

from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.networks import DEFAULT, Joined

CONSTRAINT = CONSTRAINTS["networks"]

SWARM_ID = "4cdgfyky7ozwh3htjfw0d12qv"


@pytest.mark.parametrize(
    ("items", "passes"), [(("c*",), True), (("ci",), True), ((ID,), True), (("default",), False), ((ID[:12],), False)]
)
def test_a_network_is_known_by_name_glob_or_full_id(items: tuple[str, ...], *, passes: bool) -> None:
    found = ResolvedObject(ID, ("ci",), subject=ID)
    assert admits("networks", items, found) is passes
    assert admits("networks", items, Joined(found)) is passes
    assert not admits("networks", items, "ci")


def test_the_id_of_a_swarm_is_a_whole_id_too() -> None:
    found = ResolvedObject(SWARM_ID, ("web",), subject=SWARM_ID)
    assert admits("networks", (SWARM_ID,), Joined(found))
    assert not admits("networks", (SWARM_ID[:-1],), Joined(found))


def test_without_it_only_the_engine_s_own_is_joined_and_the_engine_knows_which_that_is() -> None:
    assert CONSTRAINT.by_default(Joined(DEFAULT, is_default=True))
    assert not CONSTRAINT.by_default(Joined(ResolvedObject("1", ("ci",))))
    assert not CONSTRAINT.by_default(Joined(ResolvedObject("1", ("ci",)), is_default=None))
    assert CONSTRAINT.by_default(ResolvedObject("1", ("ci",)))
    assert CONSTRAINT.needs_lookup
    assert CONSTRAINT.unspoken == ("default",)


def test_the_engine_s_own_is_granted_by_either_name() -> None:
    for item in DEFAULT.names:
        assert admits("networks", (item,), Joined(DEFAULT, is_default=True))
        assert CONSTRAINT.read_back((item, "ci")) == (
            Joined(DEFAULT, is_default=True),
            Joined(ResolvedObject("ci", ("ci",))),
        )
    assert CONSTRAINT.least(Joined(DEFAULT, is_default=True)) == ("default",)
    assert CONSTRAINT.least(ResolvedObject("1", ("ci",))) == ("ci",)


@pytest.mark.parametrize("item", ["ci_default", "ci_*", "none", "bridge", "h?st", "hosts"])
def test_a_name_has_no_fault(item: str) -> None:
    assert CONSTRAINT.fault(item) == ""


@pytest.mark.parametrize("item", ["host", "slirp4netns", "pasta"])
def test_the_network_of_the_host_is_none_that_a_grant_can_list(item: str) -> None:
    assert CONSTRAINT.fault(item) == "the host's network needs unrestricted, which lets clients become root on the host"


@pytest.mark.parametrize("item", ["container:web", "ns:/proc/1/ns/net", "service:web", "host:"])
def test_a_namespace_is_no_network(item: str) -> None:
    assert CONSTRAINT.fault(item).startswith("a namespace is not a network: list in joins")


@pytest.mark.parametrize("item", ["", "a b"])
def test_what_no_network_is_called_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item).startswith("no object can have this name")
