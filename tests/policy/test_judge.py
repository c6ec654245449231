"""From the bytes of a head to what goes to the engine: what was judged, and nothing else."""

import pytest
from api.paths import EVERY, path_of
from hypothesis import event, given
from policy.policies import policy_of
from wire.heads import head_of, heads

from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation, Shape
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import Judged, judge
from dockerproxy.wire.head import Framing

EVERYTHING = policy_of(ALLOW=",".join(OPERATIONS))
NOTHING = policy_of(PING="0", VERSION="0", EVENTS="0", LIBPOD_PING="0", LIBPOD_VERSION="0")

by_name = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)

FORMS = (
    "application/x-www-form-urlencoded",
    "APPLICATION/X-WWW-FORM-URLENCODED",
    "application/x-www-form-urlencoded; charset=utf-8",
    " application/x-www-form-urlencoded ",
)


def ask(operation: Operation, *fields: str, policy: CompiledPolicy = EVERYTHING, target: str = "") -> Judged | Refusal:
    line = f"{operation.method} {target or path_of(operation)} HTTP/1.1"
    return judge(policy, head_of(*fields, line=line))


def judged(operation: Operation, *fields: str, policy: CompiledPolicy = EVERYTHING, target: str = "") -> Judged:
    found = ask(operation, *fields, policy=policy, target=target)
    assert isinstance(found, Judged), found
    return found


@given(heads())
def test_any_head_is_judged_or_refused_and_only_what_is_allowed_is_written_for_the_engine(head: bytes) -> None:
    for policy in (EVERYTHING, NOTHING):
        found = judge(policy, head)
        event(type(found).__name__)
        if isinstance(found, Judged):
            assert bool(found.to_engine) is found.decision.allowed


@given(heads())
def test_what_is_forwarded_is_what_was_judged(head: bytes) -> None:
    first = judge(EVERYTHING, head)
    if isinstance(first, Judged) and first.decision.allowed and first.operation is not HEALTH:
        again = judge(EVERYTHING, first.to_engine)
        assert isinstance(again, Judged)
        assert (again.method, again.target, again.operation) == (first.method, first.target, first.operation)
        assert (again.head.framing, again.head.length) == (first.head.framing, first.head.length)
        assert again.to_engine == first.to_engine


@by_name
@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_form_is_refused_on_every_operation(operation: Operation, framing: str) -> None:
    for kind in FORMS:
        refusal = ask(operation, f"Content-Type: {kind}", framing)
        assert isinstance(refusal, Refusal)
        assert (refusal.status, refusal.reason.partition(" would")[0]) == (400, "a form in the body")


@by_name
def test_without_a_body_the_type_of_one_says_nothing(operation: Operation) -> None:
    for kind in (*FORMS, "multipart/form-data; boundary=x"):
        assert judged(operation, f"Content-Type: {kind}").decision.allowed
        assert judged(operation, f"Content-Type: {kind}", "Content-Length: 0").decision.allowed


@by_name
def test_a_multipart_body_is_refused_where_an_engine_reads_parameters_from_it(operation: Operation) -> None:
    found = ask(operation, "Content-Type: Multipart/Form-Data; boundary=x", "Content-Length: 1")
    assert isinstance(found, Refusal) is (operation.name in {"ImageBuild", "BuildCancel"})


@by_name
def test_grpc_outside_of_the_tunnels_is_refused_on_every_operation(operation: Operation) -> None:
    for kind in ("application/grpc", "Application/GRPC+proto", "application/grpc-web"):
        assert isinstance(ask(operation, f"Content-Type: {kind}"), Refusal)


@by_name
def test_a_request_that_is_not_allowed_leaves_nothing_for_the_engine(operation: Operation) -> None:
    found = judged(operation, policy=NOTHING)
    assert not found.decision.allowed
    assert found.to_engine == b""


@by_name
def test_an_upgrade_reaches_the_engine_on_a_tunnel_and_nowhere_else(operation: Operation) -> None:
    found = judged(operation, "Connection: Upgrade", "Upgrade: tcp")
    assert found.may_tunnel is (operation.shape is Shape.TUNNEL)
    assert (b"\r\nupgrade: tcp\r\n" in found.to_engine) is found.may_tunnel


@by_name
def test_a_stream_is_known_as_one_that_may_last(operation: Operation) -> None:
    assert judged(operation).may_last is (operation.shape is Shape.STREAM)


@by_name
def test_the_engine_gets_the_canonical_target(operation: Operation) -> None:
    escaped = "".join(letter if letter in "/?" else f"%{ord(letter):02x}" for letter in path_of(operation))
    found = judged(operation, target=f"/v4.0{escaped}?x=a+b")
    assert found.to_engine.startswith(f"{operation.method} /v4.0{path_of(operation)}?x=a%20b HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_only_our_own_operation_is_a_health_check(operation: Operation) -> None:
    assert judged(operation).is_health_check is (operation is HEALTH)


def test_a_health_check_asks_the_engine_for_its_ping_and_tells_it_nothing_of_the_client() -> None:
    found = judged(HEALTH, "X-Meta-A: 1", "Connection: keep-alive", policy=NOTHING, target=f"{HEALTH.path}?x=1")
    assert found.to_engine == b"GET /_ping HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_health_check_brings_no_body_to_the_engine(framing: str) -> None:
    assert ask(HEALTH, framing) == Refusal(400, "a health check has no body")


def test_a_request_is_shown_as_it_was_understood() -> None:
    found = judged(OPERATIONS["ContainerCreate"], "Content-Length: 2", target="/v1.45/containers/create?name=a+b")
    assert (found.method, found.target) == ("POST", "/v1.45/containers/create?name=a%20b")
    assert (found.head.framing, found.head.length) == (Framing.LENGTH, 2)
    assert not found.may_tunnel


def test_what_the_catalog_does_not_know_is_no_operation_and_no_tunnel() -> None:
    found = judge(EVERYTHING, head_of("Connection: Upgrade", "Upgrade: tcp", line="POST /new/thing HTTP/1.1"))
    assert isinstance(found, Judged)
    assert (found.operation, found.decision.allowed, found.may_tunnel, found.to_engine) == (None, False, False, b"")


def test_undecodable_bytes_of_a_query_reach_the_engine_as_escapes() -> None:
    found = judge(EVERYTHING, head_of(line="GET /containers/json?x=\xff HTTP/1.1"))
    assert isinstance(found, Judged)
    assert found.to_engine.startswith(b"GET /containers/json?x=%FF HTTP/1.1\r\n")
