"""Credentials are sent to granted servers, or to Docker Hub."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.constraints.servers import CONSTRAINT, HUB


def test_docker_hub_is_the_same_by_all_its_names_and_the_default() -> None:
    for one in HUB:
        assert CONSTRAINT.by_default(one)
        assert all(admits("servers", (one,), other) for other in HUB)
        assert CONSTRAINT.within(HUB, (one,))
        assert not admits("servers", ("registry.example",), one)
    assert not CONSTRAINT.by_default("registry.example")
    assert CONSTRAINT.unspoken == ("docker.io",)


def test_a_server_is_known_by_its_host_and_port() -> None:
    assert admits("servers", ("Registry.Example:5000",), "registry.example:5000")
    assert not admits("servers", ("registry.example",), "registry.example:5000")
    assert not admits("servers", ("*",), "registry.example")
    assert CONSTRAINT.within(("a.b",), ("A.b", "c.d"))
    assert not CONSTRAINT.within(("a.b", "docker.io"), ("a.b",))
    assert CONSTRAINT.least("a.b:1") == ("a.b:1",)
    assert CONSTRAINT.least(None) is None


@pytest.mark.parametrize("item", ["", "https://registry.example", "*"])
def test_what_is_no_server_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item) == "the host of a registry is needed, like registry.example:5000"
    assert CONSTRAINT.fault("registry.example:5000") == ""
