"""An operation is about granted objects only, and what is made is called as it is granted."""

from typing import Final

from policy.inspecting import admits
from policy.policies import ID
from rows import for_each

from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition, Constraint

_WITHOUT: Final = {
    "configs": False,
    "containers": True,
    "joins": False,
    "names": True,
    "pods": False,
    "secrets": False,
    "services": True,
    "volumes": False,
}
"""Whether all pass where a grant does not have the word."""

every = for_each("constraint", [CONSTRAINTS[word] for word in _WITHOUT], ids=lambda each: each.name)


@every
def test_an_object_is_known_by_name_glob_or_full_id(constraint: Constraint) -> None:
    found, word = ResolvedObject(ID, ("web",), subject=ID), constraint.name
    assert admits(word, ("web",), found)
    assert admits(word, ("db", "w*"), found)
    assert admits(word, (ID,), found)
    assert not admits(word, ("db", "we", ID[:12]), found)
    assert not admits(word, ("web",), "web")
    assert not admits(word, ("**",), None)


@every
def test_without_it_all_pass_or_none(constraint: Constraint) -> None:
    assert constraint.narrows is _WITHOUT[constraint.name]
    assert constraint.by_default(ResolvedObject("1", ("web",))) is constraint.narrows


@every
def test_the_objects_are_named(constraint: Constraint) -> None:
    begins = "joins are" if constraint.name == "joins" else f"the {constraint.name.removesuffix('s')} is"
    assert str(Condition(constraint, ("web", "db-*"))) == f"{begins} web or db-*"


@every
@for_each("item", ["", "/web", "a b", "é"])
def test_what_no_object_is_called_is_told(constraint: Constraint, item: str) -> None:
    assert constraint.fault(item).startswith("no object can have this name")
    assert constraint.fault("db-*") == ""
