"""An image is pulled from where a grant says, or all its tags if one pattern covers them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import admits

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.origin import CONSTRAINT
from dockerproxy.policy.references import Reference, parse_reference, with_default_tag

NGINX = Reference("docker.io/library/nginx")


@pytest.mark.parametrize(
    ("pattern", "tag", "passes"),
    [
        ("nginx", "latest", True),
        ("nginx", "1", False),
        ("nginx:1*", "1.27", True),
        ("docker.io/library/*", "1", True),
        ("docker.io/ci/*", "1", False),
        ("**", "1", True),
        ("other", "1", False),
    ],
)
def test_an_image_is_pulled_by_its_normalised_reference(pattern: str, tag: str, *, passes: bool) -> None:
    assert admits("from", (pattern,), Reference(NGINX.name, tag)) is passes


@pytest.mark.parametrize("pattern", ["**", "nginx:*", "nginx*", "docker.io/library/*", "docker.io/**", "*"])
def test_all_tags_are_pulled_if_one_pattern_covers_them(pattern: str) -> None:
    assert admits("from", (pattern,), NGINX)


@pytest.mark.parametrize(
    "patterns", [("nginx",), ("nginx:1*", "nginx:[!1]*"), ("nginx@*",), ("nginx:?",), ("nginx:*1",), ("ngin:*",)]
)
def test_all_tags_are_not_pulled_by_patterns_for_some(patterns: tuple[str, ...]) -> None:
    assert not admits("from", patterns, NGINX)


@given(
    st.lists(st.sampled_from([*"an:1/", "*", "**", "?", "docker.io/"]), max_size=8).map("".join),
    st.from_regex("[a-z0-9]{1,2}(/[an]{1,2})?", fullmatch=True),
    st.from_regex("[an1_][an1_.-]{0,4}", fullmatch=True),
)
def test_a_pattern_that_lets_all_tags_be_pulled_lets_each(pattern: str, name: str, tag: str) -> None:
    every, one = parse_reference(name), parse_reference(f"{name}:{tag}")
    assert every is not None
    assert one is not None
    if admits("from", (pattern,), every):
        assert admits("from", (pattern,), one)
        assert admits("from", (pattern,), with_default_tag(every))


def test_one_image_can_be_listed_and_all_tags_of_a_name_cannot() -> None:
    assert CONSTRAINT.least(Reference(NGINX.name, "1")) == (f"{NGINX.name}:1",)
    assert CONSTRAINT.least(NGINX) is None
    assert CONSTRAINT.least(NGINX.name) is None
    assert not admits("from", ("**",), NGINX.name)


def test_it_is_said_from_where_and_what_never_matches() -> None:
    assert str(Condition(CONSTRAINT, ("nginx",))) == "the image comes from nginx"
    assert CONSTRAINT.name == "from"
    assert [bool(CONSTRAINT.fault(item)) for item in ("", "https://registry.example/x", "nginx")] == [True, True, False]
