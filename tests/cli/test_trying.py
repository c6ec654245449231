"""A request that is tried is decided as serve would, if its object is called what it is called in the path."""

import pytest
from cli.files import sockets_of

from dockerproxy.cli.trying import Tried, describe_object, settle, try_request
from dockerproxy.errors import Refusal
from dockerproxy.policy.decide import decide
from dockerproxy.policy.objects import Found, Question

POLICY = sockets_of()["backup"].policy


def tried(method: str, target: str, fields: str = "") -> Tried:
    found = try_request(POLICY, method, target, fields)
    assert isinstance(found, Tried)
    return found


@pytest.mark.parametrize(
    ("method", "target", "allowed", "asks"),
    [
        ("POST", "/containers/web/start", True, False),
        ("POST", "/containers/web/restart", False, True),
        ("POST", "/containers/db-1/restart", True, True),
        ("GET", "/containers/web/logs", True, False),
        ("GET", "/containers/x/logs?follow=1", False, True),
        ("POST", "/exec/db-1/start", True, True),
        ("POST", "/exec/1f/start", False, True),
        ("GET", "/containers/json", False, False),
        ("GET", "/debug", False, False),
        ("GET", "/_dockerproxy/health", True, False),
    ],
)
def test_a_name_is_taken_for_what_it_says(method: str, target: str, *, allowed: bool, asks: bool) -> None:
    found = tried(method, target)
    assert found.decision.allowed is allowed
    assert (found.question is not None) is asks


def test_what_was_found_out_decides() -> None:
    request = tried("POST", "/containers/1f/restart").request
    assert settle(POLICY, request, Found("1f" * 32, ("db-1",))).allowed
    assert not settle(POLICY, request, Found("1f" * 32, ("web",))).allowed
    assert isinstance(decide(POLICY, request), Question)
    with pytest.raises(TypeError):
        settle(POLICY, request, None)


def test_what_has_no_reading_is_refused() -> None:
    assert isinstance(try_request(POLICY, "GET", "/a/../b"), Refusal)
    assert isinstance(try_request(POLICY, "GET", "/_ping x"), Refusal)
    grpc = try_request(POLICY, "POST", "/containers/web/start", "Content-Type: application/grpc\r\n")
    assert isinstance(grpc, Refusal)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/containers/web/restart", "container web, taken for its name; serve asks the engine"),
        ("/exec/1f/start", "exec 1f, taken for the name of its container; serve asks the engine"),
    ],
)
def test_what_a_name_was_taken_for_is_said(target: str, expected: str) -> None:
    question = tried("POST", target).question
    assert question is not None
    assert describe_object(question) == expected
