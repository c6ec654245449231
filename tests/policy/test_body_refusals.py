"""Which bodies are refused by the head of their request, whatever a policy says."""

from http import HTTPStatus

import pytest
from policy.judging import EVERYTHING, ask, judged
from policy.policies import policy_of
from rows import for_each

from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation
from dockerproxy.errors import Refusal
from dockerproxy.policy.judge import find_media_types
from dockerproxy.policy.phases import Judged

by_name = for_each("operation", OPERATIONS.values(), ids=lambda operation: operation.name)

FORMS = (
    "application/x-www-form-urlencoded",
    "APPLICATION/X-WWW-FORM-URLENCODED",
    "application/x-www-form-urlencoded; charset=utf-8",
    " application/x-www-form-urlencoded ",
)


WITH_A_BODY = [operation for operation in OPERATIONS.values() if operation.method in {"POST", "PUT"}]
with_a_body = for_each("operation", WITH_A_BODY, ids=lambda operation: operation.name)


@with_a_body
def test_a_form_is_refused_on_every_operation(operation: Operation) -> None:
    for kind in FORMS:
        refusal = ask(operation, f"Content-Type: {kind}", "Content-Length: 5")
        assert isinstance(refusal, Refusal)
        assert refusal.status == HTTPStatus.BAD_REQUEST
        assert refusal.reason.startswith("unsupported content-type ")


@with_a_body
def test_a_type_that_no_client_sends_is_refused_on_every_operation(operation: Operation) -> None:
    lowered_by_go = "mult\u0130part/form-data; boundary=b".encode().decode("latin-1")
    for kind in ("message/rfc822", "application", "application/x-tar;", lowered_by_go):
        assert isinstance(ask(operation, f"Content-Type: {kind}", "Content-Length: 5"), Refusal)


@with_a_body
def test_a_type_that_clients_send_is_taken_in_any_capitals_and_with_parameters(operation: Operation) -> None:
    for kind in find_media_types(operation):
        for spelled in (kind, kind.upper(), f'{kind} ; charset="utf-8"'):
            assert judged(operation, f"Content-Type: {spelled}", "Content-Length: 5").decision.allowed
    assert judged(operation, "Content-Length: 5").decision.allowed


@by_name
@for_each("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_only_what_the_catalog_says_has_a_body_where_the_method_has_none(operation: Operation, framing: str) -> None:
    if operation.method not in {"POST", "PUT"}:
        has_one = operation.name in {"KubePlayDownLibpod", "PlayKubeDownLibpod"}
        assert isinstance(ask(operation, framing), Judged) is has_one
        assert isinstance(ask(operation, "Content-Length: 0"), Judged)


@pytest.mark.parametrize("version", ["", "/v1.12", "/v1.23", "/v1.24", "/v1.45"])
def test_a_start_has_no_body_whatever_a_policy_says(version: str) -> None:
    start, target = OPERATIONS["ContainerStart"], f"{version}/containers/web/start"
    for policy in (EVERYTHING, policy_of(ALLOW_START="1"), policy_of(ALLOW_START="1", CONTAINED="1")):
        for framing in ("Transfer-Encoding: chunked", "Content-Length: 8", "Content-Length: 36"):
            found = ask(start, "Content-Type: application/json", framing, policy=policy, target=target)
            assert isinstance(found, Refusal)
        for length in (0, 2, 4, 7):
            fields = "Content-Type: application/json", f"Content-Length: {length}"
            assert judged(start, *fields, policy=policy, target=target).decision.allowed


@by_name
def test_without_a_body_the_type_of_one_says_nothing(operation: Operation) -> None:
    for kind in (*FORMS, "multipart/form-data; boundary=x"):
        assert judged(operation, f"Content-Type: {kind}").decision.allowed
        assert judged(operation, f"Content-Type: {kind}", "Content-Length: 0").decision.allowed


@with_a_body
def test_several_files_at_once_are_sent_to_few_of_podmans_operations_only(operation: Operation) -> None:
    found = ask(operation, "Content-Type: Multipart/Form-Data; boundary=x", "Content-Length: 1")
    takes = operation.name in {"ImageBuildLibpod", "ManifestModifyLibpod", "QuadletInstallLibpod"}
    assert isinstance(found, Judged) is takes


@by_name
def test_grpc_outside_of_the_tunnels_is_refused_on_every_operation(operation: Operation) -> None:
    anywhere = (
        'text/plain; a="application/grpc"',
        'application/json; charset="x Application/grpc+x"',
        "xapplication/grpc",
    )
    for kind in ("application/grpc", "Application/GRPC+proto", "application/grpc-web", *anywhere):
        assert isinstance(ask(operation, f"Content-Type: {kind}"), Refusal)


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_health_check_brings_no_body_to_the_engine(framing: str) -> None:
    assert ask(HEALTH, framing) == Refusal(400, "unsupported body of a health check; remove it")
