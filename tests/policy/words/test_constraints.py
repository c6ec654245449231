"""A constraint is found by its file, and speaks of the fields that it names."""

from dockerproxy.api.bodies.tables import LINES
from dockerproxy.policy.words.registry import READS
from dockerproxy.policy.words.tables import BODIES


def test_each_field_that_a_word_reads_is_one_of_a_table() -> None:
    for operation, field in READS:
        (line,) = (each for each in BODIES[operation].fields if each.path == field)
        assert line.rule.rstrip("!") == f"{operation}:{field}"
        assert field in {each.path for each in LINES[operation][1]}
