"""A name is judged as what the engine takes it for, and none is given that could be an id."""

import pytest
from policy.inspecting import admits, faults_of
from policy.policies import ID, request_for
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Answers, Reading
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.values import Value
from dockerproxy.policy.words.names import IS_NAME, check_names, named, resolve
from dockerproxy.policy.words.networks import check_networks
from dockerproxy.text import shorten_ids
from dockerproxy.wire.document import Json

SWARM_ID = "k3wxf0rzq1v7m2t5c8h4j6n9p"


def begin(*, answers: Answers | None = None) -> Reading:
    return Reading(request=request_for(OPERATIONS["ContainerCreate"]), answers=answers or {})


@for_each("length", range(1, 65))
def test_the_beginning_of_an_id_of_any_length_is_asked_about(length: int) -> None:
    assert resolve(begin(), Kind.NETWORK, ID[:length]) is None
    reading = begin()
    check_networks(reading, {ID[:length]: None}, "Networks", {})
    assert [claim.lookup.name for claim in reading.claims if claim.lookup] == [ID[:length]]


@for_each("length", range(1, 26))
def test_the_beginning_of_an_id_of_a_swarm_is_asked_about_and_goes_on_as_what_it_means(length: int) -> None:
    name = SWARM_ID[:length]
    assert resolve(begin(), Kind.NETWORK, name) is None
    theirs = ResolvedObject(SWARM_ID, ("theirs",), document={"scope": "swarm"})
    assert resolve(begin(answers={(Kind.NETWORK, name): theirs}), Kind.NETWORK, name) == theirs
    assert not admits("networks", ("k*",), theirs)


@pytest.mark.parametrize(
    "found", [ResolvedObject(ID, ("front",), document={"scope": "local"}), ResolvedObject("front", ("front",))]
)
def test_a_network_that_is_called_like_the_beginning_of_an_id_of_a_swarm_keeps_its_name(found: ResolvedObject) -> None:
    seen = begin(answers={(Kind.NETWORK, "front"): found})
    resolved = resolve(seen, Kind.NETWORK, "front")
    assert resolved == ResolvedObject("front", ("front",))
    assert resolved.document == found.document


@pytest.mark.parametrize("name", ["Web", "g0-", "cafe-1", "CAFE", "ci_default", "a.b", "k" * 26])
def test_what_is_no_id_is_its_own_name(name: str) -> None:
    assert resolve(begin(), Kind.NETWORK, name) == ResolvedObject(name, (name,))


@for_each("name", ["", "/web", "web/db", ".", "..", "-a", "_a", "a b", "a\n", "a:b", "\u00e9"])
def test_what_could_be_a_path_or_a_link_is_no_name(name: str) -> None:
    assert not IS_NAME(name)


def test_what_is_judged_by_its_names_has_the_first_for_its_id() -> None:
    assert named("a", "b") == ResolvedObject("a", ("a", "b"))


def given(name: object, path: str = "?name", *, granted: tuple[str, ...] = ()) -> list[str]:
    """Return what is wrong with a name that is given."""
    reading = begin()
    check_names(reading, name, path, {})  # type: ignore[arg-type] # whatever JSON has
    return list(map(str, faults_of(reading, names=granted) if granted else faults_of(reading)))


@for_each(
    ("name", "granted", "faults"),
    [
        ("web", ("web",), []),
        ("/web", ("w*",), []),
        ("web", (), []),
        ("db", ("web",), ['?name is "db", a name that no rule allows']),
        (None, (), []),
        ("", (), []),
        (None, ("web",), ["?name is missing, but must be a name that a rule allows"]),
        ("a b", (), ['?name is "a b", not a valid name']),
        ("//web", (), ['?name is "//web", not a valid name']),
        ("0123456789ab", (), ['?name is "0123456789ab", ambiguous: it looks like an object ID']),
        ("0123456789a", ("**",), []),
        (ID, ("**",), [f'?name is "{ID[:12]}", ambiguous: it looks like an object ID']),
        (SWARM_ID, ("**",), []),
    ],
)
def test_what_is_made_is_called_as_granted_and_never_like_an_id(
    name: str | None, granted: tuple[str, ...], faults: list[str]
) -> None:
    assert given(name, granted=granted) == faults


def test_what_a_swarm_may_know_is_not_called_like_one_of_its_ids_and_a_slash_is_no_part_of_a_name_there() -> None:
    assert given(SWARM_ID, "Name") == [f'Name is "{SWARM_ID}", ambiguous: it looks like an object ID']
    assert given("/web", "Name") == ['Name is "/web", not a valid name']


def faults(body: Json, operation: str = "ContainerCreate", query: str = "", **bounds: Value) -> list[str]:
    return list(map(str, look_at(operation, body, bounds, query).faults))


def test_a_name_is_demanded_by_the_grant_only() -> None:
    assert faults({}) == []
    assert faults({}, names=("ci-*",)) == ["?name is missing, but must be a name that a rule allows"]
    assert faults({}, query="?name=/ci-1", names=("ci-*",)) == []


@pytest.mark.parametrize("operation", ["NetworkCreate", "VolumeCreate", "ServiceCreate"])
def test_only_in_the_query_a_name_has_a_slash_in_front(operation: str) -> None:
    key = "name" if operation.endswith("Libpod") else "Name"
    assert faults({key: "ci-1"}, operation, names=("ci-*",)) == []
    assert faults({key: "/ci-1"}, operation) == [f'{key} is "/ci-1", not a valid name']


@pytest.mark.parametrize("operation", ["NetworkCreate", "ServiceCreate", "SecretCreate", "ConfigCreate"])
def test_nothing_that_a_swarm_knows_is_called_like_an_id_of_it(operation: str) -> None:
    name = "abcdefghijklmnopqrstuvwxy"
    assert faults({"Name": name}, operation) == [
        f'Name is "{shorten_ids(name)}", ambiguous: it looks like an object ID'
    ]
    assert faults({"Name": f"{name}z"}, operation) == faults({"Name": f"{name[1:]}-"}, operation) == []
    assert faults({}, query=f"?name={name}") == []


@pytest.mark.parametrize("length", [12, 13, 40, 63, 64])
def test_nothing_is_called_like_an_id(length: int) -> None:
    name = ("0123456789abcdef" * 4)[:length]
    assert faults({}, query=f"?name={name}", names=("**",)) == [
        f'?name is "{shorten_ids(name)}", ambiguous: it looks like an object ID'
    ]
    assert faults({}, query=f"?name={name[:11]}") == []
    assert faults({}, query=f"?name={name}g") == []


@pytest.mark.parametrize("name", ["docker_gwbridge", "ingress", "podman-default-kube-network", "aardvark.pid"])
def test_no_network_is_called_like_one_that_engines_look_for(name: str) -> None:
    for operation, count in (("NetworkCreate", 1), ("ContainerCreate", 0)):
        reading = Reading(request=request_for(OPERATIONS[operation]), answers={})
        check_names(reading, name, "Name", {})
        assert len(reading.violations) == count
