"""A condition on bodies is made of what is written, narrows or widens, and tells what can never match."""

from collections.abc import Mapping

import pytest

from dockerproxy.policy.bodies.checks import CHECKS
from dockerproxy.policy.bodies.words import BOUND_WORDS
from dockerproxy.policy.conditions import Bound
from dockerproxy.policy.words import Takes

NARROWING = {
    *("names", "images", "containers", "memory", "cpus", "pids", "user", "no_new_privileges", "labels", "commands")
}

FITTING: Mapping[str, tuple[str, ...]] = {
    "add_capabilities": ("NET_BIND_SERVICE", "cap_chown", "ALL"),
    "binds": ("/srv/ci", "/srv/**", "/etc/localtime:ro", "/srv:rw"),
    "cpus": ("2", "0.5"),
    "memory": ("512MiB", "2GiB"),
    "networks": ("ci_default", "ci_*", "none", "bridge", "h?st", "hosts"),
    "pids": ("200",),
    "servers": ("registry.example:5000",),
    "subnets": ("10.9.0.0/16",),
    "volumes": ("ci_*",),
}
FAULTY: Mapping[str, tuple[str, ...]] = {
    "add_capabilities": ("", "NET-ADMIN", "7"),
    "binds": ("", "srv", "/srv/../etc"),
    "cpus": ("", "0", "two"),
    "memory": ("", "0", "2GB"),
    "networks": ("", "host", "a b"),
    "pids": ("", "0", "-1"),
    "servers": ("", "https://registry.example"),
    "subnets": ("", "10.9.0.0", "ci"),
    "volumes": ("", "/srv"),
}


def test_the_checks_obey_no_others_and_all_of_these() -> None:
    assert {word for _, words in CHECKS.values() for word in words} == BOUND_WORDS.keys()


def test_what_narrows_is_that_without_which_all_passes() -> None:
    assert {word.name for word in BOUND_WORDS.values() if word.narrows} == NARROWING


@pytest.mark.parametrize("name", BOUND_WORDS)
def test_a_word_about_bodies_makes_a_bound(name: str) -> None:
    word = BOUND_WORDS[name]
    assert word.name == name
    assert word.of_body
    assert word.make("x") == Bound(name, "x")
    assert bool(word.choices) is (word.takes is Takes.CHOICE)


@pytest.mark.parametrize(("name", "item"), [(name, item) for name, items in FITTING.items() for item in items])
def test_an_item_that_can_match_has_no_fault(name: str, item: str) -> None:
    assert BOUND_WORDS[name].fault(item) == ""


@pytest.mark.parametrize(("name", "item"), [(name, item) for name, items in FAULTY.items() for item in items])
def test_an_item_that_can_never_match_is_told(name: str, item: str) -> None:
    assert BOUND_WORDS[name].fault(item)


@pytest.mark.parametrize("item", ["host", "slirp4netns", "pasta"])
def test_the_network_of_the_host_is_none_that_a_grant_can_list(item: str) -> None:
    assert BOUND_WORDS["networks"].fault(item) == "the host's network is for unrestricted grants"


@pytest.mark.parametrize("item", ["container:web", "ns:/proc/1/ns/net", "service:web", "host:"])
def test_a_namespace_is_no_network(item: str) -> None:
    assert BOUND_WORDS["networks"].fault(item).startswith("a namespace is no network; joins says")


def test_what_is_read_by_its_words_has_no_faults_of_items() -> None:
    assert [BOUND_WORDS[name].fault("") for name in ("publish", "labels", "commands", "user")] == [""] * 4
