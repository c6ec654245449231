"""A path is compared as it is spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import admits

from dockerproxy.policy.constraints.path import CONSTRAINT


@pytest.mark.parametrize(
    ("path", "passes"), [("/data", True), ("/data/x/y", True), ("/database", False), ("/etc", False), (None, False)]
)
def test_a_path_is_one_of_the_granted(path: str | None, *, passes: bool) -> None:
    assert admits("path", ("/srv", "/data/**"), path) is passes


@pytest.mark.parametrize("item", ["/data/**", "/", "/etc/passwd", "/a*/b?", "/..data"])
def test_a_clean_path_has_no_fault(item: str) -> None:
    assert CONSTRAINT.fault(item) == ""


@pytest.mark.parametrize("item", ["", "data", "/data/", "/data/../etc", "/./a", "//a", "/a/."])
def test_a_path_that_never_matches_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item) == "not a clean absolute path, like /data/**"


@given(st.text("/.*?a", max_size=8))
def test_a_path_that_is_listed_admits_itself(item: str) -> None:
    if not CONSTRAINT.fault(item):
        assert admits("path", (item,), item.replace("*", "x").replace("?", "x"))
