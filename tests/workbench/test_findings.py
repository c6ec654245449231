"""A finding says where it is, and whether it needs action."""

import pytest

from dockerproxy.policy.model import Source
from dockerproxy.workbench.findings import Severity, differ, place_of


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (Source("ContainerLogs", "policy.yaml", 12), "dir/policy.yaml:12"),
        (Source("CONTAINERS=1 POST=1"), "dir/policy.yaml"),
        (Source("preset:traefik", "--allow"), "dir/policy.yaml"),
    ],
)
def test_the_place_of_a_grant_is_the_line_that_its_source_names(source: Source, place: str) -> None:
    assert place_of("dir/policy.yaml", source) == place


def test_only_a_note_needs_no_action() -> None:
    fails = {level: differ("engine", "", level, "x").fails for level in Severity}
    assert fails == {Severity.ERROR: True, Severity.WARNING: True, Severity.NOTE: False}
