"""A new network has its addresses within a granted one."""

import pytest
from policy.inspecting import admits
from rows import for_each

from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.spellings import read_network


@for_each(
    ("asked", "passes"),
    [
        ("10.9.0.0/16", True),
        ("10.9.7.0/24", True),
        ("10.0.0.0/8", False),
        ("10.8.0.0/16", False),
        ("fd00:9::/32", True),
        ("fd00::/16", False),
        ("::/0", False),
        ("x", False),
    ],
)
def test_a_subnet_is_admitted_within_one_of_its_family(asked: str, *, passes: bool) -> None:
    assert admits("subnets", ("10.9.0.0/16", "fd00:9::/32", "no network"), read_network(asked)) is passes


def test_the_least_is_the_subnet_itself() -> None:
    network = read_network("10.9.0.0/16")
    assert CONSTRAINTS["subnets"].least(network) == ("10.9.0.0/16",)
    assert CONSTRAINTS["subnets"].read_back(("10.9.0.0/16",)) == (network,)
    assert CONSTRAINTS["subnets"].least("10.9.0.0/16") is None


def test_one_list_is_within_another_that_holds_all_its_networks() -> None:
    assert CONSTRAINTS["subnets"].within(("10.9.1.0/24", "10.9.2.0/24"), ("10.9.0.0/16",))
    assert not CONSTRAINTS["subnets"].within(("10.9.0.0/16",), ("10.9.0.0/17", "10.9.128.0/17"))
    assert not CONSTRAINTS["subnets"].within(("10.9.0.0/16",), ("::/0",))


@pytest.mark.parametrize("item", ["", "10.9.0.0", "ci"])
def test_what_is_no_network_is_told(item: str) -> None:
    assert CONSTRAINTS["subnets"].fault(item) == "a network like 10.9.0.0/16 is needed"
    assert CONSTRAINTS["subnets"].fault("10.9.0.0/16") == ""
