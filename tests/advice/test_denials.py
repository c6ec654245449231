"""A denial names nothing of others but what its client sent; where grants say `own`, what they have does not exist."""

import json
from collections.abc import Iterator

import pytest
from api.paths import path_of
from policy.judging import finish
from policy.ordinary import body_of
from policy.policies import condition, policy_with
from rows import for_each
from wire.heads import head_of

from dockerproxy.api.bodies.tables import BODIES, Node, Type
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import OWN_GRANT, CompiledPolicy, compile_policy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import CREATED_BY, Grant, Source
from dockerproxy.policy.objects import INSPECTIONS, KINDS, OWN, Kind, Lookup, ResolvedObject, words_of_object
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import CHECKS, find_words
from dockerproxy.wire.answer import write_answer
from dockerproxy.wire.document import Json

NAME = "zqsecret"
HEX, OF_SWARM = "ce7a" + 15 * "01d9", "q5x" + 11 * "7z"
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
    more = (Grant(frozenset(others), Source("X=1")),) if others else ()
    yield policy_with(Grant(frozenset({operation.name}), Source("policy.yaml:1")), *more)
    lists = [word for word in find_words(operation).values() if word.takes is Takes.ITEMS]
    listed = {word.name: LISTING.get(word.name, "granted-*") for word in lists}
    fine = [condition(word.name, (listed[word.name],)) for word in lists if not word.fault(listed[word.name])]
    yield policy_with(Grant(frozenset({operation.name}), Source("policy.yaml:1"), tuple(fine)), *more)


def settle(  # noqa: PLR0913, PLR0917 (they are what a request and its engine consist of)
    policy: CompiledPolicy, operation: Operation, target: str, content: Json, identity: str, spelled: str
) -> Verdict | None:
    """Judge a request until nothing more is to be asked; None if it has no single reading."""
    body = json.dumps(content).encode() if content is not None else b""
    fields = ("content-type: application/json", f"content-length: {len(body)}") if body else ()
    judged = judge(policy, head_of(*fields, line=f"{operation.method} {target} HTTP/1.1"))
    verdict = finish(judged, body, lambda lookup: find(lookup, identity, spelled) if identity else None)
    return verdict if isinstance(verdict, Verdict) else None


def answer_of(judged: Verdict) -> bytes:
    """What the client gets; nothing of ours if the request goes on."""
    return b"" if judged.passes else write_answer(judged.decision.status, judged.decision.message, close=False)


def check_names(policy: CompiledPolicy, operation: Operation, target: str, content: Json, spelled: str) -> bytes:
    """Check that a denial names no object of another; return it, of the last."""
    sent, answer = target + json.dumps(content), b""
    for identity in (HEX, OF_SWARM):
        judged = settle(policy, operation, target, content, identity, spelled)
        if judged is None or judged.passes:
            continue
        answer = answer_of(judged)
        for secret in (NAME, identity[: max(6, len(spelled) + 1)]):
            assert secret in sent or secret.encode() not in answer, (target, content)
    return answer


NAMED = [operation for name, operation in OPERATIONS.items() if name in KINDS]


@for_each("operation", NAMED, ids=lambda operation: operation.name)
def test_a_denial_names_nothing_that_was_not_sent(operation: Operation) -> None:
    for policy in policies(operation):
        for spelled in (*spellings(HEX), *spellings(OF_SWARM)):
            target = path_of(operation, one=spelled, many=spelled)
            for query in ("", "?name=granted-x&repo=granted-x&tag=1&path=/x&dir=x&depend=1&force=1"):
                check_names(policy, operation, target + query, body_of(operation.name), spelled)


OWNED = [each for each in NAMED if each.name in OWN_GRANT.operations and OWN in find_words(each)]
MORE = ("", ", {name}: {{{word}: [granted-*]}}")


@for_each("operation", OWNED, ids=lambda operation: operation.name)
def test_what_another_has_is_answered_like_what_does_not_exist(operation: Operation) -> None:
    word = words_of_object(operation.name)[0]
    for more in MORE:
        create = f"{CREATED_BY[operation.name]}, " if operation.name in CREATED_BY else ""
        allow = f"{create}{operation.name}: {{own: true}}{more.format(name=operation.name, word=word)}"
        text = f"sockets: {{ci: {{path: /ci.sock, own_as: team, allow: [{allow}]}}}}"
        policy = read_policy(text, "policy.yaml").sockets[0].policy
        for spelled in (*spellings(HEX), HEX):
            target = path_of(operation, one=spelled, many=spelled)
            for query in ("", "?name=granted-x&path=/x&dir=x&depend=1&force=1"):
                others, none = (
                    settle(policy, operation, target + query, body_of(operation.name), identity, spelled)
                    for identity in (HEX, "")
                )
                assert others is not None
                assert none is not None
                assert not others.passes
                assert answer_of(others) == answer_of(none)
                assert others.decision.status == 404


LOOKED_UP = [OPERATIONS[name] for name in sorted(INSPECTIONS) if KINDS[name] is not Kind.REMOTE_IMAGE]


