"""From the bytes of a head to what goes to the engine: what was judged, and nothing else."""

import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from api.paths import path_of, version_of
from hypothesis import event, given
from hypothesis import strategies as st
from policy.judging import EVERYTHING, NOTHING, ask, judged
from policy.policies import ID, grant_on, policies, policy_of, policy_with
from rows import for_each
from wire.heads import head_of, heads

from dockerproxy.api.catalog import HEALTH, OPERATIONS, UNKNOWN, Operation, Shape
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.judge import attach_body, judge, judge_body, judge_object, judge_unknown
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.policy.objects import (
    BY_NAME,
    INSPECTIONS,
    KINDS,
    NETWORK_REMOVALS,
    SWEEPING,
    Kind,
    ResolvedObject,
    find_object,
)
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict
from dockerproxy.policy.steps import PlanKind
from dockerproxy.wire.head import Framing

by_name = for_each("operation", OPERATIONS.values(), ids=lambda operation: operation.name)


@given(heads())
def test_any_head_is_judged_or_refused_and_only_what_is_allowed_is_written_for_the_engine(head: bytes) -> None:
    for policy in (EVERYTHING, NOTHING):
        found = judge(policy, head)
        event(type(found).__name__)
        if isinstance(found, Verdict):
            assert found.passes is bool(found.to_engine) is found.decision.allowed


@given(heads())
def test_what_is_forwarded_is_what_was_judged(head: bytes) -> None:
    first = judge(EVERYTHING, head)
    if isinstance(first, Verdict) and first.decision.allowed and first.operation is not HEALTH:
        again = judge(EVERYTHING, first.to_engine)
        assert isinstance(again, Verdict)
        assert (again.request.method, again.target, again.operation) == (
            first.request.method,
            first.target,
            first.operation,
        )
        assert (again.head.framing, again.head.length) == (first.head.framing, first.head.length)
        assert again.to_engine == first.to_engine


@by_name
def test_a_request_that_is_not_allowed_leaves_nothing_for_the_engine(operation: Operation) -> None:
    found = judged(operation, policy=NOTHING)
    assert not found.decision.allowed
    assert found.to_engine == b""


@by_name
def test_an_upgrade_reaches_the_engine_on_a_tunnel_and_nowhere_else(operation: Operation) -> None:
    found = judged(operation, "Connection: Upgrade", "Upgrade: tcp")
    assert (b"\r\nupgrade: tcp\r\n" in found.to_engine) is (operation.shape is Shape.TUNNEL)


@by_name
def test_the_engine_gets_the_canonical_target(operation: Operation) -> None:
    escaped = "".join(letter if letter in "/?" else f"%{ord(letter):02x}" for letter in path_of(operation))
    version = version_of(operation)
    found = judged(operation, target=f"{version}{escaped}?x=a+b")
    assert found.to_engine.startswith(f"{operation.method} {version}{path_of(operation)}?x=a%20b HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        "allow: [own]",
        "allow: [ContainerList: {labelled: {a: b}}]",
        "allow: [ContainerList], hide: [labels]",
        "allow: [ContainerList], paths: {/a: /b}",
        "allow: [], mode: report, hide: [labels]",
    ],
)
def test_where_an_answer_may_be_read_none_comes_compressed_or_in_part(line: str) -> None:
    asked = ("Accept-Encoding: gzip", "If-None-Match: x", "If-Modified-Since: x", "If-Range: x", "Range: bytes=0-9")
    policy = read_policy(f"sockets: {{a: {{path: /a, {line}}}}}", "policy.yaml").sockets[0].policy
    found = judged(OPERATIONS["ContainerList"], *asked, "Accept: x", policy=policy)
    assert found.to_engine.split(b"\r\n")[1:] == [b"host: docker", b"accept: x", b"", b""]
    for field in asked:
        plain = judged(OPERATIONS["ContainerList"], field)
        assert field.lower().encode() in plain.to_engine.lower()


def test_a_health_check_asks_the_engine_for_its_ping_and_tells_it_nothing_of_the_client() -> None:
    found = judged(HEALTH, "X-Meta-A: 1", "Connection: keep-alive", policy=NOTHING, target=f"{HEALTH.path}?x=1")
    assert found.to_engine == b"GET /_ping HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n"


