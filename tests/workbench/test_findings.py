"""A finding says how grave it is, and where."""

import pytest

from dockerproxy.workbench.findings import Finding, Severity, find_line, is_bad

NOTE = Finding(severity=Severity.NOTE, text="x")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("ContainerLogs (policy.yaml:12)", 12),
        ("preset:traefik (a (b):3.yaml:4)", 4),
        ("CONTAINERS=1 POST=1", 0),
        ("preset:traefik", 0),
        ("x (policy.yaml:y)", 0),
    ],
)
def test_the_line_of_a_grant_is_the_one_that_its_source_names(source: str, line: int) -> None:
    assert find_line(source) == line


def test_a_place_is_a_line_or_what_it_is_about() -> None:
    assert Finding(severity=Severity.NOTE, text="x", file="p.yaml", line=3, about="socket a").where == "p.yaml:3"
    assert Finding(severity=Severity.NOTE, text="x", file="p.yaml", about="socket a").where == "socket a"
    assert Finding(severity=Severity.NOTE, text="x", file="p.yaml").where == "p.yaml"


def test_only_a_note_needs_no_action() -> None:
    assert not is_bad(())
    assert not is_bad((NOTE,))
    assert is_bad((NOTE, Finding(severity=Severity.WARNING, text="x")))
    assert is_bad((Finding(severity=Severity.ERROR, text="x"),))