@for_each("operation", LOOKED_UP, ids=lambda operation: operation.name)
def test_an_inspection_by_names_finds_nothing_else(operation: Operation) -> None:
    """`docker inspect` goes on to the next kind of object after 404, and ends after 403."""
    _, policy = policies(operation)
    for spelled in (*spellings(HEX), HEX):
        target = path_of(operation, one=spelled, many=spelled)
        others, none = (settle(policy, operation, target, None, identity, spelled) for identity in (HEX, ""))
        assert others is not None
        assert none is not None
        assert not others.passes
        assert answer_of(others) == answer_of(none)
        assert others.decision.status == 404
        assert others.decision.reason.startswith(f"{operation.name} denied: only allowed if ")
    asking = compile_policy(policy.policy._replace(asks=True))
    waits = settle(asking, operation, path_of(operation, one=NAME, many=NAME), None, HEX, NAME)
    assert waits is not None
    assert waits.decision.status == 403


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


@for_each(("name", "path"), PLACES, ids=lambda each: each if isinstance(each, str) else ".".join(each))
def test_what_a_body_names_is_not_named_otherwise(name: str, path: tuple[str, ...]) -> None:
    operation = OPERATIONS[name]
    for policy in policies(operation):
        for spelled in (*spellings(HEX), *spellings(OF_SWARM), HEX, OF_SWARM):
            for text in (spelled, f"container:{spelled}", f"{spelled}:/data"):
                content = merged(body_of(name), put(BODIES[name].root, path, text))
                target = path_of(operation, one="granted-x", many="granted-x:1")
                check_names(policy, operation, target, content, spelled)


NETWORK: dict[str, Json] = {"Image": "nginx", "HostConfig": {"NetworkMode": HEX[:4]}}
CONTAINER: dict[str, Json] = {"Image": "nginx", "HostConfig": {"PidMode": f"container:{HEX[:4]}"}}
CREATE = OPERATIONS["ContainerCreate"]


@pytest.mark.parametrize("content", [NETWORK, CONTAINER])
def test_the_log_names_what_the_client_is_not_told(content: Json) -> None:
    policy = policy_with(Grant(frozenset({CREATE.name}), Source("X=1"), (condition("joins", ("granted-*",)),)))
    judged = settle(policy, CREATE, "/containers/create", content, HEX, HEX[:4])
    assert judged is not None
    assert (judged.decision.status, NAME in judged.decision.message, NAME in judged.decision.reason) == (
        403,
        False,
        True,
    )


def test_of_a_granted_object_a_client_is_told_why_it_is_not_enough() -> None:
    listed = condition("joins", (NAME,))
    policy = policy_with(Grant(frozenset({CREATE.name}), Source("X=1"), (listed,)))
    content: Json = {"Image": "nginx", "HostConfig": {"PidMode": f"container:{NAME}"}}
    judged = settle(policy, CREATE, "/containers/create", content, HEX, NAME)
    assert judged is not None
    assert "a container that shares it with the host" in judged.decision.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ContainerCreate", {"Image": "nginx", "HostConfig": {"NetworkMode": "ID"}}),
        ("ContainerCreate", {"Image": "nginx", "HostConfig": {"PidMode": "container:ID"}}),
        ("ContainerCreate", {"Image": "nginx", "NetworkingConfig": {"EndpointsConfig": {"ID": {}}}}),
        ("NetworkConnect", {"Container": "ID"}),
        ("NetworkDisconnect", {"Container": "ID"}),
    ],
)
def test_a_body_tells_of_no_beginning_of_an_id_whether_another_has_it(name: str, content: Json) -> None:
    text = "sockets: {ci: {path: /ci.sock, own_as: team, allow: [own, ContainerCreate: {memory: 1GiB}]}}"
    policy, operation = read_policy(text, "policy.yaml").sockets[0].policy, OPERATIONS[name]
    for spelled in (HEX[:1], HEX[:3], HEX[:12], HEX):
        body = json.loads(json.dumps(content).replace("ID", spelled))
        others, none = (_settle_beside_own(policy, operation, body, spelled, identity) for identity in (HEX, ""))
        assert not others.passes
        assert answer_of(others) == answer_of(none)


def _settle_beside_own(
    policy: CompiledPolicy, operation: Operation, body: Json, spelled: str, identity: str
) -> Verdict:
    """Judge a request in whose path is an own network, and in whose body another's object, if there is one."""
    mine = ResolvedObject("b" * 64, ("mine",), subject="b" * 64, belongs_to="team", document={"id": "b" * 64})

    def look(lookup: Lookup) -> ResolvedObject | None:
        if lookup.name == "mine":
            return mine
        return find(lookup, identity, spelled) if identity else None

    content = json.dumps(body).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}")
    head = head_of(*fields, line=f"{operation.method} {path_of(operation, one='mine', many='mine')} HTTP/1.1")
    judged = finish(judge(policy, head), content, look)
    assert isinstance(judged, Verdict)
    return judged
