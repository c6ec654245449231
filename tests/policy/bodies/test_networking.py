"""A container reaches the networks, processes and ports that are granted, and never the host's."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.bodies.transcripts import ENGINE, look_at
from policy.policies import request_for

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.bodies.amounts import read_address
from dockerproxy.policy.bodies.inspection import Known
from dockerproxy.policy.bodies.networking import BY_ITSELF, normalise_address
from dockerproxy.policy.bodies.reader import inspect
from dockerproxy.policy.model import Pairs, Value
from dockerproxy.policy.objects import Found, Kind
from dockerproxy.wire.document import Json

MODES = (
    "host HOST none default bridge ns:/proc/1/ns/net container:web container:hosted x/y pasta slirp4netns 0057 c1de"
    " slirp4netns:port_handler=x ci_default other bridge:ip=1.1.1.1"
)
NAMES = st.sampled_from(MODES.split()) | st.text(max_size=5)


def faults(body: Json, **bounds: Value) -> list[str]:
    return list(map(str, look_at("ContainerCreate", body, bounds).faults))


def sent(body: Json, **bounds: Value) -> dict[str, Json] | None:
    seen = look_at("ContainerCreate", body, bounds)
    if seen.faults:
        return None
    assert isinstance(seen.content, dict)
    return seen.content


@given(NAMES, st.sampled_from([(), ("**",), ("*",), ("host",), ("ci_*",), ("default",)]))
def test_no_list_of_networks_gives_the_host_s_or_another_container_s(name: str, granted: tuple[str, ...]) -> None:
    bodies: list[Json] = [
        {"HostConfig": {"NetworkMode": name}},
        {"HostConfig": {"NetworkMode": "none"}, "NetworkingConfig": {"EndpointsConfig": {name: {}}}},
    ]
    for body in bodies:
        content = sent(body, networks=granted)
        if content is not None:
            text = str(content)
            assert not any(word in text for word in ("'host'", ":/", "container:", "slirp4netns", "pasta", "'0057"))


@given(NAMES)
def test_without_a_list_only_the_engine_s_own_are_joined(name: str) -> None:
    if sent({"HostConfig": {"NetworkMode": name}}) is not None:
        assert name in BY_ITSELF


def test_what_is_not_said_is_the_engine_s_default_network() -> None:
    bodies: list[Json] = [{}, {"HostConfig": None}, {"HostConfig": {"NetworkMode": ""}}, {"HostConfig": {}}]
    for body in bodies:
        assert faults(body, networks=("ci_*",)) == [
            'HostConfig.NetworkMode is "default", and that network is not granted'
        ]
        assert sent(body, networks=("default",)) == body
        assert sent(body, networks=("bridge",)) == body


@pytest.mark.parametrize("field", ["NetworkMode", "PidMode", "IpcMode"])
def test_a_container_is_joined_under_its_whole_id_if_it_is_granted(field: str) -> None:
    web = ENGINE[Kind.CONTAINER, "web"]
    for name in ("web", "4f5e"):
        content = sent({"HostConfig": {field: f"container:{name}"}}, joins=("web",))
        assert content == {"HostConfig": {field: f"container:{web.id}"}}
    assert sent({"HostConfig": {field: "container:web"}}, joins=(web.id,)) is not None
    assert sent({"HostConfig": {field: "container:db"}}, joins=("web",)) is None
    assert sent({"HostConfig": {field: "container:web"}}) is None
    assert sent({"HostConfig": {field: "container:gone"}}, joins=("**",)) is None


@pytest.mark.parametrize("mode", ["host", "container:x", "ns:/proc/1/ns/pid", "HOST", "shared", "pod"])
def test_processes_and_memory_are_the_container_s_own(mode: str) -> None:
    for field in ("PidMode", "IpcMode"):
        assert sent({"HostConfig": {field: mode}}, networks=("**",)) is None


def test_a_network_of_the_swarm_that_the_engine_does_not_know_yet_is_not_joined_by_its_id() -> None:
    name = "kf7gt99mjnffxzgwv17lhx50b"
    apart: Json = {"HostConfig": {"NetworkMode": "none"}, "NetworkingConfig": {"EndpointsConfig": {name: {}}}}
    bodies: list[Json] = [{"HostConfig": {"NetworkMode": name}}, apart]
    for body in bodies:
        (fault,) = faults(body, networks=("k*",))
        assert "which could be the id of a network of the swarm" in fault
    assert faults({"HostConfig": {"NetworkMode": name[:24]}}, networks=("k*",)) == []


def test_a_network_stays_what_it_was_asked_as_where_nothing_was_asked() -> None:
    body: Json = {"HostConfig": {"NetworkMode": "ci_x"}, "NetworkingConfig": {"EndpointsConfig": {"ci_x": None}}}
    assert sent(body, networks=("ci_*",)) == body
    assert sent({"NetworkingConfig": {"EndpointsConfig": None}}) == {"NetworkingConfig": {"EndpointsConfig": None}}


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
        opened = {ipaddress.ip_address(text) for text in ([address] if address else ANY)}
        assert opened <= {ipaddress.ip_address(text) for text in granted if read_address(text)}


def test_a_list_without_bindings_opens_what_docker_fills_in() -> None:
    lists: list[Json] = [[], None, [{}], [{"HostPort": "0"}], [{"HostPort": "", "HostIp": ""}]]
    for bindings in lists:
        body: Json = {"HostConfig": {"PortBindings": {"80/tcp": bindings}}}
        assert sent(body) is None
        assert sent(body, publish=Pairs((("ports", ("8000",)),))) is None
        assert sent(body, publish=Pairs((("ports", ("0",)), ("addresses", ("127.0.0.1",))))) is None
        assert sent(body, publish=Pairs((("ports", ("0",)),))) == body
        assert sent(body, publish=Pairs(())) == body


def test_what_would_open_a_port_is_said_of_it() -> None:
    body: Json = {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80", "HostIp": "1.2.3.4"}]}}}
    seen = look_at("ContainerCreate", body, {"publish": Pairs((("ports", ()), ("addresses", ())))})
    assert [fault.value for fault in seen.faults] == [
        Pairs((("ports", ("80",)),)),
        Pairs((("addresses", ("1.2.3.4",)),)),
    ]


def test_an_address_has_one_spelling() -> None:
    assert normalise_address("0:0:0::1") == "::1"
    assert normalise_address("localhost") == "localhost"


@pytest.mark.parametrize("name", ["podman", "2f25"])
def test_the_network_that_podman_s_containers_join_by_themselves_is_joined_under_its_own_name(name: str) -> None:
    whole = "2f25".ljust(64, "0")
    shown = Found(whole, ("podman",), owner=whole, document={"id": whole})
    for default, passes in ((whole, True), ("c1de".ljust(64, "0"), False)):
        bridge = Found(default, ("bridge",), owner=default, document={"id": default})
        answers = {(Kind.NETWORK, name): shown, (Kind.NETWORK, "bridge"): bridge}
        body: Json = {"NetworkingConfig": {"EndpointsConfig": {name: {}}}}
        request = request_for(OPERATIONS["ContainerCreate"])
        seen = inspect(BODIES["ContainerCreate"], {}, request, Known(body=(body,), answers=answers))
        assert (seen.faults == (), seen.questions) == (passes, ())
        asked = inspect(
            BODIES["ContainerCreate"], {}, request, Known(body=(body,), answers={(Kind.NETWORK, name): shown})
        )
        assert [question.name for question in asked.questions] == ["bridge"]
