"""A condition on an object holds only for what is granted, and only if the operation acts on nothing else."""

import pytest
from policy.policies import ID, grant_on, policy_with, request_for, settled

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.conditions import NamesObject
from dockerproxy.policy.objects import KINDS, REACHING, SWITCHES, WORDS, Found


def container(*names: str, identity: str = ID, every: bool = False) -> Found:
    return Found(identity, names, every=every, owner=identity)


START = request_for(OPERATIONS["ContainerStart"])


@pytest.mark.parametrize(
    ("items", "found", "holds"),
    [
        (("web",), container("web"), True),
        (("web",), container("web2"), False),
        (("web",), container("WEB"), False),
        (("web", "db-*"), container("db-1"), True),
        (("db-*",), container("db-"), True),
        (("db-*",), container("xdb-1"), False),
        (("?eb",), container("web"), True),
        ((ID,), container("web"), True),
        ((f"sha256:{ID}",), container("web"), True),
        ((ID,), container("web", identity=f"sha256:{ID}"), True),
        # A prefix of an id is none, and a name that looks like an id is not the id's object.
        ((ID[:12],), container("web"), False),
        ((ID,), container(ID, identity="9" * 64), False),
        ((f"{ID[:12]}*",), container("web"), False),
        (("*",), container("web"), True),
        (("web",), None, False),
        ((ID, "**"), None, False),
        # An object without a name goes by its id.
        (("*",), container(), True),
        (("4f5e*",), container(), True),
        # Of several names one suffices, if the operation does not act on them all.
        (("b",), container("a", "b"), True),
        (("b",), container("a", "b", every=True), False),
        (("a", "b"), container("a", "b", every=True), True),
        ((ID,), container("a", "b", every=True), True),
    ],
)
def test_an_object_is_known_by_its_name_a_glob_or_its_whole_id(
    items: tuple[str, ...], found: Found | None, *, holds: bool
) -> None:
    assert NamesObject("containers", items).holds(START, found) is holds


def test_an_exec_is_its_container_s_and_its_own_id_says_nothing() -> None:
    exec_of_web = Found("e" * 64, ("web",), owner=ID)
    assert NamesObject("containers", (ID,)).holds(START, exec_of_web)
    assert not NamesObject("containers", ("e" * 64,)).holds(START, exec_of_web)


@pytest.mark.parametrize("word", ["services", "networks"])
def test_the_ids_of_a_swarm_are_whole_ids_too(word: str) -> None:
    identity = "4cdgfyky7ozwh3htjfw0d12qv"
    found = Found(identity, ("web",), owner=identity)
    assert NamesObject(word, (identity,)).holds(START, found)
    assert not NamesObject(word, (identity[:-1],)).holds(START, found)
    assert not NamesObject("containers", (identity,)).holds(START, found)
    assert NamesObject("containers", (identity,)).holds(START, Found(ID, (identity,), owner=ID))


@pytest.mark.parametrize(
    ("items", "name", "holds"),
    [
        ("nginx", "docker.io/library/nginx:latest", True),
        ("docker.io/nginx", "docker.io/library/nginx:latest", True),
        ("index.docker.io/library/nginx:latest", "docker.io/library/nginx:latest", True),
        ("nginx", "docker.io/library/nginx:1", False),
        ("nginx:*", "docker.io/library/nginx:1", True),
        ("nginx", "registry.example/library/nginx:latest", False),
        ("registry.example/team/*", "registry.example/team/app:1", True),
        ("registry.example/team/*", "registry.example/team/deep/app:1", False),
        ("registry.example/team/**", "registry.example/team/deep/app:1", True),
    ],
)
def test_an_image_is_known_by_its_normalised_reference(items: str, name: str, *, holds: bool) -> None:
    found = Found(f"sha256:{ID}", (name,), owner=f"sha256:{ID}")
    inspect = request_for(OPERATIONS["ImageInspect"])
    assert NamesObject("images", (items,)).holds(inspect, found) is holds


FURTHER = [(name, parameter) for name, parameters in REACHING.items() for parameter in parameters]


@pytest.mark.parametrize(("name", "parameter"), FURTHER)
def test_a_parameter_that_makes_an_engine_act_on_more_than_the_object_is_refused(name: str, parameter: str) -> None:
    condition = NamesObject(WORDS[KINDS[name]], ("**", ID))
    found = Found(ID, ("web",), owner=ID)

    def holds(query: str) -> bool:
        return condition.holds(request_for(OPERATIONS[name], f"?x=1&{query}"), found)

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
        assert settled(policy_with(grant_on(name, "web")), request, Found(ID, ("web",))).allowed is allowed


def test_a_grant_that_says_force_has_it() -> None:
    forced, plain = (request_for(OPERATIONS["ImageDelete"], f"?force={value}") for value in "10")
    found = Found("docker.io/library/web:latest", ("docker.io/library/web:latest",))
    for flags, allowed in (({}, [False, True]), ({"force": True}, [True, False]), ({"force": False}, [False, True])):
        policy = policy_with(grant_on("ImageDelete", "web", **flags))
        assert [settled(policy, request, found).allowed for request in (forced, plain)] == allowed


@pytest.mark.parametrize(
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
    condition = NamesObject("images" if image else "containers", items)
    name = "docker.io/library/web:latest" if image else "web"
    request = request_for(OPERATIONS[operation], f"?{query}")
    assert condition.holds(request, Found(ID, (name,), owner=ID)) is holds
    assert not NamesObject(condition.word, (ID,)).holds(request, Found(ID, (name,), owner=ID))
