"""A client's credentials go only to registries that they may be sent to."""

import base64
import json

import pytest
from policy.inspecting import admits, conditions_of, inspect
from policy.policies import condition, policy_with, request_of
from wire.heads import head_of

from dockerproxy.policy.claim import Known
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.constraints.credentials import CONSTRAINT, show_credentials
from dockerproxy.policy.decide import judge_claims, reading_of_head
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Grant
from dockerproxy.policy.phases import Verdict
from dockerproxy.wire.document import Json

SAMPLES = ("docker.io", "registry.example:5000", "ghcr.io")
VALUES: tuple[tuple[str, ...], ...] = ((), ("index.docker.io",), ("docker.io", "Registry.example:5000"), ("ghcr.io",))

SECRET = {"username": "u", "password": "p"}
PULL = ("POST", "/images/create?fromImage=ghcr.io/a/b&tag=1")
PUSH = ("POST", "/images/ghcr.io/a/b/push?tag=1")
BUILD = ("POST", "/build")
CREATE = ("POST", "/services/create")
UPDATE = ("POST", "/services/web/update?version=1")
LOOK = ("GET", "/distribution/ghcr.io/a/b/json")
MOVES = [PULL, PUSH, CREATE, UPDATE, LOOK]
BY_BOTH = [PULL, PUSH, BUILD]
FIELDS = ["x-registry-auth", "x-registry-config"]


def encode(said: object) -> str:
    return base64.urlsafe_b64encode((said if isinstance(said, str) else json.dumps(said)).encode()).decode()


def service(image: Json) -> Json:
    return {"taskTemplate": {"ContainerSpec": {"image": image}}}


def problems(
    sent: tuple[str, str],
    *values: str,
    granted: tuple[str, ...] | None,
    name: str = FIELDS[0],
    body: Json = service("ghcr.io/a/b:1"),  # noqa: B008 (nobody changes it)
) -> list[str]:
    request = (request_of(*sent))._replace(fields=tuple((name.encode(), value.encode()) for value in values))
    bounds = {} if granted is None else {"credentials": granted}
    if sent == LOOK:
        faults = judge_claims(conditions_of(bounds), reading_of_head(request, Known()).claims).faults
    else:
        known = Known(body=(body,) if sent in {CREATE, UPDATE} else None)
        faults = inspect(BODIES[request.operation.name], bounds, request, known).faults
    return [str(each) for each in faults if "credentials" in str(each)]


@pytest.mark.parametrize("sent", MOVES)
def test_credentials_go_only_where_they_may(sent: tuple[str, str]) -> None:
    for said in (SECRET, {**SECRET, "serveraddress": "https://ghcr.io/v2/"}, {"identitytoken": "t"}, {"Auth": "x"}):
        assert not problems(sent, encode(said), granted=("GHCR.io",))
        assert problems(sent, encode(said), granted=("docker.io",))
        assert problems(sent, encode(said), granted=())
        assert not problems(sent, encode(said), granted=None)
    other = {"RegistryToken": "t", "ServerAddress": "evil.example"}
    assert problems(sent, encode(other), granted=("ghcr.io",))
    assert problems(sent, encode(other), granted=("evil.example",))
    assert not problems(sent, encode(other), granted=("ghcr.io", "evil.example"))


@pytest.mark.parametrize("sent", BY_BOTH)
def test_both_fields_are_read(sent: tuple[str, str]) -> None:
    for name in FIELDS:
        servers = encode({"https://ghcr.io/v1/": SECRET, "registry.example:5000": {}})
        assert not problems(sent, servers, granted=("ghcr.io",), name=name)
        assert problems(sent, servers, granted=("registry.example:5000",), name=name)
        assert problems(
            sent, encode({"ghcr.io": {**SECRET, "serveraddress": "x.example"}}), granted=("ghcr.io",), name=name
        )
        assert problems(sent, encode({"ghcr.io/a": SECRET}), granted=(), name=name)


@pytest.mark.parametrize("sent", [*MOVES, BUILD])
@pytest.mark.parametrize(
    "text",
    ["", "null", encode({}), encode("null"), encode({"username": "", "serveraddress": "x.example"}), encode({"a": {}})],
)
def test_no_credentials_may_go_anywhere(sent: tuple[str, str], text: str) -> None:
    granted = ("ghcr.io",) if sent == UPDATE else ()  # It has some by itself.
    assert not problems(sent, text, granted=granted)
    assert not problems(sent, granted=granted)


@pytest.mark.parametrize(
    "values",
    [
        (encode({}), encode(SECRET)),
        (encode('{"username":"u","username":""}'),),
        (encode('{"username":"u","Username":""}'),),
        (encode('{"a.example":{"username":"u"},"A.example":{}}'),),
        (encode('{} {"username":"u"}'),),
        (encode([SECRET]),),
        (encode({**SECRET, "x.example": SECRET}),),
        (encode(SECRET).rstrip("="),),
        ("?" + encode(SECRET)[1:],),
        ("not base64",),
        ("====",),
    ],
)
def test_what_has_no_single_reading_is_denied(values: tuple[str, ...]) -> None:
    for sent in MOVES:
        (fault,) = problems(sent, *values, granted=("ghcr.io", "docker.io", "a.example"))
        assert "ambiguous registry" in fault
        assert not problems(sent, *values, granted=None)