def test_a_request_is_shown_as_it_was_understood() -> None:
    found = judged(OPERATIONS["ContainerCreate"], "Content-Length: 2", target="/v1.45/containers/create?name=a+b")
    assert (found.request.method, found.target) == ("POST", "/v1.45/containers/create?name=a%20b")
    assert (found.head.framing, found.head.length) == (Framing.LENGTH, 2)


def test_what_the_catalog_does_not_know_is_no_operation_and_no_tunnel() -> None:
    found = judge(EVERYTHING, head_of("Connection: Upgrade", "Upgrade: tcp", line="POST /new/thing HTTP/1.1"))
    assert isinstance(found, Verdict)
    assert (found.operation, found.decision.allowed, found.to_engine) == (UNKNOWN, False, b"")


def test_undecodable_bytes_of_a_query_reach_the_engine_as_escapes() -> None:
    found = judge(EVERYTHING, head_of(line="GET /containers/json?x=\xff HTTP/1.1"))
    assert isinstance(found, Verdict)
    assert found.to_engine.startswith(b"GET /containers/json?x=%FF HTTP/1.1\r\n")


OTHER = ResolvedObject("9" * 64, ("other",), subject="9" * 64)
WEB = ResolvedObject(ID, ("web", "docker.io/library/web:latest"), subject=ID)
"""Called so whatever it is."""

ASKED = [OPERATIONS[name] for name, kind in KINDS.items() if kind is not Kind.REMOTE_IMAGE and name != "ImagePush"]
by_object = for_each("operation", ASKED, ids=lambda operation: operation.name)


def gift(operation: Operation) -> str:
    """Return the parameters that an operation which gives a name must have, which others do not read."""
    return f"repo={'docker.io%2Flibrary%2F' if operation.name.endswith('Libpod') else ''}web&name=web"


def held(
    operation: Operation, *fields: str, mode: Mode = Mode.ENFORCE, items: str = "web", target: str = ""
) -> NeedsLookup:
    """Return a request that waits for what the engine says of its object."""
    policy = policy_with(grant_on(operation.name, items), mode=mode)
    found = ask(operation, *fields, policy=policy, target=target)
    if isinstance(found, NeedsBody):  # Who learns reads all bodies that say something.
        found = judge_body(found, b"")
    assert isinstance(found, NeedsLookup)
    return found


def settle(
    operation: Operation,
    found: ResolvedObject | None,
    *,
    mode: Mode = Mode.ENFORCE,
    items: str = "web",
    target: str = "",
) -> Verdict:
    decided = judge_object(held(operation, mode=mode, items=items, target=target), found)
    assert isinstance(decided, Verdict)
    return decided


@by_object
def test_what_is_asked_is_what_the_object_is_that_the_path_names(operation: Operation) -> None:
    waiting = held(operation)
    assert waiting.lookup == find_object(waiting.request)
    assert waiting.object == ""


@by_object
def test_a_request_goes_on_under_the_id_that_was_judged(operation: Operation) -> None:
    before, _, after = operation.path.partition("{")
    rest = after.partition("}")[2].replace("{checkpoint}", "first")
    target = f"{path_of(operation, one='first')}?{gift(operation)}"
    decided = settle(operation, WEB, target=target)
    assert decided.decision.allowed
    line, _, _ = decided.to_engine.partition(b"\r\n")
    assert line.decode() == f"{operation.method} {before}{ID}{rest}?{gift(operation)} HTTP/1.1"
    assert decided.target == target
    assert decided.object in WEB.names


@for_each(("owner", "spelled", "written"), [("", "web", "web"), ("", ID[:12], ID), ("", "web-2", ID), ("a", ID, "web")])
@for_each("name", sorted(NETWORK_REMOVALS))
def test_a_network_is_removed_by_its_name_if_it_is_somebody_s_or_the_client_says_it(
    name: str, owner: str, spelled: str, written: str
) -> None:
    operation = OPERATIONS[name]
    decided = settle(operation, replace(WEB, belongs_to=owner), target=path_of(operation, one=spelled))
    assert decided.to_engine.startswith(f"DELETE {path_of(operation, one=written)} HTTP/1.1\r\n".encode())


