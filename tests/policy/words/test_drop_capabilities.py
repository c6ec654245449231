"""A container has none of the capabilities that it must drop."""

import json

import pytest
from policy.words.looking import look
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.values import Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.capabilities import Capabilities
from dockerproxy.wire.document import Json, object_of
from dockerproxy.workbench.trying import Tried, try_request

CONSTRAINT = CONSTRAINTS["drop_capabilities"]

SAMPLES = (
    Capabilities(()),
    Capabilities(("ALL",)),
    Capabilities(("NET_RAW",)),
    Capabilities((), frozenset({"NET_RAW"})),
)
VALUES = (("ALL",), ("NET_RAW",), ("cap_net_raw", "SYS_TIME"))

PLACES = [
    ("ContainerCreate", ("HostConfig",), "CapDrop", "CapAdd"),
    ("ServiceCreate", ("TaskTemplate", "ContainerSpec"), "CapabilityDrop", "CapabilityAdd"),
    ("ServiceUpdate", ("TaskTemplate", "ContainerSpec"), "CapabilityDrop", "CapabilityAdd"),
]


def send(place: tuple[str, tuple[str, ...], str, str], said: dict[str, Json], **bounds: Value) -> tuple[str, Json]:
    """Send a body; return what is wrong with its capabilities, and what goes on as those that are dropped."""
    operation, steps, drop, add = place
    content: Json = {{"drop": drop, "add": add}[key]: value for key, value in said.items()}
    for step in reversed(steps):
        content = {step: content}
    looked = look(operation, "", content, bounds=bounds)
    found = looked.content
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    problems = [str(fault) for fault in looked.faults if "Cap" in fault.path or "cap" in fault.path]
    return " and ".join(problems), found.get(drop) if isinstance(found, dict) else None


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[0])
def test_what_a_client_does_not_drop_is_dropped_for_it(place: tuple[str, tuple[str, ...], str, str]) -> None:
    assert send(place, {}, drop_capabilities=("ALL",)) == ("", ["ALL"])
    assert send(place, {"drop": None}, drop_capabilities=("NET_RAW",)) == ("", ["NET_RAW"])
    assert send(place, {"drop": []}, drop_capabilities=("NET_RAW",)) == ("", ["NET_RAW"])
    assert send(place, {"drop": ["MKNOD"]}, drop_capabilities=("NET_RAW", "MKNOD")) == ("", ["MKNOD", "NET_RAW"])
    assert send(place, {"drop": ["all"]}, drop_capabilities=("NET_RAW",)) == ("", ["all"])
    assert send(place, {"drop": ["MKNOD"]}) == ("", ["MKNOD"])
    assert send(place, {}) == ("", None)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[0])
def test_a_capability_has_one_name_however_it_is_spelled(place: tuple[str, tuple[str, ...], str, str]) -> None:
    for name in ("net_raw", "CAP_NET_RAW", "cap_Net_Raw"):
        assert send(place, {"drop": [name]}, drop_capabilities=("NET_RAW",)) == ("", [name])
        assert send(place, {"drop": ["NET_RAW"]}, drop_capabilities=(name,)) == ("", ["NET_RAW"])


@for_each("place", PLACES, ids=lambda place: place[0])
@for_each(("dropped", "added"), [("NET_RAW", "cap_net_raw"), ("NET_RAW", "all"), ("ALL", "ALL")])
def test_what_must_be_dropped_cannot_be_added(
    place: tuple[str, tuple[str, ...], str, str], dropped: str, added: str
) -> None:
    bounds = {"drop_capabilities": (dropped,), "add_capabilities": ("ALL", "NET_RAW", "CHOWN")}
    assert "conflicts with a capability that is added" in send(place, {"add": [added]}, **bounds)[0]
    assert "conflicts with a capability that is added" in send(place, {"add": [added], "drop": [dropped]}, **bounds)[0]
    assert send(place, {"add": ["CHOWN"]}, **bounds) == ("", [dropped])


