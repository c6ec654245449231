"""What is made is called as a grant says."""

import pytest
from policy.inspecting import admits
from policy.policies import ID

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.names import CONSTRAINT
from dockerproxy.policy.objects import ResolvedObject


def test_a_name_is_known_by_name_glob_or_full_id() -> None:
    found = ResolvedObject(ID, ("web",), owner=ID)
    assert admits("names", ("web",), found)
    assert admits("names", ("db", "w*"), found)
    assert admits("names", (ID,), found)
    assert not admits("names", ("db", "we", ID[:12]), found)
    assert not admits("names", ("web",), "web")
    assert not admits("names", ("**",), None)


def test_without_it_all_pass() -> None:
    assert CONSTRAINT.narrows is True
    assert CONSTRAINT.by_default(ResolvedObject("1", ("web",))) is True
    assert str(Condition(CONSTRAINT, ("web", "db-*"))) == "the name is web or db-*"


@pytest.mark.parametrize("item", ["", "/web", "a b", "é"])
def test_what_no_object_is_called_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item).startswith("no object has such a name")
    assert CONSTRAINT.fault("db-*") == ""