@given(
    st.sampled_from(ASKED),
    st.text("abz019-._:+", min_size=1, max_size=8).filter(lambda name: name not in {".", ".."}),
    st.lists(st.tuples(st.text("abX%&=é ", max_size=4), st.text(max_size=6)), max_size=3),
    st.lists(st.tuples(st.text("abX-", min_size=1, max_size=4), st.text("a b", max_size=4)), max_size=3),
    st.sampled_from(["", "/v1.45", "/v5.0.0"]),
)
def test_nothing_but_the_name_of_the_object_changes_on_the_way(
    operation: Operation, name: str, query: list[tuple[str, str]], fields: list[tuple[str, str]], version: str
) -> None:
    lines = [f"{field}: {value}" for field, value in fields]
    target = f"{version}{path_of(operation, one=name, many=name)}?{gift(operation)}&{urlencode(query)}"
    written = judge(policy_of(ALLOW=operation.name), head_of(*lines, line=f"{operation.method} {target} HTTP/1.1"))
    if not isinstance(written, Verdict) or written.operation is not operation:
        return
    decided = settle(operation, WEB, target=target)
    event(f"passes: {decided.passes}")
    before, after = path_of(operation, one="\t", many="\t").split("\t", 1)
    now = f" {version}{before}{ID}{after}".replace("\t", name).encode()
    assert decided.to_engine.count(now) == decided.passes
    if decided.passes:
        plain = f" {version}{before}{name}{after}".replace("\t", name).encode()
        again = judge_object(held(operation, *lines, target=target), WEB)
        assert isinstance(again, Verdict)
        assert again.to_engine == written.to_engine.replace(plain, now, 1)


@by_object
def test_a_request_for_another_object_leaves_nothing_for_the_engine(operation: Operation) -> None:
    decided = settle(operation, OTHER)
    status = 404 if operation.name in INSPECTIONS and KINDS[operation.name] is not Kind.REMOTE_IMAGE else 403
    assert (decided.decision.allowed, decided.decision.status, decided.to_engine) == (False, status, b"")
    why = decided.decision.reason or decided.decision.message
    assert why.startswith(f"{operation.name} denied: only allowed if ")
    assert decided.object == "other"


@given(st.sampled_from(ASKED), policies(), st.sampled_from([OTHER, WEB, None]))
def test_an_answer_to_the_lookup_always_settles_the_request(
    operation: Operation, policy: Policy, found: ResolvedObject | None
) -> None:
    compiled = compile_policy(policy)
    first = ask(operation, policy=compiled)
    event(type(first).__name__)
    if isinstance(first, NeedsLookup):
        decided = judge_object(first, found)
        assert isinstance(decided, Verdict)
        assert decided.passes is decided.decision.allowed


@pytest.mark.parametrize(
    ("target", "written"),
    [
        ("/images/web/push?tag=1", "/images/docker.io/library/web/push?tag=1"),
        ("/v1.45/images/web:1/push", "/v1.45/images/docker.io/library/web:1/push"),
        ("/distribution/web:1/json", "/distribution/docker.io/library/web:1/json"),
        ("/distribution/web/json", "/distribution/docker.io/library/web:latest/json"),
    ],
)
def test_an_image_of_a_registry_goes_on_under_its_normalised_reference(target: str, written: str) -> None:
    name = "ImagePush" if "push" in target else "DistributionInspect"
    found = judged(OPERATIONS[name], policy=policy_with(grant_on(name, "docker.io/library/web:*")), target=target)
    assert found.decision.allowed
    assert f" {written} HTTP/1.1".encode() in found.to_engine


@by_object
def test_who_may_use_a_name_is_told_that_nothing_has_it_as_the_engine_would_say_it(operation: Operation) -> None:
    target = f"{path_of(operation, many='web')}?{gift(operation)}"
    decided = settle(operation, None, items="**", target=target)
    assert (decided.passes, decided.decision.status) == (False, 404)
    no_such = "no such" if operation.name.endswith("Libpod") else "No such"
    assert decided.decision.message == f"{no_such} {KINDS[operation.name]}: web"


@pytest.mark.parametrize(
    ("name", "status"), [("web", 404), ("db", 403), ("9" * 64, 404), ("9" * 63, 403), ("sha256:" + "9" * 64, 404)]
)
def test_who_may_not_use_a_name_learns_nothing_of_it_but_a_whole_id_is_no_secret(name: str, status: int) -> None:
    decided = settle(OPERATIONS["ContainerStart"], None, target=f"/containers/{name}/start")
    assert (decided.decision.status, decided.passes) == (status, False)


