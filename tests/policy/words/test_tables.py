"""The table of an operation has what engines know, with what constraints read of it."""

from dockerproxy.api.bodies.tables import LINES
from dockerproxy.policy.words.tables import BODIES


def test_every_operation_has_its_table() -> None:
    assert BODIES.keys() == LINES.keys()


def test_a_table_has_every_field_that_engines_know() -> None:
    for name, body in BODIES.items():
        assert [each.path for each in body.fields] == [each.path for each in LINES[name][1]]
