"""Each container and command gets the variables that are granted, in place of the client's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.words.looking import look
from rows import for_each

from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.wire.document import Json

CONSTRAINT = CONSTRAINTS["environment"]
PROXY = Pairs((("HTTPS_PROXY", "http://egress:3128"), ("NO_PROXY", "")))
SET = ["HTTPS_PROXY=http://egress:3128", "https_proxy=http://egress:3128", "NO_PROXY=", "no_proxy="]
SAMPLES = (True,)
VALUES = (PROXY, Pairs((("HTTPS_PROXY", "http://egress:3128"),)), Pairs((("HTTPS_PROXY", "x"),)))
BODIES: dict[str, dict[str, Json]] = {"ContainerCreate": {"Image": "a"}, "ContainerExec": {"Cmd": ["sh"]}}

each_operation = pytest.mark.parametrize("operation", BODIES)


def send(operation: str, *given: str, granted: Pairs | None = PROXY, **said: Json) -> Json:
    """Return the variables that go on."""
    env: dict[str, Json] = {"Env": list(given)} if given else {}
    bounds: dict[str, Value] = {"environment": granted} if granted else {}
    looked = look(operation, "", {**BODIES[operation], **env, **said}, bounds=bounds)
    assert not [str(fault) for fault in looked.faults if "images" not in fault.word and "Image" not in fault.path]
    assert isinstance(looked.content, dict)
    return looked.content.get("Env")


@each_operation
def test_each_container_and_command_gets_the_variables(operation: str) -> None:
    assert send(operation) == SET
    assert send(operation, Env=None) == SET
    assert send(operation, Env=[]) == SET
    assert send(operation, "A=b", "C=") == ["A=b", "C=", *SET]


@each_operation
def test_a_client_cannot_set_a_granted_variable(operation: str) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "Https_Proxy", "NO_proxy"):
        for text in (f"{name}=http://evil", name, f"{name}=", f"{name}=a=b"):
            assert send(operation, text, "A=b", text) == ["A=b", *SET]


@each_operation
def test_other_names_stay_as_they_are(operation: str) -> None:
    others = ("HTTP_PROXY=x", "HTTPS_PROXY_=x", "X_HTTPS_PROXY=x", "HTTPS_PROXY =x", "=NO_PROXY", "HTTP\u017f_PROXY=")
    assert send(operation, *others) == [*others, *SET]


@each_operation
def test_without_the_word_the_client_says_it_all(operation: str) -> None:
    assert send(operation, "HTTPS_PROXY=x", granted=None) == ["HTTPS_PROXY=x"]
    assert send(operation, granted=None) is None


@given(st.lists(st.text("HTPSX_htpsx=", max_size=12)))
def test_whatever_is_sent_the_last_word_is_that_of_the_grant(texts: list[str]) -> None:
    env = send("ContainerCreate", *texts, granted=Pairs((("HTTPS", "granted"),)))
    assert isinstance(env, list)
    said = [str(text).partition("=") for text in env]
    assert {value for name, _, value in said if name.upper() == "HTTPS"} == {"granted"}


def test_beside_commands_only_the_grant_sets_variables() -> None:
    bounds: dict[str, Value] = {"environment": PROXY, "commands": (("sh",),)}
    looked = look("ContainerExec", "", {"Cmd": ["sh"]}, bounds=bounds)
    assert (looked.faults, looked.content) == ((), {"Cmd": ["sh"], "Env": SET})
    assert look("ContainerExec", "", {"Cmd": ["sh"], "Env": ["A=b"]}, bounds=bounds).faults


@for_each("name", ["https_proxy", "Https_Proxy", "", "A-B", "A=B", "1A", "A B", "\u017f"])
def test_a_variable_is_written_in_capitals(name: str) -> None:
    assert "write the name in upper case" in CONSTRAINT.fault(name)


def test_a_variable_with_digits_can_be_written() -> None:
    assert CONSTRAINT.fault("_A9_B") == ""
