"""Who approves a request sees all of it, and for which registries it has credentials, but no password."""

import base64
import json

import pytest

from dockerproxy.advice.questions import show_credentials
from dockerproxy.wire.document import Json


def encode(said: object) -> str:
    return base64.urlsafe_b64encode((said if isinstance(said, str) else json.dumps(said)).encode()).decode()


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
