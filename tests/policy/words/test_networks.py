"""A container reaches the networks, processes and ports that are granted, and never the host's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import inspect
from policy.policies import request_for
from policy.words.transcripts import ENGINE, look_at

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.values import Value
from dockerproxy.policy.words.networks import BY_ITSELF
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
            'HostConfig.NetworkMode is "default", a network that no rule allows'
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
        assert "ambiguous: it looks like the ID of a swarm network" in fault
    assert faults({"HostConfig": {"NetworkMode": name[:24]}}, networks=("k*",)) == []


def test_a_network_stays_what_it_was_asked_as_where_nothing_was_asked() -> None:
    body: Json = {"HostConfig": {"NetworkMode": "ci_x"}, "NetworkingConfig": {"EndpointsConfig": {"ci_x": None}}}
    assert sent(body, networks=("ci_*",)) == body
    assert sent({"NetworkingConfig": {"EndpointsConfig": None}}) == {"NetworkingConfig": {"EndpointsConfig": None}}


def test_the_default_network_is_joined_without_a_list_by_its_id_as_well() -> None:
    whole = "c1de".ljust(64, "0")
    bridge = ResolvedObject(whole, ("bridge",), subject=whole, document={"id": whole, "driver": "bridge"})
    body: Json = {"NetworkingConfig": {"EndpointsConfig": {"c1de": {}}}}
    known = Known(body=(body,), answers={(Kind.NETWORK, "c1de"): bridge})
    seen = inspect(BODIES["ContainerCreate"], {}, request_for(OPERATIONS["ContainerCreate"]), known)
    assert (seen.faults, seen.lookups) == ((), ())


@pytest.mark.parametrize("name", ["podman", "2f25"])
def test_the_network_that_podman_s_containers_join_by_themselves_is_joined_under_its_own_name(name: str) -> None:
    whole = "2f25".ljust(64, "0")
    shown = ResolvedObject(whole, ("podman",), subject=whole, document={"id": whole})
    for default, passes in ((whole, True), ("c1de".ljust(64, "0"), False)):
        bridge = ResolvedObject(default, ("bridge",), subject=default, document={"id": default})
        answers = {(Kind.NETWORK, name): shown, (Kind.NETWORK, "bridge"): bridge}
        body: Json = {"NetworkingConfig": {"EndpointsConfig": {name: {}}}}
        request = request_for(OPERATIONS["ContainerCreate"])
        seen = inspect(BODIES["ContainerCreate"], {}, request, Known(body=(body,), answers=answers))
        assert (seen.faults == (), seen.lookups) == (passes, ())
        asked = inspect(
            BODIES["ContainerCreate"], {}, request, Known(body=(body,), answers={(Kind.NETWORK, name): shown})
        )
        assert [lookup.name for lookup in asked.lookups] == ["bridge"]


@pytest.mark.parametrize("sign", ["\n", " ", ",", "\t", "\0", "\r", "\x7f"])
def test_no_name_in_a_network_is_more_than_one_word(sign: str) -> None:
    name = f"db{sign}x"
    endpoint: Json = {"Aliases": ["db", name]}
    bodies: list[tuple[str, Json]] = [
        ("ContainerCreate", {"Image": "busybox", "Hostname": name}),
        ("ContainerCreate", {"Image": "busybox", "NetworkingConfig": {"EndpointsConfig": {"bridge": endpoint}}}),
        ("NetworkConnect", {"Container": "web", "EndpointConfig": endpoint}),
    ]
    for operation, body in bodies:
        found = inspect(BODIES[operation], {}, request_for(OPERATIONS[operation]), Known(body=(body,)))
        assert [fault.says for fault in found.faults if "Podman reads on" in fault.says], operation
    named: Json = {"Aliases": ["\u00fc_*"]}
    assert faults({"Hostname": "db-1.example", "NetworkingConfig": {"EndpointsConfig": {"bridge": named}}}) == []
