"""What a body may not say is refused where it says it, and what passes is what the engine will read."""

import json
from collections.abc import Iterator

import pytest
from api.bodies.files import tables_in
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import inspect
from policy.policies import ID, request_for, request_of
from policy.words.go_model import decode_as_go, say_nothing_of
from policy.words.raw_bodies import raw_bodies
from policy.words.transcripts import Told, look_at, look_at_bytes, read_transcripts
from rows import for_each

from dockerproxy.api.bodies.tables import (
    ALWAYS,
    BODIES,
    MOST_ITEMS,
    MOST_PORTS,
    Body,
    Content,
    Node,
    Type,
    read_fields,
)
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import MOST_FAULTS, MOST_LOOKUPS, Known
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.reader import MOST_ENTRIES
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.words.images import complete
from dockerproxy.wire.document import Json, object_of, read_json, write_json

CONTAINERS = tables_in("containers")
TOLD = list(read_transcripts())
READ = sorted(name for name, body in BODIES.items() if body.is_read)


@for_each("told", TOLD)
def test_a_body_is_refused_or_goes_on_as_the_transcript_says(told: Told) -> None:
    seen = look_at_bytes(told)
    if told.then == "refuse":
        said = [seen.reason] if isinstance(seen, Refusal) else list(map(str, seen.faults))
        assert any(told.what in text for text in said), said
        return
    assert told.then == "send"
    assert not isinstance(seen, Refusal), seen.reason
    assert seen.faults == ()
    assert seen.content == json.loads(told.body if told.what == "same" else told.what)


@for_each("told", [told for told in TOLD if told.then == "send"], ids=lambda told: str(told.place))
def test_what_goes_on_would_go_on_unchanged(told: Told) -> None:
    once = look_at_bytes(told)
    assert not isinstance(once, Refusal)
    twice = look_at(told.operation, once.content, told.bounds, told.query)
    assert (twice.faults, twice.content) == ((), once.content)


@for_each("name", READ)
@given(data=st.data())
def test_what_is_let_through_is_what_go_reads(name: str, data: st.DataObject) -> None:
    raw = data.draw(raw_bodies(BODIES[name].root))
    document = read_json(raw.encode())
    if isinstance(document, Refusal):
        return
    seen = look_at(name, document)
    if seen.faults:
        return
    root = BODIES[name].root
    understood = say_nothing_of(seen.content)
    assert decode_as_go(root, write_json(seen.content).decode()) == understood
    if name in CONTAINERS:  # In others, a check may add what Podman must be told.
        assert _as_sent(root, decode_as_go(root, raw)) == understood
    again = look_at(name, seen.content)
    assert (again.faults, again.content) == ((), seen.content)


def _as_sent(root: Node, document: Json) -> Json:
    """Do to the environment and the name of the image what is done to them on their way."""
    env = document.get("Env") if isinstance(document, dict) else None
    image = document.get("Image") if isinstance(document, dict) else None
    if isinstance(document, dict) and isinstance(image, str):
        document = {**document, "Image": complete(image, parse_reference(image))}
    is_checked = "Env" in root.spelled and root.spelled["Env"].rule.removesuffix(ALWAYS) == "check_environment"
    if isinstance(document, dict) and isinstance(env, list) and is_checked:
        return {**document, "Env": [each if "=" in str(each) else f"{each}=" for each in env]}
    return document


