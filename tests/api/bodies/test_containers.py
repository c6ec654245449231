"""The tables about containers have each field once, with what it can do."""

import pytest
from api.bodies.files import tables_in
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES, Field, grow_tree

CONTAINERS = tables_in("containers")

FIELDS = [(name, field) for name, body in CONTAINERS.items() for field in body.fields]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_field_has_one_line(name: str) -> None:
    paths = [field.path.lower() for field in CONTAINERS[name].fields]
    assert sorted(paths) == sorted(set(paths))


@for_each("pair", FIELDS)
def test_a_line_reads_as_a_clause(pair: tuple[str, Field]) -> None:
    _, field = pair
    assert not field.summary.endswith((".", ","))
    assert field.summary[0].islower() or field.summary.startswith("/")


def test_the_fields_of_the_host_config_are_nowhere_else() -> None:
    """Engines up to 26.1 read them at the top of the body, too."""
    root = BODIES["ContainerCreate"].root
    both = set(root.spelled) & set(root.spelled["HostConfig"].spelled)
    assert both == {"Runtime"}
    assert root.spelled["Runtime"].rule == "unset"


REACHING = "Privileged DeviceCgroupRules UsernsMode CgroupParent Cgroup VolumesFrom Links GroupAdd Sysctls StorageOpt"


@for_each("field", REACHING.split())
def test_what_reaches_the_host_is_unset(field: str) -> None:
    assert BODIES["ContainerCreate"].root.spelled["HostConfig"].spelled[field].rule == "unset"


def test_a_command_is_looked_at_when_it_starts() -> None:
    assert set(BODIES["ExecStart"].of_object) == {"ProcessConfig", "ProcessConfig.privileged", "ProcessConfig.user"}
    assert BODIES["ExecStart"].asks


def test_every_tree_can_be_grown() -> None:
    for body in CONTAINERS.values():
        assert grow_tree(body.fields).keys
