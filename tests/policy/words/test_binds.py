"""A directory of the host is mounted only as it is granted: to read, or to write."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.claim import KEEP, Claim
from dockerproxy.policy.values import Value, split_mode
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.binds import Bind

CONSTRAINT = CONSTRAINTS["binds"]


@pytest.mark.parametrize(
    ("item", "glob", "mode"),
    [
        ("/srv", "/srv", "rw"),
        ("/srv:ro", "/srv", "ro"),
        ("/srv:rw", "/srv", "rw"),
        ("/srv:ro:ro", "/srv:ro", "ro"),
        ("/srv:z", "/srv:z", "rw"),
    ],
)
def test_a_mode_stands_behind_the_path(item: str, glob: str, mode: str) -> None:
    assert split_mode(item) == (glob, mode)


@pytest.mark.parametrize(
    ("granted", "path", "read_only", "passes"),
    [
        ("/srv", "/srv", False, True),
        ("/srv", "/srv", True, True),
        ("/srv:ro", "/srv", True, True),
        ("/srv:ro", "/srv", False, False),
        ("/srv/**", "/srv/a/b", False, True),
        ("/srv/*", "/srv/a/b", True, False),
        ("/srv", "/srv/a", True, False),
    ],
)
def test_what_is_granted_to_read_is_not_written(granted: str, path: str, read_only: bool, passes: bool) -> None:  # noqa: FBT001
    assert admits("binds", ("/x", granted), Bind(path, read_only)) is passes
    assert not admits("binds", (granted,), path)


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        (("/srv/a:ro",), ("/srv/**:ro",), True),
        (("/srv/a:ro",), ("/srv/**",), True),
        (("/srv/a",), ("/srv/**:ro",), False),
        (("/srv/a", "/x"), ("/srv/**",), False),
        (("/srv/**",), ("/srv/a",), False),
    ],
)
def test_reading_is_within_writing(inner: tuple[str, ...], outer: tuple[str, ...], *, within: bool) -> None:
    assert CONSTRAINT.within(inner, outer) is within


@pytest.mark.parametrize(
    ("granted", "options", "problem"),
    [
        (("/srv:ro",), ((Bind("/srv", read_only=False), KEEP),), "a host path that a rule allows read-only"),
        (("/x:ro",), ((Bind("/srv", read_only=False), KEEP),), "a host path that no rule allows"),
        (None, ((Bind("/srv", read_only=False), KEEP),), "a host path that no rule allows"),
        (("/srv:ro",), (), "a host path that no rule allows"),
    ],
)
def test_it_is_said_what_would_be_granted(
    granted: Value | None, options: tuple[tuple[Bind, object], ...], problem: str
) -> None:
    claim = Claim(word="binds", options=options, path="Binds[0]", shown="", says="")  # type: ignore[arg-type]
    assert CONSTRAINT.problem(granted, claim).startswith(problem)


@pytest.mark.parametrize("item", ["/srv/ci", "/srv/**", "/etc/localtime:ro", "/srv:rw"])
def test_a_clean_path_has_no_fault(item: str) -> None:
    assert CONSTRAINT.fault(item) == ""


@pytest.mark.parametrize("item", ["", "srv", "/srv/../etc", ":ro"])
def test_what_is_no_clean_path_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item) == "not a clean absolute path, like /data/**"
