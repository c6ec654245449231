"""What is secret in a request is shown nowhere, and everything else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import UNKNOWN
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.api.secrets import _FIELDS, _PARAMETERS, is_secret, redact
from dockerproxy.text import fold

SECRETS = sorted(_PARAMETERS)
WORDS = st.text(st.sampled_from("abEnv=&;%4+\u017fK?/\udcff"), max_size=12)


@for_each(
    ("target", "shown"),
    [
        ("/containers/json", "/containers/json"),
        ("/containers/json?all=1&limit=2", "/containers/json?all=1&limit=2"),
        ("/containers/create?name=web&Env=A%3Ds3cret&Image=app", "/containers/create?name=web&Env=...&Image=app"),
        ("/containers/create?HostConfig=%7B%22Binds%22%3A%5B%5D%7D", "/containers/create?HostConfig=..."),
        ("/build?t=app&buildargs=%7B%22TOKEN%22%3A%22s3cret%22%7D", "/build?t=app&buildargs=..."),
        ("/images/create?fromImage=app&authconfig=s3cret", "/images/create?fromImage=app&authconfig=..."),
        ("/secrets/create?Name=db&Data=czNjcmV0", "/secrets/create?Name=db&Data=..."),
        ("/x?Env=s3cret&Env=s3cret", "/x?Env=...&Env=..."),
        ("/x?Env", "/x?Env"),
        ("/x?Environment=1&labeled=2", "/x?Environment=1&labeled=2"),
        ("no target?env=s3cret=s3cret", "no target?env=..."),
    ],
)
def test_a_secret_keeps_its_name_and_loses_its_value(target: str, shown: str) -> None:
    assert redact(target) == shown


@pytest.mark.parametrize(
    "spelling", ["%45nv", "eNV", "E%6Ev", "+Env".lstrip("+"), "label%C5%BF", "label\u017f", "LABELS"]
)
def test_no_spelling_of_a_name_shows_its_value(spelling: str) -> None:
    assert redact(f"/x?a=1&{spelling}=s3cret") == f"/x?a=1&{spelling}=..."


def test_a_target_of_question_marks_is_searched_once() -> None:
    target = "/" + "?" * 200_000
    assert redact(target) == target
    assert redact(f"{target}&env=x") == f"{target}&env=..."


def test_a_semicolon_shows_nothing() -> None:
    assert redact("/x?a=b;Env=s3cret;c=s3cret&d=e") == "/x?a=b;Env=...&d=e"
    assert redact("/x?Env=A;B=s3cret&d=e") == "/x?Env=...&d=e"


@given(st.sampled_from(SECRETS), WORDS.filter(lambda text: "&" not in text), WORDS, WORDS.map(lambda text: f"/{text}&"))
def test_wherever_a_secret_stands_it_is_hidden(name: str, value: str, after: str, before: str) -> None:
    shown = redact(f"{before.replace('?', '')}?{before}{name}={value}s3cret&{after}")
    assert "s3cret" not in shown
    assert f"&{name}=..." in shown


@given(st.lists(st.tuples(st.sampled_from(SECRETS) | WORDS, WORDS), max_size=5))
def test_what_is_shown_of_a_canonical_target_is_canonical_and_shows_all_else(
    query: list[tuple[str, str]],
) -> None:
    request = CanonicalRequest(method="GET", version="v1.45", path="/info", query=tuple(query), operation=UNKNOWN)
    shown = redact(request.target)
    assert redact(shown) == shown
    again = canonicalise("GET", shown)
    assert isinstance(again, CanonicalRequest)
    hidden = [(name, "..." if fold(name) in _PARAMETERS else value) for name, value in query if name or value]
    assert [pair for pair in again.query if any(pair)] == hidden


@for_each(
    ("path", "secret"),
    [
        ("Env[0]", True),
        ("TaskTemplate.ContainerSpec.Env", True),
        ("?buildargs", True),
        ("?HostConfig", True),
        ("password", True),
        ("HostConfig.Binds[0]", False),
        ('HostConfig.LogConfig.Config["env"]', False),
        ('Labels["a"]', False),
        ("?name", False),
        ("the body", False),
    ],
)
def test_a_message_shows_what_is_not_secret(path: str, secret: bool) -> None:  # noqa: FBT001 (a value)
    assert is_secret(path) is secret


def test_what_the_tables_call_credentials_is_secret() -> None:
    credentials = {fold(each.path) for name in ("SystemAuth", "SwarmUnlock") for each in BODIES[name].fields}
    assert credentials - _FIELDS == {"username", "email", "serveraddress"}
