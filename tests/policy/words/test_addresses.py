"""Addresses and names that a container asks for: none of another client, and each name is one line."""

import pytest
from policy.policies import ID, request_of
from policy.words.looking import faults, look

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.vocabulary import CONSTRAINTS, SWITCHED
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.own import own_by
from dockerproxy.wire.document import Json, object_of

ADDRESSED: Json = {"IPAMConfig": {"IPv4Address": "10.9.0.5", "IPv6Address": "fd00::5"}}
MAC = "02:42:ac:11:00:02"


def connect(endpoint: Json, owner: str, *more: Condition) -> list[str]:
    found = ResolvedObject(ID, ("front",), subject=ID, belongs_to=owner, document={"name": "front"})
    request = request_of("POST", "/networks/front/connect")
    known = Known(found=found, body=({"Container": "web", "EndpointConfig": endpoint},))
    reading = read_request(BODIES["NetworkConnect"], request, known)
    conditions = (Condition(CONSTRAINTS["networks"], ("front",)), *more)
    judged = judge_claims({each.word: each for each in conditions}, reading.claims)
    return [str(each) for each in judged.faults if "IPAMConfig" in each.path]


OWN = Condition(own_by("ci"), value=True)


def test_an_address_is_asked_for_only_in_an_own_network() -> None:
    assert connect(ADDRESSED, "ci", OWN) == []
    for denied in (connect(ADDRESSED, "other", OWN), connect(ADDRESSED, "", OWN), connect(ADDRESSED, "")):
        assert len(denied) == 2
        assert all("only allowed in a network that the client owns" in each for each in denied)
    assert connect(ADDRESSED, "", SWITCHED) == []


def test_an_address_on_the_link_is_asked_for_in_no_network() -> None:
    for owner in ("ci", "other"):
        (denied,) = connect({"IPAMConfig": {"LinkLocalIPs": ["169.254.8.8"]}}, owner, OWN)
        assert "other hosts on the link may have it" in denied
    assert connect({"IPAMConfig": {"IPv4Address": "", "IPv6Address": None, "LinkLocalIPs": []}}, "") == []


@pytest.mark.parametrize("name", ["front", "default", "bridge", "none"])
def test_a_create_asks_for_no_address_in_a_network_that_is_not_own(name: str) -> None:
    content: Json = {"Image": "web", "NetworkingConfig": {"EndpointsConfig": {name: ADDRESSED}}}
    found = faults("ContainerCreate", "", content, networks=("**", "default"))
    assert sum("IPAMConfig.IPv" in each for each in found) == 2


@pytest.mark.parametrize(
    "content",
    [
        {"Image": "web", "MacAddress": MAC},
        {"Image": "web", "NetworkingConfig": {"EndpointsConfig": {"front": {"MacAddress": MAC}}}},
    ],
)
def test_no_address_on_the_link_is_the_client_s(content: Json) -> None:
    assert any("MacAddress" in each for each in faults("ContainerCreate", "", content, networks=("front",)))


def test_the_engine_s_own_address_on_the_link_is_left_out() -> None:
    end: Json = {"MacAddress": MAC, "NetworkID": "x"}
    looked = look("NetworkConnect", "", {"Container": "web", "EndpointConfig": end})
    assert isinstance(looked.content, dict)
    assert not object_of(looked.content["EndpointConfig"]).get("MacAddress")


def hosts(*lines: str) -> list[str]:
    content: Json = {"Image": "web", "HostConfig": {"ExtraHosts": [*lines]}}
    return [each for each in faults("ContainerCreate", "", content) if "ExtraHosts" in each]


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\x85", "\u2028"])
def test_a_name_with_an_address_is_one_line(sign: str) -> None:
    for line in (f"db:10.9.0.2{sign}10.9.0.3 evil", f"d{sign}b:10.9.0.2"):
        (found,) = hosts("a:1.2.3.4", line)
        assert "a control character ends a line" in found
        query = "?extrahosts=" + "".join(f"%{byte:02x}" for byte in line.encode())
        assert any("extrahosts" in each for each in faults("ImageBuild", query))
    assert hosts("db:host-gateway", "a;b:10.9.0.2", "x y:z") == []
