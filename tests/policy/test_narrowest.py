"""The narrowest grant for a request allows it, and nothing that can be told apart from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN, request_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.model import Value
from dockerproxy.policy.narrowest import LITERAL, find_narrowest, find_patterns
from dockerproxy.policy.objects import KINDS, Found
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.policy.words import Takes

WEB = Found("0" * 64, ("web", "other"))
ALPINE = Found("sha256:" + "0" * 64, ("docker.io/library/alpine:3",))


@pytest.mark.parametrize(
    ("method", "target", "found", "expected"),
    [
        ("GET", "/containers/json", None, {}),
        ("GET", "/containers/web/logs", WEB, {"containers": ("web",), "follow": False}),
        ("GET", "/containers/web/logs?follow=1", WEB, {"containers": ("web",), "follow": True}),
        ("GET", "/containers/web/logs?follow=f", WEB, {"containers": ("web",)}),
        ("GET", "/containers/web/stats", WEB, {"containers": ("web",), "stream": True}),
        ("GET", "/containers/web/archive?path=/data/x/.", WEB, {"containers": ("web",), "path": ("/data/x",)}),
        ("GET", "/containers/web/archive?path=../x", WEB, {"containers": ("web",)}),
        ("GET", "/containers/web/archive?path=/a*b", WEB, {"containers": ("web",)}),
        ("POST", "/containers/web/kill?signal=SIGHUP", WEB, {"containers": ("web",), "signal": ("HUP",)}),
        ("POST", "/containers/web/kill", None, {"signal": ("KILL",)}),
        ("POST", "/containers/create?name=web", None, {"buildx_builders": "none"}),
        ("POST", "/containers/create?name=buildx_buildkit_x", None, {}),
        ("GET", "/images/search?term=alpine", None, {"registries": "default"}),
        ("GET", "/images/search?term=registry.example/alpine", None, {}),
        ("POST", "/images/create?fromImage=alpine&tag=3", None, {"from": ("docker.io/library/alpine:3",)}),
        ("GET", "/images/alpine:3/json", ALPINE, {"images": ("docker.io/library/alpine:3",)}),
        ("POST", "/exec/1f/start", WEB, {"containers": ("web",)}),
        ("GET", "/containers/web/json", Found("0" * 64, ()), {}),
        ("DELETE", "/networks/front?force=1", Found("0" * 64, ("front",)), {}),
    ],
)
def test_it_is_every_condition_that_the_request_keeps_to(
    method: str, target: str, found: Found | None, expected: dict[str, Value]
) -> None:
    assert dict(find_narrowest(request_of(method, target), found)) == expected


def test_an_operation_on_all_names_of_an_object_needs_them_all() -> None:
    request = request_of("POST", "/libpod/images/alpine/untag")
    found = Found("0" * 64, ("docker.io/library/alpine:3", "quay.io/me/alpine:3"), every=True)
    assert find_narrowest(request, found) == {"images": found.names}


def test_what_is_no_operation_has_none() -> None:
    assert find_narrowest(request_of("GET", "/debug/vars"), None) == {}
    assert find_patterns(request_of("GET", "/debug/vars"), None) == ()


@pytest.mark.parametrize(("name", "listing"), [("web", ()), ("w*b", ("containers",)), ("w?b", ("containers",))])
def test_a_condition_cannot_list_a_name_that_would_be_a_pattern(name: str, listing: tuple[str, ...]) -> None:
    request = request_of("POST", "/containers/web/stop")
    assert find_patterns(request, Found("0" * 64, (name,))) == listing


NAMES = st.text("abc*?/.:-", min_size=1, max_size=6)


FOUND = st.builds(Found, st.just("0" * 64), st.lists(NAMES, min_size=1, max_size=2).map(tuple), st.booleans())


@given(st.sampled_from(sorted(OPERATIONS)), FOUND, st.data())
def test_the_request_keeps_to_it_and_it_can_be_written(name: str, thing: Found, data: st.DataObject) -> None:
    operation = OPERATIONS[name]
    words = find_words(operation)
    parameters = ["path", "signal", "fromImage", "tag", "follow", "stream", "force", "v", "stdin", "term", "remote"]
    query = data.draw(st.lists(st.tuples(st.sampled_from(parameters), NAMES | st.sampled_from(["0", "1"])), max_size=3))
    plain = PLAIN[name]
    request = CanonicalRequest(
        method=plain.method, version="", path=plain.path, query=tuple(query), operation=plain.operation
    )
    found = thing if name in KINDS else None
    for word, value in find_narrowest(request, found).items():
        assert words[word].make(value).holds(request, found)
        if words[word].takes is Takes.ITEMS:
            assert isinstance(value, tuple)
            items = [item for item in value if isinstance(item, str)]
            assert len(items) == len(value)
            assert not any(map(words[word].fault, items))
            assert word in LITERAL or not {"*", "?"} & set("".join(items))
