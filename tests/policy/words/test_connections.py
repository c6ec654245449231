"""A container joins a network only if both are granted, whatever they are called."""

import pytest
from policy.inspecting import faults_of, inspect
from policy.policies import ID, request_of
from policy.words.looking import OTHER, faults, look

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.claim import Known, Reading
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.words.networks import check_connected
from dockerproxy.text import shorten_ids
from dockerproxy.wire.document import Json

FRONT = ResolvedObject("f" * 64, ("front",), document={"name": "front"})
BRIDGE = ResolvedObject("b" * 64, ("bridge",), document={"name": "bridge"})
HOST = ResolvedObject("c" * 64, ("host",), document={"name": "host"})
GRANTED = {"containers": ("web",), "networks": ("front",)}


@pytest.mark.parametrize("name", ["web", ID, ID[:12]])
@pytest.mark.parametrize("operation", ["NetworkConnect", "NetworkDisconnect"])
def test_a_container_goes_on_under_its_whole_id_however_it_is_named(operation: str, name: str) -> None:
    seen = look(operation, content={"container": name}, found=FRONT, bounds=GRANTED)
    assert seen.faults == ()
    assert seen.content == {"Container": ID}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("db", "a container that no rule allows"),
        (OTHER, "a container that no rule allows"),
        (OTHER[:12], "a container that no rule allows"),
        ("gone", "a container that no rule allows"),
        # With legacy links it would be the one that web is linked to.
        ("web/db", "not a valid container name"),
        ("/web", "not a valid container name"),
        ("../web", "not a valid container name"),
    ],
)
def test_another_container_s_is_refused(name: str, says: str) -> None:
    shown = shorten_ids(name)
    for operation in ("NetworkConnect", "NetworkDisconnect"):
        assert faults(operation, "", {"Container": name}, FRONT, **GRANTED) == [f'Container is "{shown}", {says}']


@pytest.mark.parametrize("content", [{}, {"Container": ""}, {"Container": None}])
def test_a_container_must_be_named_where_only_some_are_granted(content: Json) -> None:
    assert faults("NetworkConnect", "", content, FRONT, **GRANTED) == ["Container is missing"]


def test_any_container_is_one_where_the_grant_says_nothing() -> None:
    assert faults("NetworkDisconnect", "", {"Container": "web/db"}, FRONT) == []


def test_a_container_that_is_not_there_keeps_its_name() -> None:
    seen = look(
        "NetworkConnect", content={"Container": "gone"}, found=FRONT, bounds={**GRANTED, "containers": ("gone",)}
    )
    assert (seen.faults, seen.content) == ((), {"Container": "gone"})


def test_the_engine_is_asked_who_is_meant_even_by_a_name_that_is_granted() -> None:
    request = request_of("POST", "/v1.45/networks/front/connect")
    known = Known(found=FRONT, body=({"Container": "web"},))
    asked = inspect(BODIES["NetworkConnect"], GRANTED, request, known).lookups
    assert [lookup.target for lookup in asked] == ["/v1.45/containers/web/json"]


@pytest.mark.parametrize(
    ("found", "allowed"), [(FRONT, False), (BRIDGE, True), (HOST, False), (ResolvedObject("x", ("x",)), False)]
)
def test_a_network_that_is_not_the_engine_s_own_must_be_granted(found: ResolvedObject, *, allowed: bool) -> None:
    assert (faults("NetworkConnect", "", {"Container": "web"}, found) == []) is allowed


def test_a_network_that_the_grant_lists_is_joined_even_if_it_is_not_there() -> None:
    # Its condition has judged it; whether it exists, the engine says.
    for found in (FRONT, ResolvedObject("front", ("front",))):
        assert faults("NetworkConnect", "", {"Container": "web"}, found, **GRANTED) == []


def test_the_host_s_network_is_joined_by_no_grant() -> None:
    content: Json = {"Container": "web"}
    assert faults("NetworkConnect", "", content, HOST, networks=("host",)) == [
        'Name is "host", not allowed: it is the host\'s network'
    ]


def test_a_network_that_is_not_there_is_refused_by_the_name_that_the_client_has_for_it() -> None:
    seen = look(
        "NetworkConnect", content={"Container": "web"}, found=ResolvedObject("x", ()), target="/networks/back/connect"
    )
    assert [(str(fault), fault.value) for fault in seen.faults] == [
        ('the network is "back", which no rule allows', ("x",))
    ]


def test_a_request_that_names_no_network_is_refused_all_the_same() -> None:
    seen = Reading(request=request_of("POST", "/networks/prune"), answers={})
    check_connected(seen, None, "Name", {})
    assert list(map(str, faults_of(seen))) == ['the network is "", which no rule allows']


@pytest.mark.parametrize(
    "config",
    [
        {"MacAddress": "02:42:ac:11:00:02"},
        {"DriverOpts": {"com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.forwarding=1"}},
        {"Links": ["db:db"]},
    ],
)
def test_an_endpoint_is_held_to_what_it_is_held_to_where_a_container_is_created(config: Json) -> None:
    content: Json = {"Container": "web", "EndpointConfig": config}
    assert len(faults("NetworkConnect", "", content, FRONT, **GRANTED)) == 1


def test_an_endpoint_may_have_names() -> None:
    config: Json = {"Aliases": ["db"], "Links": None, "DriverOpts": None}
    content: Json = {"Container": "web", "EndpointConfig": config}
    assert faults("NetworkConnect", "", content, FRONT, **GRANTED) == []
