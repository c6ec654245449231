"""A port is opened only if all of its range is granted, on addresses that are."""

import json

import pytest
from policy.inspecting import admits
from policy.judging import finish, nobody
from policy.policies import allowing
from rows import for_each
from wire.heads import head_of

from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.publish import normalise_address
from dockerproxy.policy.words.spellings import read_ports

CONSTRAINT = CONSTRAINTS["publish"]

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (what is granted, nothing is bound here)


def publish(*ports: str, addresses: tuple[str, ...] = ()) -> Pairs:
    parts = (("ports", ports), ("addresses", addresses))
    return Pairs(tuple((name, texts) for name, texts in parts if texts))


@for_each(
    ("ports", "passes"),
    [
        ("80", True),
        ("8000", True),
        ("8000-8999", True),
        ("8500-9100", True),
        ("8500-9201", False),
        ("79-80", False),
        ("81", False),
        ("0", False),
        ("x", False),
        ("", False),
        ("9-8", False),
    ],
)
def test_all_ports_of_a_range_are_granted_together(ports: str, *, passes: bool) -> None:
    assert admits("publish", publish("80", "8000-8999", "9000-9200"), read_ports(ports)) is passes


def test_a_free_port_is_one_that_is_granted_by_itself() -> None:
    assert admits("publish", publish("0"), read_ports("0"))
    assert not admits("publish", publish("0"), read_ports("1"))


@pytest.mark.parametrize(
    ("addresses", "passes"),
    [(("127.0.0.1",), True), (("0:0::1",), True), (("127.0.0.1", "::1"), True), (EVERYWHERE, False), (("x",), False)],
)
def test_all_addresses_are_granted(addresses: tuple[str, ...], *, passes: bool) -> None:
    assert admits("publish", publish(addresses=("127.0.0.1", "::1")), addresses) is passes


def test_of_what_a_grant_does_not_speak_all_is_admitted() -> None:
    assert admits("publish", publish("80"), EVERYWHERE)
    assert admits("publish", publish(addresses=("::1",)), read_ports("1-65535"))
    assert not admits("publish", publish(addresses=("::1",)), read_ports("x"))
    assert not admits("publish", publish("1-65535"), "80")


def test_without_it_no_port_is_opened_and_an_address_by_itself_is_no_matter() -> None:
    assert not CONSTRAINT.by_default(read_ports("80"))
    assert CONSTRAINT.by_default(EVERYWHERE)


def test_the_least_is_the_ports_or_the_addresses() -> None:
    assert CONSTRAINT.least(read_ports("80-90")) == publish("80-90")
    assert CONSTRAINT.least(EVERYWHERE) == publish(addresses=EVERYWHERE)
    assert CONSTRAINT.least("80") is None
    read = CONSTRAINT.read_back(publish("80", "0", addresses=EVERYWHERE))
    assert read == (read_ports("80"), read_ports("0"), *((each,) for each in EVERYWHERE))
    assert CONSTRAINT.read_back("80") == ()


@for_each(
    ("inner", "outer", "within"),
    [
        (publish("80"), publish("80-90"), True),
        (publish("80-95"), publish("80-90"), False),
        (publish("80"), publish(addresses=("::1",)), False),
        (publish(addresses=("::1",)), publish("80"), False),
        (publish("80", addresses=("::1",)), publish("80"), True),
        (publish("80"), publish("80", addresses=("::1",)), False),
        (publish("80", addresses=("0:0::1",)), publish("80", addresses=("::1",)), True),
        (publish("80", addresses=("::",)), publish("80", addresses=("::1",)), False),
        (publish("80"), Pairs(()), True),
    ],
)
def test_one_value_is_within_another(inner: Value, outer: Value, *, within: bool) -> None:
    assert CONSTRAINT.within(inner, outer) is within


@pytest.mark.parametrize(("text", "one"), [("0:0::1", "::1"), ("127.0.0.1", "127.0.0.1"), ("127.1", "127.1")])
def test_an_address_has_one_spelling(text: str, one: str) -> None:
    assert normalise_address(text) == one


@pytest.mark.parametrize(
    ("granted", "kept"),
    [('["127.0.0.1"]', ("127.0.0.1",)), ('["127.0.0.1", "::1"]', EVERYWHERE), ("[]", EVERYWHERE)],
)
def test_a_port_is_recorded_with_the_address_that_a_grant_fills_in(granted: str, kept: tuple[str, ...]) -> None:
    """Else a line that `suggest` proposes for another reason would open it on all addresses."""
    said = f", addresses: {granted}" if granted != "[]" else ""
    policy = allowing(f'ContainerCreate: {{names: ["a"], publish: {{ports: ["80-81"]{said}}}}}')
    ports = {"8/tcp": [{"HostPort": "80"}], "9/tcp": [{"HostPort": "81"}]}
    content = json.dumps({"Image": "a", "HostConfig": {"PortBindings": ports}}).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}")
    head = head_of(*fields, line="POST /v1.45/containers/create?name=b HTTP/1.1")
    verdict = finish(judge(policy, head), content, nobody)
    assert isinstance(verdict, Verdict)
    assert verdict.needs is not None
    assert verdict.needs["publish"] == publish("80", "81", addresses=kept)
