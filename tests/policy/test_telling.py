"""What a client is told of a denial: nothing of an object that it may not inspect but what it said of it itself."""

import json
import re
from collections.abc import Iterator

import pytest
from api.paths import path_of
from policy.judging import finish
from policy.ordinary import body_of
from policy.policies import condition, policy_with
from wire.heads import head_of

from dockerproxy.api.bodies.fields import Node, Type
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.policy.claims.checks import CHECKS
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Grant
from dockerproxy.policy.objects import KINDS, Kind, Lookup, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.wire.answer import write_answer
from dockerproxy.wire.document import Json

NAME = "zqsecret"
HEX, OF_SWARM = "ce7a" + 15 * "01d9", "q5x" + 11 * "7z"
INSPECTIONS = sorted(name for name in OPERATIONS if re.fullmatch("[A-Z][a-z]+Inspect(Libpod)?", name))
UNGUESSABLE = 12
NEWLY_NAMED = ("ConfigCreate", "NetworkCreate", "SecretCreate", "ServiceCreate")
"""Digits of an ID that nobody guesses, and what may be named so if there is no other with such an ID."""
LISTING = {"images": "docker.io/library/granted-*:1"}


def document_of(kind: Kind, identity: str) -> dict[str, object]:
    """What the engine says of another's object: all that is worth hiding, and reasons enough to deny it."""
    if kind is Kind.EXEC:
        return {"ID": identity, "ContainerID": identity, "ProcessConfig": {"user": "root", "privileged": True}}
    if kind is Kind.TASK:
        return {"ID": identity, "ServiceID": identity}
    mount = {"Type": "volume", "Name": f"{NAME}-volume", "Destination": "/data", "RW": False}
    return {
        "Id": identity,
        "Name": NAME,
        "Spec": {"Name": NAME},
        "RepoTags": [f"{NAME}:latest"],
        "Driver": "host",
        "Options": {"device": f"/{NAME}"},
        "InfraContainerID": identity,
        "SharedNamespaces": ["net"],
        "HostConfig": {"NetworkMode": f"{NAME}-net", "PidMode": "host", "IpcMode": f"container:{NAME}"},
        "Mounts": [mount],
    }


def find(lookup: Lookup, identity: str, spelled: str) -> ResolvedObject | None:
    """Answer as an engine with one object of each kind, which is another's, to whoever spells it so."""
    asked = spelled
    while lookup.name == asked:
        read = read_object(lookup, json.dumps(document_of(lookup.kind, identity)).encode(), "")
        assert read is not None
        if isinstance(read, ResolvedObject):
            return read
        lookup, asked = read, identity
    return None


def spellings(identity: str) -> tuple[str, ...]:
    return NAME, identity[:1], identity[:2], identity[:12]


def policies(operation: Operation, *others: str) -> Iterator[CompiledPolicy]:
    """Policies that grant an operation as far as it is contained, and under every list that it knows."""
    more = (Grant(frozenset(others), "X=1"),) if others else ()
    yield policy_with(Grant(frozenset({operation.name}), "policy.yaml:1"), *more)
    lists = [word for word in find_words(operation).values() if word.takes is Takes.ITEMS]
    listed = {word.name: LISTING.get(word.name, "granted-*") for word in lists}
    fine = [condition(word.name, (listed[word.name],)) for word in lists if not word.fault(listed[word.name])]
    yield policy_with(Grant(frozenset({operation.name}), "policy.yaml:1", tuple(fine)), *more)


def settle(  # noqa: PLR0913, PLR0917 (they are what a request and its engine consist of)
    policy: CompiledPolicy, operation: Operation, target: str, content: Json, identity: str, spelled: str
) -> Verdict | None:
    """Judge a request until nothing more is to be asked; None if it has no single reading."""
    body = json.dumps(content).encode() if content is not None else b""
    fields = ("content-type: application/json", f"content-length: {len(body)}") if body else ()
    judged = judge(policy, head_of(*fields, line=f"{operation.method} {target} HTTP/1.1"))
    verdict = finish(policy, judged, body, lambda lookup: find(lookup, identity, spelled) if identity else None)
    return verdict if isinstance(verdict, Verdict) else None


def answer_of(judged: Verdict) -> bytes:
    """What the client gets; nothing of ours if the request goes on."""
    return b"" if judged.passes else write_answer(judged.decision.status, judged.decision.message, close=False)


def compare(policy: CompiledPolicy, operation: Operation, target: str, content: Json, spelled: str) -> int:
    """Compare the answer for another's object with the one for an object that does not exist; count those denied.

    Where a client may use any object there is none of others; but what those are called, it is not told either.
    """
    sent = target + json.dumps(content)
    absent = settle(policy, operation, target, content, "", spelled)
    denied = 0
    for identity in (HEX, OF_SWARM):
        judged = settle(policy, operation, target, content, identity, spelled)
        assert (judged is None) is (absent is None)
        if judged is None or absent is None or judged.passes:
            continue
        answer, denied = answer_of(judged), denied + 1
        is_told = _is_for_any(policy, operation) or (operation.name in NEWLY_NAMED and len(spelled) >= UNGUESSABLE)
        assert is_told or answer == answer_of(absent), (target, content)
        for secret in (NAME, identity[: max(6, len(spelled) + 1)]):
            assert secret in sent or secret.encode() not in answer, (target, content)
    return denied


def _is_for_any(policy: CompiledPolicy, operation: Operation) -> bool:
    body, words = BODIES.get(operation.name), find_words(operation).keys() & {"containers"}
    return body is not None and body.asks and any(words - case.by_word.keys() for case in policy.cases[operation.name])


