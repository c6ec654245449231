"""Every operation is in one group of its section, and a group has a word that one can guess."""

import pytest
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS, SECTIONS
from dockerproxy.config.groups import GROUPS, without_underscore
from dockerproxy.policy.compile import OWN_GRANT


@for_each("name", OPERATIONS)
def test_an_operation_is_in_the_group_of_its_section_and_access_and_in_no_other(name: str) -> None:
    operation = OPERATIONS[name]
    word = f"{operation.section}:{operation.access}"
    assert {group for group, names in GROUPS.items() if name in names} == {word, without_underscore(word)}


@pytest.mark.parametrize(
    ("section", "plain"),
    [("_ping", "ping"), ("libpod/_ping", "libpod/ping"), ("containers", "containers"), ("libpod/pods", "libpod/pods")],
)
def test_a_section_may_be_written_without_its_underscore(section: str, plain: str) -> None:
    assert section in SECTIONS
    assert without_underscore(section) == plain
    assert GROUPS[f"{plain}:read"] == GROUPS[f"{section}:read"] != frozenset()


def test_no_section_takes_the_name_of_another() -> None:
    assert len({without_underscore(section) for section in SECTIONS}) == len(SECTIONS)


def test_own_is_no_way_to_the_host() -> None:
    """A checkpoint is in any directory of the host that a client names."""
    assert not [name for name in OWN_GRANT.operations if name.startswith("Checkpoint")]
