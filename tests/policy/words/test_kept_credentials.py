"""An update of a service without credentials sends those that it has to no other registry."""

import pytest
from policy.policies import ID, request_of
from policy.words.swarms import service

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.reader import read_request
from dockerproxy.wire.document import Json

OLD, NEW = "ghcr.io/a/b:1", "evil.example/a/b:1"


def update(image: str, *fields: str, query: str = "version=7", **document: Json) -> list[str]:
    """Return what is wrong with the credentials of an update; the engine has a state of the service."""
    spec: Json = {"TaskTemplate": {"ContainerSpec": {"Image": OLD}}}
    found = ResolvedObject(ID, ("web",), document={"spec": spec, "version": {"Index": 7}, **document})
    request = request_of("POST", f"/services/web/update?{query}")
    request = request._replace(fields=tuple((b"x-registry-auth", field.encode()) for field in fields))
    read = read_request(BODIES["ServiceUpdate"], request, Known(found=found, body=(service(Image=image),)))
    return [str(each) for each in judge_claims({}, read.claims).faults if "Registry-Auth" in each.path]


def test_a_service_sends_its_credentials_to_no_other_registry() -> None:
    assert update("ghcr.io/other/image") == []
    assert update(NEW, "e30=") == []
    for fields in ((), ("",), ("", "e30=")):
        assert "the service has its own credentials" in update(NEW, *fields)[0]
    assert update(OLD, query="version=7&registryAuthFrom=spec") == []
    assert update("busybox")
    assert update("no image")


def test_a_service_sends_those_of_the_state_before_to_no_other_registry() -> None:
    former: Json = {"TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}}
    query = "version=7&registryAuthFrom=previous-spec"
    assert update(OLD, query=query, previousspec=former)
    assert update("alpine", query=query, previousspec=former) == []
    assert update(OLD, query=query)


@pytest.mark.parametrize("query", ["", "version=8", "version=07", "version="])
def test_a_service_sends_those_of_a_state_that_came_since_to_no_registry(query: str) -> None:
    assert update(OLD, query=query)
    assert update(OLD, "e30=", query=query) == []
