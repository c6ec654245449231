"""Only granted volumes are mounted."""

import pytest
from policy.inspecting import admits
from policy.policies import ID

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.volumes import CONSTRAINT
from dockerproxy.policy.objects import ResolvedObject


def test_a_volume_is_known_by_name_glob_or_full_id() -> None:
    found = ResolvedObject(ID, ("web",), owner=ID)
    assert admits("volumes", ("web",), found)
    assert admits("volumes", ("db", "w*"), found)
    assert admits("volumes", (ID,), found)
    assert not admits("volumes", ("db", "we", ID[:12]), found)
    assert not admits("volumes", ("web",), "web")
    assert not admits("volumes", ("**",), None)


def test_without_it_none_passes() -> None:
    assert CONSTRAINT.narrows is False
    assert CONSTRAINT.by_default(ResolvedObject("1", ("web",))) is False
    assert str(Condition(CONSTRAINT, ("web", "db-*"))) == "the volume is web or db-*"


@pytest.mark.parametrize("item", ["", "/web", "a b", "é"])
def test_what_no_object_is_called_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item).startswith("no object has such a name")
    assert CONSTRAINT.fault("db-*") == ""