NAMED = [operation for name, operation in OPERATIONS.items() if name in KINDS]


@pytest.mark.parametrize("operation", NAMED, ids=lambda operation: operation.name)
def test_a_denial_is_the_same_for_another_s_object_and_for_none(operation: Operation) -> None:
    for policy in policies(operation):
        for spelled in (*spellings(HEX), *spellings(OF_SWARM)):
            target = path_of(operation, one=spelled, many=spelled)
            for query in ("", "?name=granted-x&repo=granted-x&tag=1&path=/x&dir=x&depend=1&force=1"):
                compare(policy, operation, target + query, body_of(operation.name), spelled)


# Objects that a body names


def places(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where in a body something is checked that may name an object."""
    if path and node.rule.rstrip("!") in CHECKS:
        yield path
    for name, below in node.spelled.items():
        yield from places(below, (*path, name))
    if node.item is not None:
        yield from places(node.item, (*path, "[]" if node.type is Type.LIST else "*"))


def fill(node: Node, text: str) -> Json:
    """Return a value of that type that names an object wherever there may be a name."""
    if node.type in {Type.STRING, Type.WORDS}:
        return text
    if node.type is Type.OBJECT:
        shown = {name: fill(below, text) for name, below in node.spelled.items() if below.rule != "unset"}
        kinds: dict[str, Json] = {"Type": "volume", "type": "bind", "nsmode": "container"}
        return shown | {name: kind for name, kind in kinds.items() if name in shown}
    if node.item is not None:
        value = fill(node.item, text)
        return [value] if node.type is Type.LIST else {text: value}
    return {Type.BOOLEAN: False, Type.INTEGER: 1, Type.NUMBER: 1}.get(node.type, {})


def put(node: Node, path: tuple[str, ...], text: str) -> Json:
    """Return a body with nothing but a name at a place, and all that stands beside it in a list or a map."""
    if not path or (path[0] in {"[]", "*"}):
        return fill(node, text)
    return {path[0]: put(node.spelled[path[0]], path[1:], text)}


def merged(ordinary: Json, content: Json) -> Json:
    return ordinary | content if isinstance(ordinary, dict) and isinstance(content, dict) else content


PLACES = [(name, path) for name, body in BODIES.items() if body.is_read for path in dict.fromkeys(places(body.root))]


@pytest.mark.parametrize(("name", "path"), PLACES, ids=lambda each: each if isinstance(each, str) else ".".join(each))
def test_what_a_body_names_is_not_told_either(name: str, path: tuple[str, ...]) -> None:
    operation = OPERATIONS[name]
    for policy in policies(operation):
        for spelled in (*spellings(HEX), *spellings(OF_SWARM), HEX, OF_SWARM):
            for text in (spelled, f"container:{spelled}", f"{spelled}:/data"):
                content = merged(body_of(name), put(BODIES[name].root, path, text))
                target = path_of(operation, one="granted-x", many="granted-x:1")
                compare(policy, operation, target, content, spelled)


NETWORK: dict[str, Json] = {"Image": "nginx", "HostConfig": {"NetworkMode": HEX[:4]}}
CONTAINER: dict[str, Json] = {"Image": "nginx", "HostConfig": {"PidMode": f"container:{HEX[:4]}"}}
CREATE = OPERATIONS["ContainerCreate"]
JOINS = condition("joins", ("granted-*",))


@pytest.mark.parametrize(
    ("content", "inspection", "told"),
    [(NETWORK, "NetworkInspect", NAME), (CONTAINER, "ContainerInspect", NAME)],
)
def test_who_may_inspect_an_object_is_told_what_it_is_and_the_log_says_it_in_any_case(
    content: Json, inspection: str, told: str
) -> None:
    for others in ((), (inspection,)):
        grants = [Grant(frozenset({CREATE.name}), "X=1", (JOINS,)), *[Grant(frozenset(others), "Y=1")] * len(others)]
        judged = settle(policy_with(*grants), CREATE, "/containers/create", content, HEX, HEX[:4])
        assert judged is not None
        assert judged.decision.status == 403
        assert (told in judged.decision.message) is bool(others)
        assert told in (judged.decision.reason or judged.decision.message)


def test_an_inspection_that_is_granted_of_other_objects_tells_nothing() -> None:
    inspect = OPERATIONS["NetworkInspect"]
    only = Grant(frozenset({inspect.name}), "Y=1", (condition("networks", ("granted-*",)),))
    policy = policy_with(Grant(frozenset({CREATE.name}), "X=1"), only)
    judged = settle(policy, CREATE, "/containers/create", NETWORK, HEX, HEX[:4])
    assert judged is not None
    assert NAME not in judged.decision.message


def test_a_pattern_over_names_does_not_say_which_ids_begin_so() -> None:
    operation = OPERATIONS["ContainerInspect"]
    grant = Grant(frozenset({operation.name}), "X=1", (condition("containers", ("ce*",)),))
    policy = policy_with(grant)
    assert compare(policy, operation, f"/containers/{HEX[:4]}/json", None, HEX[:4]) == 2


def test_of_a_granted_object_a_client_is_told_why_it_is_not_enough() -> None:
    listed = condition("joins", (NAME,))
    policy = policy_with(Grant(frozenset({CREATE.name}), "X=1", (listed,)))
    content: Json = {"Image": "nginx", "HostConfig": {"PidMode": f"container:{NAME}"}}
    judged = settle(policy, CREATE, "/containers/create", content, HEX, NAME)
    assert judged is not None
    assert "a container that shares it with the host" in judged.decision.message
