"""A condition on an object holds only for what is granted, and only if the operation acts on nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import claimed, keeps
from policy.policies import ID, PLAIN, grant_on, policy_with, request_for, request_of, settled
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import reading_of_head
from dockerproxy.policy.objects import KINDS, REACHING, SWITCHES, WORDS, ResolvedObject
from dockerproxy.policy.values import Value
from dockerproxy.policy.vocabulary import CONSTRAINTS, find_words
from dockerproxy.policy.words.constraint import Objects
from dockerproxy.policy.words.parameters import LINES

# The object, and what else is acted on


FURTHER = [(name, parameter) for name, parameters in REACHING.items() for parameter in parameters]


@for_each(("name", "parameter"), FURTHER)
def test_a_parameter_that_makes_an_engine_act_on_more_than_the_object_is_refused(name: str, parameter: str) -> None:
    found = ResolvedObject(ID, ("web",), subject=ID)

    def holds(query: str) -> bool:
        return keeps(request_for(OPERATIONS[name], f"?x=1&{query}"), found, **{WORDS[KINDS[name]]: ("**", ID)})

    assert holds("")
    assert holds(f"{parameter}=")
    for value in ("1", "true", "x", "yes", "on", "f"):
        assert not holds(f"{parameter}={value}")
        assert not holds(f"{parameter.upper()}={value}")
        assert not holds(f"{parameter}=&{parameter}={value}")
        assert not holds(f"{parameter}={value}&{parameter}=0")
    for value in ("0", "false", "False", "FALSE"):
        assert holds(f"{parameter}={value}") is (parameter in SWITCHES)


@pytest.mark.parametrize("name", ["ContainerRestart", "ContainerRestartLibpod"])
def test_whoever_may_restart_one_container_does_not_restart_all_that_podman_has(name: str) -> None:
    for query, allowed in (("?all=1", False), ("?ALL=true&t=0", False), ("?all=0", True), ("?t=0", True)):
        request = request_for(OPERATIONS[name], query)
        assert settled(policy_with(grant_on(name, "web")), request, ResolvedObject(ID, ("web",))).allowed is allowed


def test_a_grant_that_says_force_has_it() -> None:
    forced, plain = (request_for(OPERATIONS["ImageDelete"], f"?force={value}") for value in "10")
    found = ResolvedObject("docker.io/library/web:latest", ("docker.io/library/web:latest",))
    for flags, allowed in (({}, [False, True]), ({"force": True}, [True, False]), ({"force": False}, [False, True])):
        policy = policy_with(grant_on("ImageDelete", "web", **flags))
        assert [settled(policy, request, found).allowed for request in (forced, plain)] == allowed


@for_each(
    ("operation", "query", "holds"),
    [
        ("ContainerRename", "name=web", True),
        ("ContainerRename", "name=/web", True),
        ("ContainerRename", "name=web-2", True),
        ("ContainerRename", "name=db", False),
        ("ContainerRename", "", False),
        ("ContainerRename", "name=", False),
        ("ContainerRename", "name=web&name=db", False),
        ("ContainerRename", "name=web&NAME=db", False),
        ("ContainerRenameLibpod", "name=web", True),
        ("ContainerRenameLibpod", "Name=web", False),
        ("ImageTag", "repo=web", True),
        ("ImageTag", "repo=web&tag=", True),
        ("ImageTag", "repo=web&tag=latest", True),
        ("ImageTag", "repo=docker.io/library/web:latest", True),
        ("ImageTag", "repo=web-2&tag=1", True),
        ("ImageTag", "repo=web&tag=1", False),
        ("ImageTag", "repo=web:1&tag=latest", False),
        ("ImageTag", "repo=db", False),
        ("ImageTag", "repo=registry.example/web", False),
        ("ImageTag", "repo=web&repo=db", False),
        ("ImageTag", "repo=web&tag=latest&tag=1", False),
        ("ImageTag", "repo=web&TAG=latest", False),
        ("ImageTag", "repo=WEB", False),
        ("ImageTag", "tag=latest", False),
        ("ImageTagLibpod", "repo=docker.io/library/web&tag=latest", True),
        ("ImageTagLibpod", "repo=web&tag=latest", False),
    ],
)
def test_an_operation_that_gives_a_name_gives_only_one_that_is_granted(
    operation: str, query: str, *, holds: bool
) -> None:
    image = operation.startswith("Image")
    items = ("web", "web-*:*") if image else ("web", "web-*")
    word, name = ("images", "docker.io/library/web:latest") if image else ("containers", "web")
    request = request_for(OPERATIONS[operation], f"?{query}")
    assert keeps(request, ResolvedObject(ID, (name,), subject=ID), **{word: items}) is holds
    assert not keeps(request, ResolvedObject(ID, (name,), subject=ID), **{word: (ID,)})


# The least that admits all of it


def least_for(request: CanonicalRequest, found: ResolvedObject | None) -> dict[str, Value]:
    """Return the least words of which a head speaks that admit it, as far as there are some."""
    needed: dict[str, Value] = {}
    for claim in reading_of_head(request, Known(found=found)).claims:
        constraint = CONSTRAINTS[claim.word]
        least = constraint.least(claim.options[0][0]) if claim.options else None
        if least is not None and constraint.name not in needed:
            needed[constraint.name] = least
    return needed


FOUND = ResolvedObject("0" * 64, ("web", "other"))
ALPINE = ResolvedObject("sha256:" + "0" * 64, ("docker.io/library/alpine:3",))


@for_each(
    ("method", "target", "found", "expected"),
    [
        ("GET", "/containers/json", None, {}),
        ("GET", "/containers/web/logs", FOUND, {"containers": ("web",), "follow": False}),
        ("GET", "/containers/web/logs?follow=1", FOUND, {"containers": ("web",), "follow": True}),
        ("GET", "/containers/web/logs?follow=f", FOUND, {"containers": ("web",)}),
        ("GET", "/containers/web/stats", FOUND, {"containers": ("web",), "stream": True}),
        ("GET", "/containers/web/archive?path=/data/x/.", FOUND, {"containers": ("web",), "path": ("/data/x",)}),
        ("GET", "/containers/web/archive?path=../x", FOUND, {"containers": ("web",)}),
        ("GET", "/containers/web/archive?path=/a*b", FOUND, {"containers": ("web",), "path": ("/a*b",)}),
        ("POST", "/containers/web/kill?signal=SIGHUP", FOUND, {"containers": ("web",), "signal": ("HUP",)}),
        ("POST", "/containers/web/kill", None, {"signal": ("KILL",)}),
        ("POST", "/containers/create?name=web", None, {"buildx_builders": "none"}),
        ("POST", "/containers/create?name=buildx_buildkit_x", None, {}),
        ("GET", "/images/search?term=alpine", None, {"registries": "default"}),
        ("GET", "/images/search?term=registry.example/alpine", None, {}),
        ("POST", "/images/create?fromImage=alpine&tag=3", None, {"images": ("docker.io/library/alpine:3",)}),
        ("GET", "/images/alpine:3/json", ALPINE, {"images": ("docker.io/library/alpine:3",)}),
        ("POST", "/exec/1f/start", FOUND, {"containers": ("web",)}),
        ("GET", "/containers/web/json", ResolvedObject("0" * 64, ()), {"containers": ("0" * 64,)}),
        ("DELETE", "/networks/front?force=1", ResolvedObject("0" * 64, ("front",)), {"networks": ("front",)}),
    ],
)
def test_each_claim_of_a_head_has_a_least_value_if_it_is_certain(
    method: str, target: str, found: ResolvedObject | None, expected: dict[str, Value]
) -> None:
    assert least_for(request_of(method, target), found) == expected


NAMES = st.text("abc*?/.:-", min_size=1, max_size=6)
THINGS = st.builds(ResolvedObject, st.just("0" * 64), st.lists(NAMES, min_size=1, max_size=2).map(tuple), st.booleans())
PARAMETERS = ("path", "signal", "fromImage", "tag", "follow", "stream", "force", "v", "stdin", "term", "remote")


@given(st.sampled_from(sorted(OPERATIONS)), THINGS, st.data())
def test_a_request_keeps_to_the_least_of_what_it_claims(name: str, thing: ResolvedObject, data: st.DataObject) -> None:
    plain, parameters = PLAIN[name], st.sampled_from(PARAMETERS)
    query = data.draw(st.lists(st.tuples(parameters, NAMES | st.sampled_from(["0", "1"])), max_size=3))
    request = CanonicalRequest(
        method=plain.method, version="", path=plain.path, query=tuple(query), operation=plain.operation
    )
    found = thing if name in KINDS else None
    for word, value in least_for(request, found).items():
        assert CONSTRAINTS[word].matcher(value)(claimed(request, word, found)) or isinstance(CONSTRAINTS[word], Objects)


@for_each(("name", "line"), [(name, line) for name, lines in LINES.items() for line in lines])
def test_every_line_is_one_that_a_condition_of_its_operation_speaks_of(name: str, line: tuple[str, str]) -> None:
    assert line[0] in find_words(OPERATIONS[name]) or CONSTRAINTS[line[0]].is_private
    assert reading_of_head(PLAIN[name], Known(found=None)).request is PLAIN[name]