def test_one_capability_may_be_a_bare_word() -> None:
    content: Json = {"Image": "web", "HostConfig": {"CapDrop": "MKNOD", "CapAdd": "CHOWN"}}
    bounds = {"drop_capabilities": ("ALL",), "add_capabilities": ("CHOWN",)}
    looked = look("ContainerCreate", "", content, bounds=bounds)
    assert isinstance(looked.content, dict)
    assert looked.content["HostConfig"] == {"CapDrop": ["MKNOD", "ALL"], "CapAdd": ["CHOWN"]}


def test_a_service_drops_nothing_under_old_versions() -> None:
    def problems(version: str) -> list[str]:
        target = f"{version}/services/create"
        looked = look("ServiceCreate", "", {}, bounds={"drop_capabilities": ("ALL",)}, target=target)
        return [str(fault) for fault in looked.faults if "is ignored" in str(fault)]

    assert problems("/v1.40")
    assert not problems("/v1.41")
    assert not problems("")


MAKERS = "sockets: {a: {path: /a, allow: [{ContainerCreate: BOUNDS}, {ServiceCreate: BOUNDS}]}}"


@for_each("place", PLACES[:2], ids=lambda place: place[0])
@for_each(
    ("bounds", "added", "dropped", "sent"),
    [
        ("{}", None, None, ["MKNOD"]),
        ("{}", [], ["NET_RAW"], ["NET_RAW", "MKNOD"]),
        ("{}", None, ["cap_mknod"], ["cap_mknod"]),
        ("{}", None, ["all"], ["all"]),
        ("{drop_capabilities: [NET_RAW]}", None, [], ["NET_RAW", "MKNOD"]),
        ("{drop_capabilities: [ALL]}", None, None, ["ALL"]),
        ("{add_capabilities: [MKNOD]}", None, None, ["MKNOD"]),
        ("{add_capabilities: [MKNOD]}", ["Cap_mknod"], None, None),
        ("{add_capabilities: [ALL]}", ["ALL"], None, ["MKNOD"]),
        ("{add_capabilities: [ALL]}", ["all"], ["ALL"], ["ALL", "MKNOD"]),
        ("{add_capabilities: [ALL, MKNOD]}", ["ALL", "MKNOD"], None, None),
    ],
)
def test_no_container_makes_devices_unless_it_adds_that_by_name(
    place: tuple[str, tuple[str, ...], str, str], bounds: str, added: Json, dropped: Json, sent: Json
) -> None:
    operation, steps, drop, add = place
    content: Json = {add: added, drop: dropped}
    for step in reversed(steps):
        content = {step: content, "Image": "x"} if step == "HostConfig" else {step: content}
    policy = read_policy(MAKERS.replace("BOUNDS", bounds), "f").sockets[0].policy
    tried = try_request(policy, "POST", OPERATIONS[operation].path, json.dumps(content).encode())
    assert isinstance(tried, Tried)
    assert tried.decision.allowed, tried.decision.message
    found: Json = json.loads(tried.decision.content or b"")
    for step in steps:
        found = object_of(found)[step]
    assert object_of(found).get(drop) == sent


def test_no_service_is_made_where_the_engine_does_not_drop() -> None:
    [fault] = [each for each in look("ServiceCreate", "", {}, target="/v1.40/services/create").faults if not each.word]
    assert str(fault).endswith("CapabilityDrop is ignored by the engine under v1.40")
    assert fault.fix == "use API 1.41 or newer"


def test_one_value_drops_what_another_one_does() -> None:
    assert CONSTRAINT.within(("ALL", "NET_RAW"), ("NET_RAW",))
    assert not CONSTRAINT.within(("ALL",), ("NET_RAW",))  # It lets NET_RAW be added.
    assert CONSTRAINT.within(("cap_net_raw", "MKNOD"), ("NET_RAW",))
    assert not CONSTRAINT.within(("NET_RAW",), ("ALL",))
    assert CONSTRAINT.record(Capabilities(("MKNOD",), frozenset({"NET_RAW"}))) == ("NET_RAW",)
    assert CONSTRAINT.read_back(("NET_RAW",)) == (Capabilities((), frozenset({"NET_RAW"})),)
    assert CONSTRAINT.fault("NET-RAW")
    assert not CONSTRAINT.fault("cap_net_raw")
