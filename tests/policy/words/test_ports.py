"""A port of the host is opened only as it is granted, and on addresses that are."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import inspect
from policy.policies import request_for
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.words.spellings import read_address
from dockerproxy.wire.document import Json, list_of, object_of


def sent(body: Json, **bounds: Value) -> dict[str, Json] | None:
    seen = look_at("ContainerCreate", body, bounds)
    if seen.faults:
        return None
    assert isinstance(seen.content, dict)
    return seen.content


PORTS = st.builds(
    lambda first, more, pattern: pattern.format(first, first + more),
    st.integers(0, 30),
    st.integers(0, 5),
    st.sampled_from(["{0}", "{0}-{1}", "{1}-{0}", "0{0}", "+{0}", "{0}/tcp", " {0}", "-{0}", ""]),
)


@given(PORTS, st.lists(PORTS, max_size=4))
def test_every_port_that_is_opened_is_granted(port: str, granted: list[str]) -> None:
    body: Json = {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": port}]}}}
    if sent(body, publish=Pairs((("ports", tuple(granted)),))) is not None:
        assert _ports(port or "0") <= {one for text in granted for one in _ports(text)}


def _ports(text: str) -> set[int]:
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return set()
    return set(range(int(first), int(last or first) + 1))


ANY = ("0.0.0.0", "::")  # noqa: S104 (nothing is bound)


SPELLINGS = "127.0.0.1 127.0.0.01 ::1 0::1 ::ffff:127.0.0.1 ::ffff:0.0.0.0 localhost fe80::1%1 127.1 x"


ADDRESSES = st.sampled_from([*ANY, "", *SPELLINGS.split()])


@given(ADDRESSES, st.sets(ADDRESSES, max_size=3))
def test_every_address_on_which_a_port_is_opened_is_granted(address: str, granted: set[str]) -> None:
    body: Json = {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80", "HostIp": address}]}}}
    if sent(body, publish=Pairs((("addresses", tuple(granted)),))) is not None:
        spoken = [address] if address else granted if len(granted) == 1 else ANY
        opened = {ipaddress.ip_address(text) for text in spoken if read_address(text)}
        assert opened <= {ipaddress.ip_address(text) for text in granted if read_address(text)}


def test_a_list_without_bindings_opens_what_docker_fills_in() -> None:
    lists: list[Json] = [[], None, [{}], [{"HostPort": "0"}], [{"HostPort": "", "HostIp": ""}]]
    for bindings in lists:
        body: Json = {"HostConfig": {"PortBindings": {"80/tcp": bindings}}}
        assert sent(body) is None
        assert sent(body, publish=Pairs((("ports", ("8000",)),))) is None
        assert sent(body, publish=Pairs((("ports", ("0",)), ("addresses", ("127.0.0.1", "::1"))))) is None
        assert sent(body, publish=Pairs((("ports", ("0",)),))) == body
        assert sent(body, publish=Pairs(())) == body


def test_a_port_without_an_address_is_opened_on_the_only_one_that_is_granted() -> None:
    only = Pairs((("addresses", ("127.0.0.1",)),))
    lists: list[Json] = [[], None, [{}], [{"HostPort": "80"}, {"HostPort": "81", "HostIp": ""}]]
    for bindings in lists:
        asked: dict[str, Json] = {
            "80/tcp": bindings,
            "81/udp": [{"HostIp": "127.0.0.1", "HostPort": "9"}],
            "82/tcp": [{}],
        }
        filled: dict[str, Json] = {
            port: [{**object_of(each), "HostIp": "127.0.0.1"} for each in list_of(several) or [{}]]
            for port, several in asked.items()
        }
        assert sent({"HostConfig": {"PortBindings": asked}}, publish=only) == {"HostConfig": {"PortBindings": filled}}
    both: Json = [{"HostPort": "80"}, {"HostPort": "81", "HostIp": ANY[0]}]
    assert sent({"HostConfig": {"PortBindings": {"80/tcp": both}}}, publish=only) is None
    assert sent({"HostConfig": {"PublishAllPorts": True}}, publish=only) is None
    other = Pairs((("ports", ("81",)), ("addresses", ("127.0.0.1",))))
    assert sent({"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}}, publish=other) is None


def test_what_would_open_a_port_is_said_of_it() -> None:
    body: Json = {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80", "HostIp": "1.2.3.4"}]}}}
    seen = look_at("ContainerCreate", body, {"publish": Pairs((("ports", ()), ("addresses", ())))})
    assert [fault.value for fault in seen.faults] == [
        Pairs((("ports", ("80",)),)),
        Pairs((("addresses", ("1.2.3.4",)),)),
    ]


FREE = Pairs((("ports", ("0",)),))


@for_each(("bindings", "own", "of_image"), [(3, 0, 0), (1, 1, 1), (4, 0, 0), (1, 1, 2), (0, 4, 0)])
def test_a_container_publishes_few_ports_with_those_of_its_image(bindings: int, own: int, of_image: int) -> None:
    exposed: Json = {f"{port}/udp": {} for port in range(of_image)}
    body: Json = {
        "Image": "acme.example/app",
        "ExposedPorts": {f"{port}/tcp": {} for port in range(own)},
        "HostConfig": {"PortBindings": {"9/sctp": [{}] * bindings} if bindings else {}, "PublishAllPorts": True},
    }
    image = ResolvedObject("sha256:1", (), document={"config": {"ExposedPorts": exposed}})
    answers = {(Kind.IMAGE, "acme.example/app"): image}
    known = Known(body=(body,), answers=answers, most_ports=3)
    seen = inspect(BODIES["ContainerCreate"], {"publish": FREE}, request_for(OPERATIONS["ContainerCreate"]), known)
    if bindings + own + of_image > 3:
        assert any("ports, but must be at most 3" in str(fault) for fault in seen.faults)
        return
    host = object_of(object_of(seen.content)["HostConfig"])
    assert not host["PublishAllPorts"]
    assert sum(map(len, map(list_of, object_of(host["PortBindings"]).values()))) == bindings + own + of_image


def test_the_ports_of_an_image_are_looked_up_only_for_all_of_them() -> None:
    request = request_for(OPERATIONS["ContainerCreate"])

    def lookups(**host: Json) -> int:
        known = Known(body=({"Image": "app", "HostConfig": host},))
        return len(inspect(BODIES["ContainerCreate"], {"publish": FREE}, request, known).lookups)

    assert (lookups(), lookups(PublishAllPorts=False), lookups(PublishAllPorts=True)) == (0, 0, 1)


@for_each("count", [64, 65])
def test_a_service_publishes_few_ports(count: int) -> None:
    body: Json = {"EndpointSpec": {"Ports": [{"TargetPort": port} for port in range(count)]}}
    assert len(look_at("ServiceCreate", body, {"publish": FREE}).faults) == (count > 64)
