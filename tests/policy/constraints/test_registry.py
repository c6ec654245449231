"""A constraint is known by being in its package, by its own word, and reads fields that exist."""

from pathlib import Path

from dockerproxy.policy import constraints
from dockerproxy.policy.constraints import amounts, capabilities, images, names, parameters
from dockerproxy.policy.constraints.registry import CONSTRAINTS

FILES = {path.stem for path in Path(constraints.__path__[0]).glob("*.py")}
OTHERS = {"__init__", "amounts", "base", "images", "names", "parameters", "registry"}
OF_SEVERAL = {each.name for module in (amounts, capabilities, images, names, parameters) for each in module.CONSTRAINTS}


def test_every_other_file_is_a_constraint_called_as_its_word() -> None:
    files = {"drop_capabilities": "capabilities"}
    assert {files.get(word, word) for word in CONSTRAINTS.keys() - OF_SEVERAL} == FILES - OTHERS
    assert CONSTRAINTS.keys() >= OF_SEVERAL
    assert all(word == constraint.name for word, constraint in CONSTRAINTS.items())