@pytest.mark.parametrize(
    "sent",
    [
        BUILD,
        ("POST", "/images/create?fromSrc=-&repo=app"),
        ("POST", "/images/create?fromImage=a&fromImage=ghcr.io/a/b"),
    ],
)
def test_an_image_of_no_certain_registry_gets_no_credentials(sent: tuple[str, str]) -> None:
    assert problems(sent, encode(SECRET), granted=("ghcr.io", "docker.io"))


def test_docker_hub_has_many_names() -> None:
    for said in (SECRET, {**SECRET, "serveraddress": "https://index.docker.io/v1/"}):
        for granted in ("docker.io", "index.docker.io", "registry-1.docker.io"):
            assert not problems(("POST", "/images/create?fromImage=nginx&tag=1"), encode(said), granted=(granted,))
    assert CONSTRAINT.within(("index.docker.io",), ("docker.io",))
    assert CONSTRAINT.least("ghcr.io") == ("ghcr.io",)
    assert CONSTRAINT.least("") is None
    assert CONSTRAINT.read_back(("index.docker.io",)) == ("docker.io",)
    assert admits("credentials", ("index.docker.io",), "docker.io")
    assert CONSTRAINT.fault("ghcr.io/a")


@pytest.mark.parametrize("text", [(), ("",)])
def test_a_service_sends_what_it_has(text: tuple[str, ...]) -> None:
    """An update without credentials keeps those of the service, which then go to wherever its image is."""
    evil = service("evil.example/a:1")
    (fault,) = problems(UPDATE, *text, granted=("ghcr.io",), body=evil)
    assert 'the service\'s own credentials may be sent to "evil.example"' in fault
    assert not problems(UPDATE, *text, granted=("ghcr.io", "evil.example"), body=evil)
    assert not problems(UPDATE, *text, granted=("ghcr.io",))
    assert not problems(UPDATE, *text, granted=None, body=evil)
    assert problems(UPDATE, *text, granted=(), body=service("busybox"))
    assert not problems(CREATE, *text, granted=(), body=evil)
    assert not problems(UPDATE, encode({}), granted=(), body=evil)


@pytest.mark.parametrize("sent", [CREATE, UPDATE])
@pytest.mark.parametrize(
    "body", [None, {}, service(None), service("A b"), service(""), {"TaskTemplate": {"Runtime": ""}}]
)
def test_a_service_of_no_certain_image_gets_no_credentials(sent: tuple[str, str], body: Json) -> None:
    assert problems(sent, encode(SECRET), granted=("ghcr.io", "docker.io"), body=body)
    assert not problems(CREATE, granted=(), body=body)


@pytest.mark.parametrize("sent", [CREATE, UPDATE])
def test_a_service_has_one_image_in_whatever_spelling(sent: tuple[str, str]) -> None:
    for name in ("busybox", "docker.io/a/b", "index.docker.io/a/b:1", f"busybox@sha256:{64 * 'a'}"):
        assert not problems(sent, encode(SECRET), granted=("docker.io",), body=service(name))
        assert problems(sent, encode(SECRET), granted=("ghcr.io",), body=service(name))
    assert not problems(sent, encode(SECRET), granted=("localhost:5000",), body=service("localhost:5000/a"))


@pytest.mark.parametrize(("host", "passes"), [("ghcr.io", True), ("docker.io", False)])
def test_a_look_at_an_image_of_a_registry_is_judged_whole(host: str, *, passes: bool) -> None:
    policy = policy_with(Grant(frozenset({"DistributionInspect"}), "x", (condition("credentials", (host,)),)))
    line = "GET /v1.45/distribution/ghcr.io/a/b:1/json HTTP/1.1"
    judged = judge(policy, head_of(f"X-Registry-Auth: {encode(SECRET)}", line=line))
    assert isinstance(judged, Verdict)
    assert judged.passes is passes
    without = judge(policy, head_of(line=line))
    assert isinstance(without, Verdict)
    assert without.passes


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (
            {"username": "u", "PASSWORD": "p", "serveraddress": "a.example", "more": "x"},
            {"username": "u", "PASSWORD": "... (1 characters)", "serveraddress": "a.example", "more": "x"},
        ),
        ({"a.example": {"auth": "dTpw", "email": "e"}}, {"a.example": {"auth": "... (4 characters)", "email": "e"}}),
        ({"password": {"username": "u", "identitytoken": ""}}, {"password": {"username": "u", "identitytoken": ""}}),
        ({"password": ["p"]}, {"password": ["p"]}),
    ],
)
def test_who_approves_credentials_is_shown_all_but_the_text_of_passwords(sent: Json, shown: Json) -> None:
    assert show_credentials(encode(sent)) == shown


@pytest.mark.parametrize("text", ["x", "e30+", encode('{"a":1,"a":2}'), encode("[1]"), encode("{}{}")])
def test_what_may_be_read_as_other_credentials_is_shown_as_it_came(text: str) -> None:
    assert show_credentials(text) == text
