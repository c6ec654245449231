"""An operation is about granted services only."""

import pytest
from policy.inspecting import admits
from policy.policies import ID

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.services import CONSTRAINT
from dockerproxy.policy.objects import ResolvedObject


def test_a_service_is_known_by_name_glob_or_full_id() -> None:
    found = ResolvedObject(ID, ("web",), owner=ID)
    assert admits("services", ("web",), found)
    assert admits("services", ("db", "w*"), found)
    assert admits("services", (ID,), found)
    assert not admits("services", ("db", "we", ID[:12]), found)
    assert not admits("services", ("web",), "web")
    assert not admits("services", ("**",), None)


def test_without_it_all_pass() -> None:
    assert CONSTRAINT.narrows is True
    assert CONSTRAINT.by_default(ResolvedObject("1", ("web",))) is True
    assert str(Condition(CONSTRAINT, ("web", "db-*"))) == "the service is web or db-*"


@pytest.mark.parametrize("item", ["", "/web", "a b", "é"])
def test_what_no_object_is_called_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item).startswith("no object has such a name")
    assert CONSTRAINT.fault("db-*") == ""
