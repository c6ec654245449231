"""Which object an event is about."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.policy.events import Event, read_event
from dockerproxy.policy.objects import Kind


def event(kind: object = "container", identity: object = "1f", action: str = "start") -> bytes:
    return json.dumps({"Type": kind, "Action": action, "Actor": {"ID": identity, "Attributes": {}}}).encode()


@pytest.mark.parametrize(
    ("kind", "found"), [("container", Kind.CONTAINER), ("network", Kind.NETWORK), ("volume", Kind.VOLUME)]
)
def test_it_is_about_its_actor(kind: str, found: Kind) -> None:
    assert read_event(event(kind)) == Event(found, "1f", is_last=False)


@pytest.mark.parametrize("action", ["destroy", "remove"])
def test_the_end_of_an_object_is_known(action: str) -> None:
    assert read_event(event(action=action)) == Event(Kind.CONTAINER, "1f", is_last=True)


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"{}", b'{"Type":"container"}', b'{"Actor":[]}'),
        *(event("image"), event("daemon"), event(None), event(["container"]), event(identity=""), event(identity=3)),
    ],
)
def test_what_is_about_nothing_that_can_be_judged_is_hidden(line: bytes) -> None:
    assert read_event(line) is None


@given(st.binary(max_size=30))
def test_nothing_that_comes_breaks_it(line: bytes) -> None:
    assert read_event(line) is None or isinstance(read_event(line), Event)
