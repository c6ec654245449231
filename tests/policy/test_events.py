"""Which object an event is about."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.policy.events import Event, read_event
from dockerproxy.policy.image_events import ImageEvent
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
        *(
            event("image", None),
            event("image", ""),
            event("daemon"),
            event(None),
            event(["container"]),
            event(identity=""),
            event(identity=3),
        ),
    ],
)
def test_what_is_about_nothing_that_can_be_judged_is_hidden(line: bytes) -> None:
    assert read_event(line) is None


def test_an_event_of_an_image_has_its_name() -> None:
    line = json.dumps({"Type": "image", "Action": "tag", "Actor": {"ID": "1f" * 32, "Attributes": {"name": "app:x"}}})
    assert read_event(line.encode()) == ImageEvent("1f" * 32, "tag", "docker.io/library/app:x")
    unclear: list[object] = [{"name": 3}, [], None]
    for attributes in unclear:
        line = json.dumps({"Type": "image", "Action": "tag", "Actor": {"ID": "1f" * 32, "Attributes": attributes}})
        assert read_event(line.encode()) in {None, ImageEvent("1f" * 32, "tag", "")}


@given(st.binary(max_size=30))
def test_nothing_that_comes_breaks_it(line: bytes) -> None:
    assert read_event(line) is None or isinstance(read_event(line), Event | ImageEvent)
