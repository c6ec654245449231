"""On a network that others use, no request takes a name that another's container or service has there."""

import json
from collections.abc import Mapping
from typing import Final

import pytest
from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import make_stamp
from dockerproxy.plans.table import find_holds
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.model import Making
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict
from dockerproxy.policy.steps import Ask, Fills, Says, Scene, UnknownObjectError, Work
from dockerproxy.tenancy.neighbours import find_taken
from dockerproxy.wire.document import Json

THEIRS, MINE, UNOWNED = (f"{digit * 64}" for digit in "123")
EGRESS, OWN_NETWORK = {"Id": "e" * 64, "Name": "egress", "Scope": "swarm"}, {"Id": "0" * 64, "Name": "mine"}
STAMPS = {MINE: make_stamp("me", "n"), THEIRS: make_stamp("them", "n"), UNOWNED: {}}


def container(identity: str, name: str, network: str, hostname: str, *aliases: str) -> Mapping[str, Json]:
    """A container, as lists and inspections have it."""
    networks: Json = {network: {"Aliases": [*aliases], "DNSNames": None}}
    config: Json = {"Hostname": hostname, "Labels": dict(STAMPS[identity])}
    described: dict[str, Json] = {"Id": identity, "Name": f"/{name}", "Names": [f"/{name}"], "Image": "busybox"}
    return {**described, "Labels": dict(STAMPS[identity]), "Config": config, "NetworkSettings": {"Networks": networks}}


CONTAINERS = (
    container(THEIRS, "victim", "egress", "box", "proxy", "Upper"),
    container(MINE, "before", "egress", "old", "app"),
    container(UNOWNED, "elsewhere", "inner", "far", "db"),
)
SPEC: Json = {
    "Name": "web",
    "Labels": dict(STAMPS[THEIRS]),
    "TaskTemplate": {"Networks": [{"Target": "e", "Aliases": ["www"]}]},
}
ENGINE: Final[Mapping[str, Json]] = {
    "/networks/egress": {**EGRESS},
    f"/networks/{EGRESS['Id']}": {**EGRESS},
    "/networks/mine": {**OWN_NETWORK, "Labels": dict(STAMPS[MINE])},
    "/containers/json?all=1": [dict(each) for each in CONTAINERS],
    **{f"/containers/{each['Id']}/json": dict(each) for each in CONTAINERS},
    "/services": [{"ID": "s" * 25, "Spec": SPEC}],
    f"/images/sha256:{'4f' * 32}/json": {"Config": {"Labels": {}}},
}
POLICY = """sockets: {me: {path: /me.sock, allow: [own, ServiceCreate: {networks: [egress]},
  NetworkConnect: {networks: [egress]}, ContainerCreate: {networks: ["**"]}]}}"""


def decided(target: str, body: Mapping[str, Json] | None = None) -> Verdict:
    """Judge a request of "me", for which the engine knows a few objects."""
    content = json.dumps(body).encode() if body is not None else b""
    fields = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
    head = f"POST /v1.45{target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()
    judged = judge(read_policy(POLICY, "p.yaml").sockets[0].policy, head)
    if isinstance(judged, NeedsBody):
        judged = judge_body(judged, content, "nonce")
    while isinstance(judged, NeedsLookup):
        judged = judge_object(judged, found(judged.lookup.kind, judged.lookup.name))
    assert isinstance(judged, Verdict)
    assert judged.decision.allowed, judged.decision
    return judged


def found(kind: Kind, name: str) -> ResolvedObject | None:
    if kind is Kind.NETWORK:
        network = OWN_NETWORK if name == "mine" else EGRESS
        owner = "me" if name == "mine" else ""
        return ResolvedObject(str(network["Id"]), (name,), "", str(network["Id"]), owner, {"id": network["Id"]})  # type: ignore[arg-type]
    document = {key.lower(): value for key, value in CONTAINERS[1].items()}
    return ResolvedObject(MINE, ("before",), subject=MINE, belongs_to="me", document=document, labels=STAMPS[MINE])


def said(verdict: Verdict, engine: Mapping[str, Json] = ENGINE) -> str:
    """Return why names of a request are denied; empty if they are free."""
    decision, scene = verdict.decision, Scene(Fills(), {}, 0.0)
    making = Making(verdict.request, decision.content or b"", decision.uses, "nonce", is_counted=True)
    plan, result = find_taken("me", making, scene), None
    while True:
        try:
            step = plan.send(result)
        except StopIteration as end:
            return end.value.message if isinstance(end.value, Says) else ""
        if isinstance(step, Work):
            result = step.do()
            continue
        assert isinstance(step, Ask)
        known = engine.get(step.target)
        result = (500, b"") if known == "broken" else (200 if known else 404, json.dumps(known).encode())


def create(name: str = "", network: str = "egress", *aliases: str, hostname: str = "") -> Verdict:
    joined: Json = {"EndpointsConfig": {network: {"Aliases": [*aliases]}}}
    host: Json = {"NetworkMode": network}
    body: dict[str, Json] = {"Image": "busybox", "HostConfig": host, "NetworkingConfig": joined, "Hostname": hostname}
    return decided(f"/containers/create?name={name}", body)


def serve(name: str, *aliases: str, hostname: str = "") -> Verdict:
    container: Json = {"Image": "busybox", "Hostname": hostname}
    task: Json = {"ContainerSpec": container, "Networks": [{"Target": "egress", "Aliases": [*aliases]}]}
    return decided("/services/create", {"Name": name, "TaskTemplate": task})


def connect(*aliases: str) -> Verdict:
    body: dict[str, Json] = {"Container": "before", "EndpointConfig": {"Aliases": [*aliases]}}
    return decided("/networks/egress/connect", body)


@for_each("name", ["victim", "VICTIM", "box", "proxy", "upper", THEIRS[:12], "web", "www", "api.github.com", "proxy."])
def test_a_name_of_another_is_taken_at_no_door(name: str) -> None:
    doors = [create("", "egress", name), create("", "egress", "app", hostname=name), connect(name)]
    doors += [serve("mine", name), serve("mine", hostname=name)]
    plain = name.rstrip(".")
    doors += [create(plain), decided(f"/containers/before/rename?name={plain}")] if plain == name != THEIRS[:12] else []
    doors += [serve(name)] if "." not in name and name != THEIRS[:12] else []
    for verdict in doors:
        assert "network" in said(verdict), verdict.request.path
        assert any(hold.name == f"name/{name.lower()}" for hold in find_holds(verdict))


def test_other_names_are_free_and_so_are_all_on_own_networks() -> None:
    free = [create("new", "egress", "app", "db", "old", hostname="far"), create("victim", "mine", "proxy")]
    free += [connect("app"), connect(), serve("app", "db"), decided("/containers/before/rename?name=far")]
    for verdict in (*free, create("victim", "default"), create()):
        assert said(verdict) == ""


def test_a_container_takes_its_names_along() -> None:
    """Only the engine knows them, so it is asked."""
    told = {**ENGINE, f"/containers/{MINE}/json": container(MINE, "before", "mine", "PROXY")}
    assert "proxy" in said(connect(), told)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["/networks/egress", "/containers/json?all=1", "/services"])
def test_without_an_answer_no_name_is_free(target: str) -> None:
    with pytest.raises(UnknownObjectError):
        said(create("new"), {**ENGINE, target: "broken"})


def test_what_is_gone_has_no_name() -> None:
    assert said(create("victim"), {**ENGINE, "/networks/egress": None}) == ""
    assert said(create("", "egress", "proxy"), {**ENGINE, f"/containers/{THEIRS}/json": None}) == ""