def test_a_denial_that_no_object_would_change_asks_nothing() -> None:
    found = judged(OPERATIONS["ContainerStart"], policy=policy_with(grant_on("ContainerStop", "web")))
    assert found.decision.status == 403


@for_each("mode", [Mode.REPORT, Mode.LEARN])
@by_object
def test_where_nothing_is_refused_a_request_for_another_object_passes_as_the_client_wrote_it(
    operation: Operation, mode: Mode
) -> None:
    decided = settle(operation, OTHER, mode=mode)
    assert (decided.decision.allowed, decided.passes, decided.object) == (False, True, "other")
    assert decided.to_engine.startswith(f"{operation.method} {path_of(operation)} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("mode", Mode)
def test_what_cannot_be_known_passes_only_where_nothing_is_refused(mode: Mode) -> None:
    decided = judge_unknown(held(OPERATIONS["ContainerStart"], mode=mode), "nobody knows")
    assert decided.passes is (mode is not Mode.ENFORCE)
    decision = decided.decision
    assert (decision.allowed, decision.message, decision.status) == (False, "nobody knows", 502)


def test_a_name_of_two_objects_is_answered_like_a_name_of_none_and_the_log_says_why() -> None:
    absent = settle(OPERATIONS["ContainerStart"], None, target="/containers/db/start")
    decided = judge_unknown(absent, "two of them")
    assert (decided.decision.message, decided.decision.reason) == (absent.decision.message, "two of them")
    assert decided.decision.status == absent.decision.status
    assert (decided.to_engine, decided.object) == (b"", "")


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
def test_where_nothing_is_refused_the_engine_itself_says_that_an_object_does_not_exist(mode: Mode) -> None:
    decided = settle(OPERATIONS["ContainerStart"], None, mode=mode)
    assert decided.to_engine.startswith(b"POST /containers/web/start HTTP/1.1\r\n")


@pytest.mark.parametrize("mode", Mode)
def test_only_who_learns_asks_for_an_object_on_which_nothing_depends(mode: Mode) -> None:
    for policy in (policy_with(grant_on("ContainerStart"), mode=mode), policy_with(mode=mode)):
        found = ask(OPERATIONS["ContainerStart"], policy=policy)
        assert isinstance(found, NeedsLookup) is (mode is Mode.LEARN)


def test_a_record_names_an_image_as_it_was_meant() -> None:
    operation, names = OPERATIONS["ImageInspect"], ("docker.io/library/a:1", "docker.io/library/web:1")
    identity = f"sha256:{ID}"
    found, nameless = ResolvedObject(identity, names, subject=identity), ResolvedObject(identity, (), subject=identity)
    assert settle(operation, found, target="/images/web:1/json").object == names[1]
    assert settle(operation, found, target="/images/4f5e/json").object == names[0]
    assert settle(operation, nameless, target="/images/4f5e/json").object == identity
    assert settle(operation, None, target="/images/web:1/json").object == names[1]


@by_name
def test_what_may_remove_volumes_is_the_last_request_of_its_connection(operation: Operation) -> None:
    request = judged(operation)
    assert (request.plan is PlanKind.REMOVE) is (operation.name in BY_NAME | SWEEPING)
    is_last = request.plan is PlanKind.REMOVE or operation is HEALTH
    assert (b"\r\nconnection: close\r\n" in request.to_engine) is is_last


@for_each("framing", ["Content-Length: 2", "Transfer-Encoding: chunked"])
@for_each("name", sorted(SWEEPING))
def test_what_was_decided_without_its_body_goes_on_whole_when_that_is_there(name: str, framing: str) -> None:
    before = judged(OPERATIONS[name], framing)
    assert before.passes
    assert not before.is_whole
    found = attach_body(before, b"x:")
    assert found.is_whole
    assert found.decision == before.decision
    assert found.to_engine.endswith(b"\r\ncontent-length: 2\r\nconnection: close\r\n\r\nx:")


def test_every_operation_that_deletes_volumes_claims_them() -> None:
    """But for those that delete volumes without a name: nobody is granted those by their names."""
    said = {operation.name for operation in OPERATIONS.values() if re.search(r"deletes.*volume", operation.says)}
    assert said - BY_NAME - SWEEPING <= {"ContainerDelete", "ContainerDeleteLibpod"}
    assert {name for name in said if OPERATIONS[name].section.endswith("volumes")} <= BY_NAME | SWEEPING