def _places(node: Node, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the way to each object with fields: names, `[]` and `*`."""
    if node.type is Type.OBJECT:
        yield way
    for name, below in node.spelled.items():
        if below.rule == "aside":
            continue
        yield from _places(below, (*way, name))
    if node.item is not None:
        yield from _places(node.item, (*way, "[]" if node.type is Type.LIST else "*"))


def _wrap(way: tuple[str, ...], value: Json) -> Json:
    for part in reversed(way):
        value = [value] if part == "[]" else {"x" if part == "*" else part: value}
    return value


@for_each("name", READ)
@given(key=st.text(max_size=8).filter(lambda key: key.lower() != key.upper() or not key))
def test_a_key_that_the_table_does_not_know_is_refused_everywhere(name: str, key: str) -> None:
    key = f"{key}Unknown"
    for way in _places(BODIES[name].root):
        seen = look_at(name, _wrap(way, {key: False}))
        assert any("not a known field" in str(fault) for fault in seen.faults), way


def test_an_unknown_key_that_says_nothing_goes_no_further() -> None:
    seen = look_at("ContainerCreate", {"Privileged": None, "HostConfig": {"Wished": None}})
    assert (seen.faults, seen.content) == ((), {"HostConfig": {}})


@for_each("name", READ)
def test_a_field_in_two_spellings_is_refused_everywhere(name: str) -> None:
    root = BODIES[name].root
    for way in _places(root):
        node = root
        for part in way:
            node = node.spelled[part] if part not in {"[]", "*"} else node.item or node
        for field, below in node.spelled.items():
            if below.rule != "aside":
                seen = look_at(name, _wrap(way, {field: None, field.swapcase(): None}))
                assert any(f"{field}" in str(fault) and "repeated" in str(fault) for fault in seen.faults), (
                    way,
                    field,
                )


def test_a_body_of_names_only_is_not_asked_about() -> None:
    binds: list[Json] = [f"ci{number}:/x{number}" for number in range(MOST_LOOKUPS + 1)]
    request = request_for(OPERATIONS["ContainerCreate"])
    known = Known(body=({"HostConfig": {"Binds": binds}},))
    seen = inspect(BODIES["ContainerCreate"], {"volumes": ("ci*",)}, request, known)
    assert [str(fault) for fault in seen.faults] == ["the body names more than 32 objects"]
    more = Known(body=({"HostConfig": {"Binds": binds * 7}},))
    assert len(inspect(BODIES["ContainerCreate"], {"volumes": ("ci*",)}, request, more).lookups) == MOST_LOOKUPS + 1


def test_a_body_of_faults_only_is_told_in_part() -> None:
    seen = look_at("ContainerCreate", {f"k{number}": 1 for number in range(1000)})
    assert len(seen.faults) == MOST_FAULTS


@pytest.mark.parametrize(
    "body",
    [
        {f"k{number}": 1 for number in range(MOST_ENTRIES + 1)},
        {
            "HostConfig": {
                "Mounts": [{"Type": "tmpfs", "Target": f"/{number}"} for number in range(MOST_ITEMS)],
                "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}] * MOST_ITEMS,
                "PortBindings": {f"{port}/tcp": [{"HostIp": "", "HostPort": "1"}] for port in range(MOST_PORTS)},
            },
            "ExposedPorts": {f"{port}/tcp": {} for port in range(MOST_PORTS)},
            "NetworkingConfig": {"EndpointsConfig": {f"n{number}": {} for number in range(MOST_ITEMS)}},
            "Volumes": {f"/v{number}": {f"k{key}": None for key in range(9)} for number in range(MOST_ITEMS)},
        },
    ],
    ids=["fields", "the most of everything"],
)
def test_more_entries_than_anyone_has_are_not_looked_at(body: Json) -> None:
    faults = look_at("ContainerCreate", body).faults
    assert f"the body has more than {MOST_ENTRIES} entries" in map(str, faults)


def list_outer(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every list or map of a body, with its path; of one in a list or map, the path has an item."""
    for name, below in node.spelled.items():
        yield from list_outer(below, f"{path}.{name}".removeprefix("."))
    if node.item is not None or node.type is Type.WORDS:
        yield path, node
    if node.item is not None:
        yield from list_outer(node.item, f"{path}[]")


OUTER = [
    (operation, path, node)
    for operation, body in BODIES.items()
    if body.is_read
    for path, node in list_outer(body.root)
]


def is_of_texts(node: Node) -> bool:
    return node.type is Type.WORDS or (node.item is not None and node.item.is_scalar)


@for_each(("operation", "path", "node"), OUTER)
def test_a_list_that_is_judged_item_by_item_has_a_bound(operation: str, path: str, node: Node) -> None:
    """Without one are only texts that are free, or that a check reads as a whole."""
    texts = {"Env", "Cmd", "Label", "Labels", "labels", "infra_command", "command"}
    whole = path.rsplit(".", maxsplit=1)[-1] in texts or node.is_free
    assert node.most in {MOST_ITEMS, MOST_PORTS} or (is_of_texts(node) and whole), (operation, path, node.rule)


def nest(path: str, value: Json) -> Json:
    """A body that has a value at a path without lists."""
    first, _, rest = path.partition(".")
    return {first: nest(rest, value) if rest else value}


BOUND = [each for each in OUTER if each[2].most and "[" not in each[1]]


@for_each(("operation", "path", "node"), BOUND)
def test_of_a_list_with_too_many_items_none_is_read(operation: str, path: str, node: Node) -> None:
    item: Json = "" if is_of_texts(node) else {}
    keys = range(node.most + 1)
    value: Json = {str(key): item for key in keys} if node.type is Type.MAP else [item for _ in keys]
    seen = look_at(operation, nest(path, value))
    assert f"{path} has more than {node.most} items" in map(str, seen.faults)
    assert not any(str(fault).startswith(f"{path}[") for fault in seen.faults)


def test_ports_are_counted_together_however_they_are_spread() -> None:
    ports: dict[str, Json] = {f"{port}/tcp": [{"HostPort": "1"} for _ in range(128)] for port in range(8)}
    publish = {"publish": Pairs((("ports", ("1",)),))}
    request = request_for(OPERATIONS["ContainerCreate"])

    def faults(bindings: Json) -> list[str]:
        known = Known(body=({"HostConfig": {"PortBindings": bindings}},), most_ports=1024)
        return [str(each) for each in inspect(BODIES["ContainerCreate"], publish, request, known).faults]

    assert faults(ports) == []
    assert faults(ports | {"9/tcp": []}) == ["HostConfig.PortBindings has more than 1024 items"]


@pytest.mark.parametrize(
    "body",
    [
        {"Env": [f"A{number}=b" for number in range(4000)]},
        {"Cmd": ["ls", *(f"/srv/{number}" for number in range(4000))]},
        {"Labels": {f"label.{number}": "x" for number in range(2000)}},
        {"Healthcheck": {"Test": ["CMD", *map(str, range(4000))]}},
        {
            "ExposedPorts": {f"{port}/tcp": {} for port in range(1000)},
            "HostConfig": {"PortBindings": {f"{port}/tcp": [{"HostPort": "1"}] for port in range(1000)}},
        },
    ],
    ids=["variables", "arguments", "labels", "a check of health", "a range of ports"],
)
def test_what_real_clients_send_many_of_has_room(body: Json) -> None:
    request = request_for(OPERATIONS["ContainerCreate"])
    conditions: dict[str, Value] = {"publish": Pairs((("ports", ("1",)),))}
    known = Known(body=({"Image": "x", **object_of(body)},), most_ports=1000)
    assert inspect(BODIES["ContainerCreate"], conditions, request, known).faults == ()


def test_a_missing_body_is_refused_only_where_there_must_be_one() -> None:
    assert [str(fault) for fault in look_at("ContainerCreate", None).faults] == ["the body is missing"]
    assert look_at("ExecStart", None).faults == ()


def test_a_message_shows_no_more_of_a_key_than_can_be_read() -> None:
    assert str(look_at("ContainerCreate", {"a\nb": 1}).faults[0]).startswith('"a\\nb" is 1')
    assert len(str(look_at("ContainerCreate", {"a" * 10_000: "b" * 10_000}).faults[0])) < 300


def test_a_command_is_started_only_as_it_was_prepared() -> None:
    request = request_for(OPERATIONS["ExecStart"])

    def start(**prepared: Json) -> list[str]:
        document = {"processconfig": {"entrypoint": "sh", "arguments": ["-c", "ls"], **prepared}}
        known = Known(found=ResolvedObject(ID, ("web",), document=document), body=(None,))
        bounds: dict[str, Value] = {"user": "not-root", "commands": (("sh", "**"),)}
        return list(map(str, inspect(BODIES["ExecStart"], bounds, request, known).faults))

    assert start(user="1000:1000") == []
    assert start(user="1000:1000", privileged=True) == [
        "ProcessConfig.privileged is true, not allowed: the command has all capabilities, and can reach the host"
    ]
    assert start() == ["ProcessConfig.user is missing, so it may be root; set one, like 1000:1000"]
    assert start(user="1000:1000", entrypoint="env") == [
        'ProcessConfig is ["env", "-c", "ls"], a command that no rule allows'
    ]
    unknown = inspect(BODIES["ExecStart"], {"user": "not-root"}, request, Known(body=(None,)))
    assert unknown.faults


@pytest.mark.parametrize(("query", "passes"), [("?dir=0", False), ("?v=0", True)])
def test_a_parameter_that_is_a_text_says_something_with_every_text(query: str, *, passes: bool) -> None:
    fields = read_fields("?dir string 1.0 unset | is a directory\n?v boolean 1.0 unset | removes volumes")
    body = Body("VolumePrune", Content.NONE, lambda: fields)
    seen = inspect(body, {}, request_of("POST", f"/volumes/prune{query}"), Known())
    assert (not seen.faults) is passes
