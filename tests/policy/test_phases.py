"""A request that is decided says what becomes of it: whether it passes, by which way, and with which bytes."""

from dataclasses import replace

import pytest
from policy.judging import NOTHING, ask, judged
from policy.policies import ID, PRIVILEGED, condition, grant_on, policy_with
from wire.heads import head_of

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.model import Grant, Mode, Source
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict, deny
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.policy.words.constraint import Condition

LIST = judged(OPERATIONS["ContainerList"])


@pytest.mark.parametrize("mode", Mode)
def test_a_denial_passes_only_where_nothing_is_refused(mode: Mode) -> None:
    policy = compile_policy(LIST.policy.policy._replace(mode=mode))
    denied = deny(replace(LIST, policy=policy), "there is no room")
    assert not denied.decision.allowed
    assert denied.decision.message == "ContainerList denied: there is no room"
    assert denied.passes == (mode is not Mode.ENFORCE)


JSON = ("content-type: application/json", "content-length: 9")
CREATE = OPERATIONS["ContainerCreate"]
LOOKUP = Lookup(Kind.VOLUME, "data", "/volumes/data", CREATE)
CONTAINED = policy_with(Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1")))


def waiting_for_body(
    *fields: str, policy: CompiledPolicy = CONTAINED, operation: Operation = CREATE, target: str = ""
) -> NeedsBody:
    """Return a request that waits for its body."""
    found = ask(operation, *(fields or JSON), policy=policy, target=target)
    assert isinstance(found, NeedsBody)
    return found


def with_body(content: bytes, policy: CompiledPolicy = CONTAINED, waiting: NeedsBody | None = None) -> Verdict:
    found = judge_body(waiting or waiting_for_body(policy=policy), content)
    assert isinstance(found, Verdict), found
    return found


def asking_with(content: bytes, policy: CompiledPolicy, waiting: NeedsBody | None = None) -> NeedsLookup:
    found = judge_body(waiting or waiting_for_body(policy=policy), content)
    assert isinstance(found, NeedsLookup), found
    return found


def answered(asking: NeedsLookup, found: ResolvedObject | None) -> Verdict:
    verdict = judge_object(asking, found)
    assert isinstance(verdict, Verdict)
    return verdict


def bodies_of(found: Verdict) -> tuple[bytes, bytes]:
    head, _, content = found.to_engine.partition(b"\r\n\r\n")
    return head, content


def test_a_body_that_decides_goes_on_as_it_was_understood_under_its_own_length() -> None:
    found = with_body(b' {"image": "nginx",\n"Ho\\u017ftConfig": {"Privileged": false}} ')
    head, content = bodies_of(found)
    assert content == b'{"Image":"docker.io/library/nginx","HostConfig":{"Privileged":false,"CapDrop":["MKNOD"]}}'
    assert head.split(b"\r\n")[-1] == b"content-length: %d" % len(content)
    assert found.is_whole


def test_a_body_in_chunks_goes_on_whole() -> None:
    waiting = waiting_for_body("content-type: application/json", "transfer-encoding: chunked", "expect: 100-continue")
    head, content = bodies_of(with_body(b'{"Image":"nginx"}', waiting=waiting))
    assert content == b'{"Image":"docker.io/library/nginx","HostConfig":{"CapDrop":["MKNOD"]}}'
    assert b"chunked" not in head
    assert b"expect" not in head


def test_what_a_body_may_not_have_is_told_by_its_name_and_nothing_goes_on() -> None:
    found = with_body(b'{"Image":"nginx","hostconfig":{"privileged":true}}')
    assert not found.passes
    assert found.decision.message == (
        f"ContainerCreate denied: {PRIVILEGED}; "
        'to allow it, leave that out; or, to let clients become root on the host, add "ContainerCreate: unrestricted"'
        ' to "allow"'
    )


@pytest.mark.parametrize("content", [b"{", b"[]{}", b"\xff", b'{"Image":1,"Image":2}'])
def test_a_body_without_a_single_reading_is_refused_in_every_mode(content: bytes) -> None:
    for mode in (Mode.ENFORCE, Mode.REPORT):
        policy = policy_with(Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1")), mode=mode)
        found = judge_body(waiting_for_body(policy=policy), content)
        assert isinstance(found, Refusal)
        assert found.status == 400


def test_where_nothing_is_refused_a_body_that_is_not_allowed_passes_byte_for_byte() -> None:
    content = b'{ "Image":"nginx", "HostConfig": {"Privileged": true}}'
    policy = policy_with(Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1")), mode=Mode.REPORT)
    found = with_body(content, policy)
    assert not found.decision.allowed
    assert bodies_of(found)[1] == content


@pytest.mark.parametrize(
    "field",
    [
        "content-type: text/plain",
        "content-type: application/json; charset=utf-16",
        "content-type: application/json, text/plain",
        "content-type: application/json+x",
        "x-other: 1",
        "content-type: application/json\r\ncontent-encoding: gzip",
    ],
)
def test_a_body_that_says_it_is_something_else_is_refused_before_it_comes(field: str) -> None:
    found = ask(CREATE, *field.split("\r\n"), "content-length: 9", policy=CONTAINED)
    assert isinstance(found, Refusal)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON ; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_known_in_its_spellings(kind: str) -> None:
    assert waiting_for_body(f"content-type: {kind}", "content-length: 9")


def test_a_missing_body_is_refused_where_one_is_needed_and_none_goes_on_where_not() -> None:
    missing = with_body(b"", waiting=waiting_for_body("x-other: 1"))
    assert "the body is missing" in missing.decision.message
    policy = policy_with(Grant(frozenset({"ExecStart"}), Source("policy.yaml:1")))
    waiting = waiting_for_body("x-other: 1", policy=policy, operation=OPERATIONS["ExecStart"])
    found = answered(asking_with(b"", policy, waiting), ResolvedObject("ab" * 32, ("web",), subject=ID))
    assert found.passes
    assert bodies_of(found)[1] == b""


def test_nobody_waits_for_a_body_that_decides_nothing() -> None:
    for policy in (policy_with(grant_on("ContainerCreate")), NOTHING):
        assert judged(CREATE, *JSON, policy=policy)


def test_a_name_in_a_body_that_could_be_an_id_is_asked_for_and_goes_on_as_the_id() -> None:
    policy = policy_with(
        Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1"), (condition("images", ("nginx",)),))
    )
    asking = asking_with(b'{"Image":"cafe"}', policy)
    assert (asking.lookup.kind, asking.lookup.target) == (Kind.IMAGE, "/images/cafe/json")
    identity = f"sha256:{'cafe'.ljust(64, 'a')}"
    image = ResolvedObject(identity, ("docker.io/library/nginx:latest",), document={"id": "a"})
    assert (
        bodies_of(answered(asking, image))[1]
        == b'{"Image":"%b","HostConfig":{"CapDrop":["MKNOD"]}}' % identity.encode()
    )
    other = ResolvedObject(identity, ("docker.io/library/other:latest",), document={"id": "a"})
    assert not answered(asking, other).passes
    assert not answered(asking, None).passes


def test_all_names_of_a_body_are_asked_for_before_it_is_read_again() -> None:
    policy = policy_with(
        Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1"), (condition("volumes", ("a", "b", "c")),))
    )
    asking: NeedsLookup | Verdict = asking_with(
        b'{"Image":"nginx","HostConfig":{"Binds":["a:/a","b:/b","c:/c"]}}', policy
    )
    asked = []
    while isinstance(asking, NeedsLookup):
        asked.append((asking.lookup.name, len(asking.lookup.others)))
        found = ResolvedObject(asking.lookup.name, (asking.lookup.name,), document={"driver": "local"})
        again = judge_object(asking, found)
        assert not isinstance(again, NeedsBody)
        asking = again
    assert isinstance(asking, Verdict)
    assert asked == [("a", 2), ("b", 1), ("c", 0)]
    assert asking.passes


def test_a_name_in_the_query_goes_on_as_it_was_judged() -> None:
    policy = policy_with(Grant(frozenset({"ImageTag"}), Source("policy.yaml:1"), (condition("tags", ("ci/*:*",)),)))
    asking = judge(policy, head_of(line="POST /images/web/tag?repo=ci%2Fx&tag=1 HTTP/1.1"))
    assert isinstance(asking, NeedsLookup)
    passing = answered(asking, ResolvedObject(f"sha256:{ID}", ("docker.io/ci/web:1",), document={"id": ID}))
    assert passing.to_engine.startswith(f"POST /images/sha256:{ID}/tag?repo=docker.io%2Fci%2Fx&tag=1 ".encode())


@pytest.mark.parametrize(
    "said", ["", "&nocache=0&rm=0&forcerm=0&pull=1", "&forcerm=1&cachefrom=%5B%22x%22%5D&nocache=1"]
)
def test_a_contained_build_runs_all_its_steps(said: str) -> None:
    contained = Grant(frozenset({"ImageBuild"}), Source("policy.yaml:1"), (condition("tags", ("x:*",)),))
    policy = policy_with(contained)
    passing = judged(OPERATIONS["ImageBuild"], "content-length: 9", policy=policy, target=f"/build?q=1{said}")
    assert passing.to_engine.startswith(b"POST /build?q=1&nocache=1&rm=1&forcerm=1&labels=")
    opened = policy_with(contained._replace(conditions=(UNRESTRICTED,)))
    passing = judged(OPERATIONS["ImageBuild"], "content-length: 9", policy=opened, target=f"/build?q=1{said}")
    assert passing.to_engine.startswith(f"POST /build?q=1{said} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("framing", ["content-length: 9", "transfer-encoding: chunked"])
def test_an_archive_goes_on_as_it_is_framed_and_packed(framing: str) -> None:
    policy = policy_with(Grant(frozenset({"ImageBuild"}), Source("policy.yaml:1"), (condition("tags", ("x",)),)))
    passing = judged(OPERATIONS["ImageBuild"], framing, "content-encoding: gzip", policy=policy, target="/build")
    assert passing.to_engine.endswith(f"\r\ncontent-encoding: gzip\r\n{framing}\r\n\r\n".encode())


def test_a_request_is_not_decided_without_the_body_that_decides() -> None:
    with pytest.raises(TypeError):
        judge_object(NeedsLookup(*waiting_for_body().parts, LOOKUP), ResolvedObject(ID, ("web",)))


@pytest.mark.parametrize(
    ("conditions", "line"),
    [
        ((), "{binds: [/etc]}"),
        ((condition("images", ("nginx",)),), "{images: [nginx], binds: [/etc]}"),
        ((condition("binds", ("/srv:ro", "/etc:ro")),), "{binds: [/srv:ro, /etc:ro, /etc]}"),
    ],
)
def test_a_remedy_has_all_that_the_grant_demands(conditions: tuple[Condition, ...], line: str) -> None:
    policy = policy_with(Grant(frozenset({"ContainerCreate"}), Source("policy.yaml:1"), conditions))
    denied = with_body(b'{"Image":"nginx","HostConfig":{"Binds":["/etc:/x"]}}', policy)
    root = "leave that out; or, to let clients become root on the host"
    assert denied.decision.message.endswith(f'to allow it, {root}, add "ContainerCreate: {line}" to "allow"')
